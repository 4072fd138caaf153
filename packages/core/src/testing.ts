/**
 * The compliance suite that every driver passes.
 *
 * It looks at a driver through the system that it works with: an instrumented one, which counts the steps it is asked
 * for and fails or delays each in turn. So every way in which opening and closing can fail is gone through, without a
 * test for each.
 *
 * @packageDocumentation
 */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { inspect } from "node:util";
import type { DeviceDriver, OpenContext, OpenDevice } from "./driver.ts";
import { isDeviceError } from "./error.ts";

/** What the suite needs of a test framework. Those of vitest and of `node:test` fit. */
export interface TestFramework {
	readonly describe: (name: string, body: () => void) => unknown;
	readonly test: (name: string, body: () => Promise<void>) => unknown;
}

/** What the instrumented system asks at every step. */
export interface StepControl {
	/**
	 * Says that a step is taken: before something is acquired, and after something was released, because a release that
	 * reports a failure has released all the same (as close(2)).
	 *
	 * @throws {@link StepFailure} when it is this step's turn to fail.
	 */
	step(name: string): void;
	/** The system never becomes ready: every try to acquire is answered with "busy" until the driver gives up. */
	readonly neverReady: boolean;
}

/** A step that failed because the suite wanted it to. Looks like a `SysError` with the code `EIO`. */
export class StepFailure extends Error {
	override readonly name = "SysError";
	readonly code = "EIO";
	readonly errno = 5;
	readonly syscall: string;

	constructor(step: string) {
		super(`${step}: EIO, by the compliance suite`);
		this.syscall = step;
	}
}

/** A driver, and the instrumented system that it was made with. */
export interface DriverUnderTest extends AsyncDisposable {
	readonly driver: DeviceDriver;
	/** Valid options, as they stand in a manifest. */
	readonly options: unknown;
	/**
	 * What `open` gets; the suite adds the signal, and changes the name when it opens several.
	 *
	 * Of `parent` and `parents` one is enough. Without `secret` there are none.
	 */
	readonly context: Omit<OpenContext, "signal" | "log" | "parents" | "secret"> &
		Partial<Pick<OpenContext, "parents" | "secret">>;
	/** What the system still holds, a name for each thing: descriptors, nodes, bindings. Empty when all is closed. */
	leftovers(): readonly string[] | Promise<readonly string[]>;
	/** Whether the node is in the device directory, with these numbers; of a mount whether it is mounted. */
	hasNode(device: Pick<OpenDevice, "path" | "node">): boolean | Promise<boolean>;
}

/** A driver for the suite. */
export interface ComplianceOptions {
	/** Makes a driver and its system anew; called for every check and every step. */
	readonly setup: (control: StepControl) => DriverUnderTest | Promise<DriverUnderTest>;
	/** Further options that the driver must refuse. */
	readonly refused?: readonly unknown[];
	/**
	 * Steps after whose failure opening or closing may succeed all the same, because the driver has another way.
	 *
	 * @default none
	 */
	readonly recoverable?: readonly string[];
	/**
	 * Whether the system can be one that is never ready; then the driver must give up at its deadline.
	 *
	 * @default false
	 */
	readonly canWait?: boolean;
	/**
	 * How long after its deadline the driver may give up, in milliseconds.
	 *
	 * @default 2000
	 */
	readonly patienceMs?: number;
	/**
	 * Whether closing waits for others to let go; then the driver must ask its host how long, when it begins to.
	 *
	 * @default false
	 */
	readonly waitsForOthers?: boolean;
	/**
	 * Whether two devices of the same options can be open at once.
	 *
	 * @default true
	 */
	readonly overlapping?: boolean;
}

/** One check of the suite. It rejects when the driver does not pass. */
export interface DriverCheck {
	readonly name: string;
	run(): Promise<void>;
}

/**
 * Registers the suite as tests.
 *
 * @example
 * ```ts
 * import { describeDriver, type DriverUnderTest, type StepControl } from "@devhost/core/testing";
 * import { describe, test } from "node:test";
 *
 * declare function fakeLoopback(control: StepControl): DriverUnderTest;
 *
 * describeDriver({ describe, test }, "loopback", { setup: fakeLoopback, canWait: true });
 * ```
 */
export function describeDriver(
	{ describe, test }: TestFramework,
	name: string,
	options: ComplianceOptions,
): void {
	describe(`${name} complies with the driver contract`, () => {
		for (const check of driverChecks(options)) test(check.name, () => check.run());
	});
}

/** The suite's checks, for a framework that {@link describeDriver} does not fit. */
export function driverChecks(options: ComplianceOptions): readonly DriverCheck[] {
	const checks: [name: string, run: () => Promise<void>][] = [
		["opens and closes", () => opensAndCloses(options)],
		["closes once, however often it is asked", () => closesOnce(options)],
		["leaves nothing whichever step fails, and says what failed", () => survivesSteps(options)],
		["opens nothing when cancelled before", () => refusesCancelled(options)],
		["leaves nothing whenever it is cancelled", () => survivesCancelling(options)],
		["refuses unknown and unfit options", () => refusesOptions(options)],
		["does not change the options it is given", () => keepsOptions(options)],
		["is usable again after closing", () => opensAgain(options)],
	];
	if (options.canWait === true) checks.push(["gives up at its deadline", () => givesUp(options)]);
	if (options.waitsForOthers === true) {
		checks.push(["asks how long closing may wait", () => asksHowLong(options)]);
	}
	if (options.overlapping !== false) {
		checks.push(["opens several at once", () => opensSeveral(options)]);
	}
	return checks.map(([name, run]) => ({ name, run: () => withoutLeakingDescriptors(run) }));
}

async function opensAndCloses(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options);
	const device = await open(subject);
	try {
		const isMount = subject.context.mount !== undefined;
		const isInside = device.path.split("/").every((part) => !["", ".", ".."].includes(part));
		assert(
			isInside || (isMount && device.path === "."),
			`the path leaves the device directory: "${device.path}"`,
		);
		if (!isMount) assertNumber(device.node);
		for (const { node } of device.nodes ?? []) assertNumber(node);
		assert(await subject.hasNode(device), `open, but there is no node ${device.path}`);
	} finally {
		await close(device);
	}
	assert(!(await subject.hasNode(device)), `closed, but there is still a node ${device.path}`);
	await assertNothingLeft(subject, "after closing");
}

function assertNumber(node: OpenDevice["node"]): void {
	const { major = 0, minor = 0 } = node ?? {};
	const isNumber = Number.isInteger(major) && Number.isInteger(minor) && major > 0 && minor >= 0;
	assert(isNumber, `not a device number: ${major}:${minor}`);
}

async function closesOnce(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options);
	const device = await open(subject);
	await Promise.all([close(device), close(device)]);
	const stepsOfOne = subject.steps.length;
	await close(device);
	assert.equal(subject.steps.length, stepsOfOne, "closing again took further steps");
	await assertNothingLeft(subject, "after closing twice");
}

async function asksHowLong(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options);
	let asked = 0;
	const closeTimeout = (longestMs: number): number => {
		asked += 1;
		return longestMs;
	};
	const device = await open(subject, { closeTimeout });
	asked = 0;
	await close(device);
	assert(asked > 0, "it closed without asking how long it may wait for others");
}

async function survivesSteps(options: ComplianceOptions): Promise<void> {
	const steps = await stepsOfGoodRun(options);
	for (const [index, step] of steps.all.entries()) {
		await using subject = await prepare(options, { failAt: index });
		const when = `when step ${index + 1} of ${steps.all.length}, ${step}, fails`;
		const error = await openAndClose(subject);
		await assertNothingLeft(subject, when);
		if (error === undefined) {
			assert(options.recoverable?.includes(step), `the failure was swallowed ${when}`);
		} else {
			assert(
				holds(error, subject.failure),
				`the error does not hold the cause ${when}: ${inspect(error)}`,
			);
		}
	}
}

async function refusesCancelled(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options);
	const opening = open(subject, { signal: AbortSignal.abort() });
	await assert.rejects(closeIfOpen(opening), "it opened although it was cancelled before");
	await assertNothingLeft(subject, "when cancelled before");
}

async function survivesCancelling(options: ComplianceOptions): Promise<void> {
	const { opening } = await stepsOfGoodRun(options);
	for (const [index, step] of opening.entries()) {
		const controller = new AbortController();
		await using subject = await prepare(options, { cancelAt: index, controller });
		const error = await openAndClose(subject, { signal: controller.signal });
		await assertNothingLeft(subject, `when cancelled during ${step}`);
		// Whoever is through with nearly everything may as well finish, but not whoever has just begun.
		const mustEnd = index === 0 && opening.length > 1;
		assert(
			!mustEnd || error !== undefined,
			`it opened although it was cancelled during ${step}`,
		);
	}
}

async function givesUp(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options, { neverReady: true });
	const signal = AbortSignal.timeout(deadlineMs);
	const tooLate = Promise.withResolvers<never>();
	const timer = setTimeout(
		() =>
			tooLate.reject(new assert.AssertionError({ message: "it goes on after its deadline" })),
		deadlineMs + (options.patienceMs ?? 2000),
	);
	const opening = closeIfOpen(open(subject, { signal })).then(
		() => assert.fail("it opened although the system was never ready"),
		() => undefined,
	);
	try {
		await Promise.race([opening, tooLate.promise]);
	} finally {
		clearTimeout(timer);
	}
	await assertNothingLeft(subject, "after giving up");
}

async function refusesOptions(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options);
	const { driver } = subject;
	const base = isRecord(subject.options) ? subject.options : {};
	const unknown = { ...base, "no-such-option": 1 };
	for (const value of [unknown, null, "text", 3, [], ...(options.refused ?? [])]) {
		const shown = inspect(value);
		const error = refusalOf(driver, value);
		assert(error !== undefined, `it accepted the options ${shown}`);
		if (!isDeviceError(error, "ERR_DEVICE_OPTIONS")) {
			assert.fail(`not an ERR_DEVICE_OPTIONS for the options ${shown}: ${inspect(error)}`);
		}
		if (value !== unknown) continue;
		const pointers = [error.pointer, ...error.problems.map(({ pointer }) => pointer)];
		const isLocated = pointers.includes("/no-such-option");
		assert(isLocated, `no pointer says "/no-such-option": ${pointers.join(", ")}`);
	}
	await assertNothingLeft(subject, "after refusing options");
}

/** What parsing threw, undefined if it threw nothing. */
function refusalOf(driver: DeviceDriver, value: unknown): unknown {
	try {
		driver.parseOptions(structuredClone(value));
		return undefined;
	} catch (error) {
		return error;
	}
}

async function keepsOptions(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options);
	const given = deepFreeze(structuredClone(subject.options));
	const parsed = subject.driver.parseOptions(given);
	assert.deepEqual(given, subject.options);
	await close(await subject.driver.open(parsed, contextOf(subject)));
}

async function opensAgain(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options);
	for (const time of ["first", "second", "third"]) {
		const device = await open(subject);
		assert(await subject.hasNode(device), `no node the ${time} time`);
		await close(device);
		await assertNothingLeft(subject, `after closing the ${time} time`);
	}
}

async function opensSeveral(options: ComplianceOptions): Promise<void> {
	await using subject = await prepare(options);
	const openings = await Promise.allSettled([
		open(subject, { name: "one" }),
		open(subject, { name: "two" }),
	]);
	const devices = openings.flatMap((opening) =>
		opening.status === "fulfilled" ? opening.value : [],
	);
	const [first, second] = devices;
	const areApart = first?.path !== second?.path;
	// In the order of opening, so that the second has to live without the first.
	for (const device of devices) await close(device);
	const failed = openings.find((opening) => opening.status === "rejected");
	if (failed !== undefined) throw failed.reason;
	assert(areApart, `both have the node ${first?.path}`);
	await assertNothingLeft(subject, "after closing both");
}

const deadlineMs = 50;

/** What goes wrong in a run. Steps count from 0. */
interface Plan {
	readonly failAt?: number;
	readonly cancelAt?: number;
	readonly controller?: AbortController;
	readonly neverReady?: boolean;
}

interface Subject extends DriverUnderTest {
	/** The steps taken so far. */
	readonly steps: readonly string[];
	/** The failure that was thrown, once it was. */
	readonly failure: StepFailure | undefined;
}

async function prepare({ setup }: ComplianceOptions, plan: Plan = {}): Promise<Subject> {
	const steps: string[] = [];
	let failure: StepFailure | undefined;
	const control: StepControl = {
		neverReady: plan.neverReady ?? false,
		step(name) {
			const index = steps.push(name) - 1;
			if (index === plan.cancelAt)
				plan.controller?.abort(new Error("cancelled by the suite"));
			if (index !== plan.failAt) return;
			failure = new StepFailure(name);
			throw failure;
		},
	};
	const made = await setup(control);
	return {
		driver: made.driver,
		options: made.options,
		context: made.context,
		leftovers: () => made.leftovers(),
		hasNode: (device) => made.hasNode(device),
		steps,
		get failure() {
			return failure;
		},
		[Symbol.asyncDispose]: () => Promise.resolve(made[Symbol.asyncDispose]()),
	};
}

/** The steps of a run in which nothing fails: of opening, and of opening and closing. */
async function stepsOfGoodRun(
	options: ComplianceOptions,
): Promise<{ readonly opening: readonly string[]; readonly all: readonly string[] }> {
	await using subject = await prepare(options);
	const device = await open(subject);
	const opening = [...subject.steps];
	await close(device);
	assert(opening.length > 0, "the system was asked for no step: is it instrumented?");
	assert(subject.steps.length > opening.length, "closing takes no step: is it instrumented?");
	return { opening, all: [...subject.steps] };
}

interface OpenOptions {
	readonly signal?: AbortSignal;
	readonly name?: string;
	readonly closeTimeout?: (longestMs: number) => number;
}

function contextOf(
	subject: Subject,
	{ signal, name, closeTimeout }: OpenOptions = {},
): OpenContext {
	const { context } = subject;
	const parents = context.parents ?? (context.parent === undefined ? [] : [context.parent]);
	const [parent] = parents;
	return {
		secret: () => undefined,
		...context,
		parents,
		...(parent === undefined ? {} : { parent }),
		...(name === undefined ? {} : { name }),
		...(closeTimeout === undefined ? {} : { closeTimeout }),
		signal: signal ?? new AbortController().signal,
		log() {},
	};
}

async function open(subject: Subject, options: OpenOptions = {}): Promise<OpenDevice> {
	const { driver } = subject;
	return await driver.open(driver.parseOptions(subject.options), contextOf(subject, options));
}

async function close(device: OpenDevice): Promise<void> {
	await device[Symbol.asyncDispose]();
}

/** Waits for an opening, and closes what should not be there. */
async function closeIfOpen(opening: Promise<OpenDevice>): Promise<void> {
	await close(await opening);
}

/** What opening or closing threw, undefined if all went well. */
async function openAndClose(subject: Subject, options: OpenOptions = {}): Promise<unknown> {
	try {
		await closeIfOpen(open(subject, options));
		return undefined;
	} catch (error) {
		assert(error !== undefined, "it threw undefined");
		return error;
	}
}

async function assertNothingLeft(subject: Subject, when: string): Promise<void> {
	const left = await subject.leftovers();
	assert(left.length === 0, `left behind ${when}: ${left.join(", ")}`);
}

/** Whether an error is another one or was caused by it, at whatever depth. */
function holds(error: unknown, sought: unknown, depth = 0): boolean {
	if (error === sought) return true;
	if (!(error instanceof Error) || depth === 10) return false;
	const {
		cause,
		error: released,
		suppressed,
		errors,
		closeFailures,
		alsoFailed,
	} = error as Error & Record<string, unknown>;
	return [cause, released, suppressed, errors, closeFailures, alsoFailed]
		.flat()
		.some((inner) => holds(inner, sought, depth + 1));
}

/** Runs a check and looks whether this process has more descriptors than before. */
async function withoutLeakingDescriptors(run: () => Promise<void>): Promise<void> {
	const before = descriptors();
	await run();
	for (let look = 1; ; look += 1) {
		const added = [...descriptors()].filter((descriptor) => !before.has(descriptor));
		if (added.length === 0) return;
		assert(look < 5, `descriptors left open: ${added.join(", ")}`);
		// The test framework opens files too, for a moment.
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** This process's descriptors, as `20 /dev/loop3`. Empty where there is no procfs. */
function descriptors(): ReadonlySet<string> {
	const found = new Set<string>();
	try {
		for (const fd of readdirSync("/proc/self/fd")) {
			try {
				found.add(`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`);
			} catch {
				// The descriptor by which the directory is being read.
			}
		}
	} catch {
		// No procfs.
	}
	return found;
}

function deepFreeze<T>(value: T): T {
	if (typeof value !== "object" || value === null) return value;
	for (const item of Object.values(value)) deepFreeze(item);
	return Object.freeze(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
