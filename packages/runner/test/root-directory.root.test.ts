import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, test, vi } from "vitest";
import { describeAsRoot } from "@devhost/tools/testing";
import { run } from "../src/index.ts";
import { devhost, eventsOf, killStarted, Project } from "./devhost.ts";

vi.setConfig({ testTimeout: 30_000 });

let project: Project;
beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

const ls = { stages: [{ name: "ls", run: ["ls", "/"] }] };

describeAsRoot("--root", () => {
	test("is looked for from the working directory", async ({ expect }) => {
		// Just enough to run cat, with something to read that is nowhere else.
		const script = `
			mkdir -p small/sys small/proc small/dev small/run small/tmp small/var/tmp
			cp --parents $(command -v cat) $(ldd $(command -v cat) | grep -o '/[^ ]*') small
			echo here > small/marker
			ln -s small link`;
		execFileSync("sh", ["-ec", script], { cwd: project.folder });
		const manifest = project.manifest({
			stages: [{ name: "look", run: ["cat", "/marker"] }],
		});

		for (const [root, cwd] of [
			["small", project.folder],
			["./link", project.folder],
			[".", `${project.folder}/small`],
		] as const) {
			const { code, stderr, stdout } = await devhost(["run", "--root", root, manifest], {
				cwd,
			});

			expect(stderr).toBe("");
			expect(stdout).toContain("look | here\n");
			expect(code).toBe(0);
		}
	});

	test.for([
		["/nonexistent", 'root "/nonexistent": not found, expected a directory'],
		["", 'root "": an empty string, expected a directory'],
		["manifest.json", 'root "manifest.json": not a directory, expected a directory'],
	] as const)("%s is wrong usage", async ([root, message], { expect }) => {
		const manifest = project.manifest(ls);
		const cwd = project.folder;

		const result = await devhost(["run", "--json", `--root=${root}`, manifest], { cwd });

		expect(result.code).toBe(2);
		expect(eventsOf(result)).toMatchObject([
			{ event: "run-ended", exitCode: 2, errors: [{ code: "ERR_RUN_USAGE", message }] },
		]);
	});

	test("that is wrong is an error of the library, too", async ({ expect }) => {
		const manifest = project.manifest(ls);
		const events: object[] = [];

		const running = run(manifest, { root: "", onEvent: (event) => events.push(event) });

		await expect(running).rejects.toMatchObject({
			code: "ERR_RUN_USAGE",
			result: { success: false, exitCode: 2, stages: [] },
		});
		expect(events).toMatchObject([{ event: "run-ended", exitCode: 2 }]);
	});
});
