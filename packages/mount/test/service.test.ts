import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ServiceManager } from "@devhost/rpc";
import { test } from "vitest";
import manifest from "../mount.json" with { type: "json" };
import metadata from "../package.json" with { type: "json" };
import { linuxMounts, mounts, mountTypes } from "../src/index.ts";

const service = join(import.meta.dirname, "..", "dist", "service.cjs");

test("says in one line what it is when it is started by hand", ({ expect }) => {
	const { status, stdout, stderr } = spawnSync(process.execPath, [service], { encoding: "utf8" });

	expect(stderr).toBe(
		"devhost.mount: this program is a service: a host starts it, with --service-fd NUMBER for its socket\n",
	);
	expect(stdout).toBe("");
	expect(status).toBe(2);
});

test("tells its host what it is", async ({ expect }) => {
	const manager = new ServiceManager();
	await using _ = { [Symbol.asyncDispose]: () => manager.stop() };
	const argv = [process.execPath, service];
	const { client } = manager.start({ name: "mount", file: process.execPath, argv });

	const hello = await client.hello;

	expect(hello).toMatchObject({ module: "devhost.mount", version: metadata.version });
});

test("every type has a driver, and only options that there are", ({ expect }) => {
	const drivers = mounts(linuxMounts);

	expect(drivers.flatMap(({ types }) => types)).toEqual(Object.keys(manifest.types));
	const all = Object.keys(manifest.options.properties);
	for (const { options, required = [] } of Object.values(mountTypes)) {
		expect(all).toEqual(expect.arrayContaining([...options]));
		expect(options).toEqual(expect.arrayContaining([...required]));
	}
	// The file systems that are mounted of a device have no other way to write than through it.
	for (const { types, parent, schema } of drivers) {
		expect(parent, types[0]).toBe(mountTypes[types[0] ?? ""]?.source);
		expect(schema).toMatchObject({ type: "object" });
	}
});
