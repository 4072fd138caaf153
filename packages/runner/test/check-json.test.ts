import { afterEach, beforeEach, test } from "vitest";
import { devhost, eventsOf, Project } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";

let project: Project;
beforeEach(() => {
	project = new Project();
});
afterEach(() => project[Symbol.dispose]());

test.for([
	["a file that is missing", ["/nowhere.yaml"], "/nowhere.yaml", "ERR_MANIFEST_READ"],
	["a directory", ["/"], "/", "ERR_MANIFEST_READ"],
	["no manifest", [], "", "ERR_RUN_USAGE"],
	["two manifests", ["a", "b"], "a", "ERR_RUN_USAGE"],
	["an unknown option", ["--nonsense", "a"], "", "ERR_RUN_USAGE"],
] as const)("devhost check --json tells of %s as of a problem", async (data, { expect }) => {
	const [, args, manifest, code] = data;

	const result = await devhost(["check", "--json", ...args]);

	const events = eventsOf(result);
	expect(result).toMatchObject({ code: 2, stderr: "" });
	expect(events).toMatchObject([
		{ event: "problem", problem: { code, file: manifest, line: 0 } },
		{ event: "check-ended", manifest, success: false, exitCode: 2 },
	]);
	expect(events.flatMap(eventComplaints)).toEqual([]);
});
