import { closeSync, openSync } from "node:fs";
import { describe, onTestFinished, test } from "vitest";
import { describeDriver, driverChecks, type ComplianceOptions } from "../src/testing.ts";
import { memorySubject, type Flaw } from "./memory-driver.ts";

const sound: ComplianceOptions = {
	setup: (control) => memorySubject(control),
	refused: [{ label: 3 }],
	canWait: true,
};

describeDriver({ describe, test }, "the driver in memory", sound);

/** The names of the checks that a driver does not pass, with what they say. */
async function failedChecks(
	options: ComplianceOptions,
	only?: string,
): Promise<Record<string, string>> {
	const failed: Record<string, string> = {};
	for (const check of driverChecks(options)) {
		if (only !== undefined && check.name !== only) continue;
		await check.run().catch((error: Error) => {
			failed[check.name] = error.message;
		});
	}
	return failed;
}

describe("the compliance suite", () => {
	test("finds nothing wrong with a sound driver", async ({ expect }) => {
		expect(await failedChecks(sound)).toEqual({});
	});

	test.for<[flaw: Flaw, check: string, message: RegExp]>([
		[
			"keeps the file when binding fails",
			"leaves nothing whichever step fails, and says what failed",
			/^left behind when step 2 of 6, acquire binding, fails: file 1$/,
		],
		["keeps the node", "opens and closes", /^closed, but there is still a node memory2$/],
		[
			"swallows a failed release",
			"leaves nothing whichever step fails, and says what failed",
			/^the failure was swallowed when step 4 of 6, release node, fails$/,
		],
		[
			"hides the cause",
			"leaves nothing whichever step fails, and says what failed",
			/^the error does not hold the cause when step 4 of 6, release node, fails/,
		],
		[
			"ignores the signal",
			"opens nothing when cancelled before",
			/although it was cancelled before/,
		],
		[
			"ignores the signal",
			"leaves nothing whenever it is cancelled",
			/^it opened although it was cancelled during acquire file$/,
		],
		["ignores the signal", "gives up at its deadline", /^it goes on after its deadline$/],
		["waits for ever", "gives up at its deadline", /^it goes on after its deadline$/],
		["accepts any option", "refuses unknown and unfit options", /^it accepted the options/],
		[
			"points nowhere",
			"refuses unknown and unfit options",
			/^no pointer says "\/no-such-option"/,
		],
		["changes the options", "does not change the options it is given", /Cannot assign/],
		["closes again", "closes once, however often it is asked", /further steps/],
		["opens once", "is usable again after closing", /opened before/],
		["opens once", "opens several at once", /opened before/],
		["leaves the directory", "opens and closes", /^the path leaves the device directory/],
	])(
		"finds a driver that %s, by: %s",

		async ([flaw, check, message], { expect }) => {
			const setup: ComplianceOptions["setup"] = (control) => memorySubject(control, flaw);

			const failed = await failedChecks({ ...sound, setup, patienceMs: 100 }, check);

			expect(failed[check]).toMatch(message);
		},
	);

	test("finds a driver that leaks a descriptor of the process", async ({ expect }) => {
		const leaked: number[] = [];
		onTestFinished(() => leaked.forEach(closeSync));

		const failed = await failedChecks({
			...sound,
			setup: (control) => {
				const subject = memorySubject(control);
				const open: typeof subject.driver.open = (options, context) => {
					leaked.push(openSync("/dev/null", "r"));
					return subject.driver.open(options, context);
				};
				return { ...subject, driver: { ...subject.driver, open } };
			},
		});

		expect(failed["opens and closes"]).toMatch(/^descriptors left open: \d+ \/dev\/null$/);
	});

	test("finds a system that is not instrumented", async ({ expect }) => {
		const failed = await failedChecks({
			...sound,
			setup: () => memorySubject({ step() {}, neverReady: false }),
		});

		expect(Object.values(failed).join("\n")).toContain("is it instrumented?");
	});

	test("lets a driver recover where it has another way", async ({ expect }) => {
		const steps = ["release node", "release binding", "release file"];
		const setup: ComplianceOptions["setup"] = (control) =>
			memorySubject(control, "swallows a failed release");

		expect(await failedChecks({ ...sound, setup, recoverable: steps })).toEqual({});
	});
});
