import { afterEach, beforeEach, test, vi } from "vitest";
import { eventsOf, killStarted } from "./devhost.ts";
import { giveToUser, startAsUser } from "./ordinary-user.ts";
import { OsbuildProject, osbuildLoop, testLibdir } from "./osbuild-project.ts";

// A guest takes a second to boot, and Node in it another one.
vi.setConfig({ testTimeout: 120_000 });

let project: OsbuildProject;
beforeEach(() => void (project = new OsbuildProject()));
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

test("an ordinary user runs osbuild's stages in a guest", async ({ expect }) => {
	const disk = project.disk();
	giveToUser(project.folder, project.tree, disk);
	const file = project.pipelines(
		{ name: "other", stages: [{ type: "org.test.end", options: { how: "exit", code: 3 } }] },
		{
			name: "image",
			stages: [
				{ type: "org.test.look", devices: { device: osbuildLoop({ size: 2048 }) } },
				{ type: "org.test.end", options: { how: "exception", text: "told" } },
			],
		},
	);
	const args = [`--libdir=${testLibdir}`, `--tree=${project.tree}`, "--pipeline=image"];

	const running = startAsUser(["run", "--json", ...args, file]);
	const result = await running.ended;

	expect(result.code).toBe(1);
	expect(eventsOf(result)[0]).toMatchObject({ event: "guest-started" });
	expect(eventsOf(result).at(-1)).toMatchObject({
		errors: [
			{
				message: "stage 1 org.test.end: ValueError: told",
				details: { exception: { type: "ValueError", value: "told" } },
			},
		],
	});
	expect(project.written("found.json")).toMatchObject({
		directory: "/",
		arguments: { devices: { device: { path: "/dev/loop0" } } },
	});
});
