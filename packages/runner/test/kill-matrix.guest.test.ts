import { afterAll, beforeAll, describe, test } from "vitest";
import { Project } from "./devhost.ts";
import { describeMatrix, hasHit, KillPoints } from "./kill-matrix/kill-matrix.ts";
import { stacks } from "./kill-matrix/stacks.ts";

describe("whatever is killed after whichever step of a run", () => {
	let points: KillPoints;
	beforeAll(() => void (points = new KillPoints()));
	afterAll(() => points[Symbol.dispose]());

	// A run takes two seconds in a guest: other steps of each stack.
	const every = Object.keys(stacks).length * 4;

	test.for(Object.entries(stacks).map(([name, make], first) => ({ name, make, first })))(
		"nothing is left of $name a second later",
		{ timeout: 3 * 3_600_000 },
		async ({ make, first }, { annotate, expect }) => {
			using project = new Project();
			const devices = make(project.folder);
			const manifest = project.manifest({
				devices,
				stages: [{ name: "write", run: ["sh", "-c", "echo written > {devices.top}"] }],
			});

			const result = await points.matrix(
				{ folder: project.folder, args: ["run", "--backend=native", manifest] },
				{ every, first },
			);

			await annotate(describeMatrix(result));
			expect(result.failures).toEqual([]);
			expect(result.steps.length).toBeGreaterThanOrEqual(40);
			expect(hasHit(result)).toBe(true);
		},
	);
});
