import { constants } from "node:os";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test, vi } from "vitest";
import { devhost, eventsOf, killStarted, Project } from "./devhost.ts";
import { processesIn } from "./leftovers.ts";
import { beneathFilter, systemCallFilter } from "./system-call-filter.ts";

// A guest takes a second to boot, and Node in it another one.
vi.setConfig({ testTimeout: 60_000 });

/** What a kernel with device-mapper says where somebody may not use it, by a filter of `DM_VERSION`; one without it says it all the same. */
const withoutDeviceMapper = {
	number: { x64: 16, arm64: 29 },
	argument: 1,
	value: 0xc138fd00,
	errno: constants.errno.EACCES,
};

let project: Project;
beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

describeAsRoot("a manifest with a module of somebody else that needs device-mapper", () => {
	test.for([
		["auto", ["guest-started", "run-started"]],
		["native", ["run-started", "service-started"]],
	] as const)("where there is none, on the backend %s", async ([backend, begin], { expect }) => {
		const service = new URL("fixtures/moody/service.mjs", import.meta.url).pathname;
		const description = {
			devhost: 1,
			types: ["example.moody"],
			parent: "none",
			service,
			needs: ["device-mapper"],
			options: {},
		};
		project.write("device.json", JSON.stringify(description));
		const manifest = project.manifest({
			modules: ["./device.json"],
			devices: { moody: { type: "example.moody" } },
			stages: [{ name: "stage", run: ["touch", "was-run"] }],
		});
		const filter = project.write("filter", systemCallFilter(withoutDeviceMapper));

		const result = await devhost(["run", "--json", `--backend=${backend}`, manifest], {
			before: beneathFilter(filter),
		});

		const events = eventsOf(result).map(({ event }) => event);
		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(events.slice(0, 2)).toEqual(begin);
		expect(events.filter((event) => event === "run-started")).toHaveLength(1);
		expect(events.filter((event) => event === "run-ended")).toHaveLength(1);
		expect(project.read("was-run")).toBe("");
		await expect.poll(() => processesIn(project.folder)).toEqual([]);
	});
});
