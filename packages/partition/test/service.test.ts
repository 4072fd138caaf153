import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ServiceManager } from "@devhost/rpc";
import { test } from "vitest";
import metadata from "../package.json" with { type: "json" };

const service = join(import.meta.dirname, "..", "dist", "service.cjs");

test("says in one line what it is when it is started by hand", ({ expect }) => {
	const { status, stdout, stderr } = spawnSync(process.execPath, [service], { encoding: "utf8" });

	expect(stderr).toBe(
		"devhost.partition: this program is a service: a host starts it, with --service-fd NUMBER for its socket\n",
	);
	expect(stdout).toBe("");
	expect(status).toBe(2);
});

test("tells its host what it is", async ({ expect }) => {
	const manager = new ServiceManager();
	await using _ = { [Symbol.asyncDispose]: () => manager.stop() };
	const argv = [process.execPath, service];
	const { client } = manager.start({ name: "partition", file: process.execPath, argv });

	const hello = await client.hello;

	expect(hello).toMatchObject({ module: "devhost.partition", version: metadata.version });
});
