import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { run } from "../src/index.ts";
import { eventsOf } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { describeAsRoot } from "@devhost/tools/testing";

const cli = join(import.meta.dirname, "../dist/cli.cjs");
let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-test-"));
	mkdirSync(join(folder, "tree"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const manifest = "version: 1\ntree: ./tree\nstages: [{ name: touch, run: [touch, made] }]\n";

describeAsRoot("a manifest from standard input", () => {
	const devhost = (input: string, ...args: string[]) =>
		spawnSync(process.execPath, [cli, "run", ...args], {
			cwd: folder,
			input,
			encoding: "utf8",
		});

	test("is run, relative to the working directory", ({ expect }) => {
		const { status, stderr } = devhost(manifest, "-");

		expect(stderr).toBe("");
		expect(status).toBe(0);
	});

	test("is what --as says, for messages and relative paths", ({ expect }) => {
		const wrong = devhost("version: 2\n", "--as", "some/where.yaml", "-");
		expect(wrong.status).toBe(2);
		expect(wrong.stderr).toContain("some/where.yaml:1:10 version: 2, expected 1");
		expect(wrong.stderr).toContain("tree is missing");

		const below = devhost(manifest, "--as", join(folder, "no/manifest.yaml"), "-");
		expect(below.stderr).toContain(join(folder, "no/tree"));
		const { status } = devhost(manifest, "--as", join(folder, "manifest.yaml"), "-");
		expect(status).toBe(0);
	});
});

describeAsRoot("a manifest's text", () => {
	test("is run by the library without being in a file", async ({ expect }) => {
		const result = await run({ text: manifest, file: join(folder, "manifest.yaml") });

		expect(result.stages).toMatchObject([{ name: "touch", status: "done" }]);
	});
});

describeAsRoot("a run in a working directory that is gone", () => {
	test("fails with a code of ours", ({ expect }) => {
		const file = join(folder, "manifest.yaml");
		writeFileSync(file, manifest);
		const script = 'cd gone && rmdir ../gone && exec "$@"';
		mkdirSync(join(folder, "gone"));
		const argv = [process.execPath, cli, "run", "--json", "--module", "./some", file];

		const { status, stdout } = spawnSync("sh", ["-c", script, "sh", ...argv], {
			cwd: folder,
			encoding: "utf8",
		});

		expect(status).toBe(3);
		const events = eventsOf({ stdout });
		expect(events.flatMap(eventComplaints)).toEqual([]);
		expect(events.at(-1)).toMatchObject({
			errors: [{ code: "ERR_RUN_SYSTEM", causes: [{ code: "ENOENT" }] }],
		});
	});
});
