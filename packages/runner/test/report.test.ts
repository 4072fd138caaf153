import { DeviceError } from "@devhost/core";
import { describe, test } from "vitest";
import { StageError } from "../src/error.ts";
import type { ReportEvent } from "../src/events.ts";
import { ManifestError, type Problem } from "../src/problem.ts";
import { createReport, type ReportOptions } from "../src/report.ts";
import { reportErrors } from "../src/error-report.ts";
import { eventComplaints } from "./event-schema.ts";

const stageError = new StageError(
	"ERR_STAGE_FAILED",
	"stage format: mkfs.ext4 ended with exit status 1",
	{
		stage: "format",
		exitCode: 1,
		output: "mkfs: no space\n",
	},
);
const closeError = new DeviceError("ERR_DEVICE_CLOSE", "disk: still bound", {
	device: "disk",
	cause: Object.assign(new Error("busy"), { code: "EBUSY" }),
});
const problem: Problem = {
	code: "ERR_DEVICE_OPTIONS",
	file: "manifest.yaml",
	line: 12,
	column: 9,
	pointer: "/devices/disk/options/start",
	path: "devices.disk.options.start",
	message: "1.5, expected a whole number of sectors, 0 or more",
};

const events: ReportEvent[] = [
	{
		event: "run-started",
		run: "r-1",
		manifest: "m.yaml",
		tree: "/t",
		stages: ["format", "fill"],
	},
	{ event: "service-started", service: "loopback" },
	{
		event: "device-opened",
		device: "disk",
		type: "devhost.loopback",
		path: "/dev/loop0",
		node: { major: 7, minor: 0 },
		durationMs: 3.12,
	},
	{ event: "log", service: "loopback", text: "bound loop0" },
	{
		event: "stage-started",
		stage: "format",
		number: 1,
		count: 2,
		command: ["mkfs", "a b", "it's"],
	},
	{ event: "stage-output", stage: "format", stream: "stdout", text: "one\ntw" },
	{ event: "stage-output", stage: "format", stream: "stderr", text: "careful\n" },
	{ event: "stage-output", stage: "format", stream: "stdout", text: "o" },
	{ event: "stage-ended", stage: "format", success: true, durationMs: 1234.5 },
	{ event: "device-closed", device: "disk", durationMs: 0.5 },
	{ event: "warning", code: "WARN_SANDBOX_NONE", message: "no sandbox" },
	{ event: "run-ended", success: true, exitCode: 0, durationMs: 75_400, errors: [] },
];
const failed: ReportEvent = {
	event: "run-ended",
	success: false,
	exitCode: 1,
	durationMs: 12.6,
	errors: [stageError, closeError].flatMap(reportErrors),
};

function render(
	options: ReportOptions,
	shown: readonly ReportEvent[],
): { out: string; err: string } {
	const text = { out: "", err: "" };
	const report = createReport({
		...options,
		write: (fd, piece) => {
			text[fd === 1 ? "out" : "err"] += piece;
		},
	});
	for (const event of shown) report.event(event);
	return text;
}

describe("the report of a run", () => {
	test("is plain lines elsewhere than on a terminal", ({ expect }) => {
		expect(render({}, events)).toEqual({
			out: [
				"opened disk /dev/loop0 (devhost.loopback) in 3.1 ms",
				String.raw`format: mkfs 'a b' 'it'\''s'`,
				"format | one",
				"format | careful",
				"format | two",
				"format: done after 1.2 s",
				"done after 1 min 15 s",
				"",
			].join("\n"),
			err: "warning: no sandbox\n",
		});
	});

	test("tells more when asked to", ({ expect }) => {
		const { out } = render({ verbose: true }, events);

		expect(out).toContain("run r-1: m.yaml, 2 stages\nservice loopback started\nopened disk");
		expect(out).toContain("loopback: bound loop0\n");
		expect(out).toContain("closed disk in 0.5 ms\n");
	});

	test("is only warnings and errors when it is to be quiet", ({ expect }) => {
		expect(render({ quiet: true }, [...events, failed])).toEqual({
			out: "",
			err: [
				"warning: no sandbox",
				"error: stage format: mkfs.ext4 ended with exit status 1 [ERR_STAGE_FAILED]",
				"  | mkfs: no space",
				"also: disk: still bound [ERR_DEVICE_CLOSE]",
				"  because: busy [EBUSY]",
				"",
			].join("\n"),
		});
	});

	test("does not print a stage's output twice", ({ expect }) => {
		const { out, err } = render({}, [failed]);

		expect(err).not.toContain("no space");
		expect(out).toBe("failed after 13 ms, exit status 1\n");
	});

	test("has colours on a terminal only", ({ expect }) => {
		const all = [...events, failed];

		expect(render({ isTerminal: true }, all).out).toContain("\u001b[32m✓\u001b[0m");
		expect(render({}, all).out + render({}, all).err).not.toContain("\u001b");
	});

	test("lets no control character of a stage through", ({ expect }) => {
		const output = (text: string): ReportEvent[] => [
			events[4] as ReportEvent,
			{ event: "stage-output", stage: "format", stream: "stdout", text },
		];

		const { out } = render({}, output("\u001b]0;owned\u0007\u001b[2J\n"));

		expect(out).toContain(String.raw`format | \x1b]0;owned\x07\x1b[2J`);
	});
});

test("a target in several lines is shown in one", ({ expect }) => {
	const path = "/run/devhost/mounts/a\ndone after 1 ms";

	const { out } = render({}, [
		{ event: "mounted", mount: "a", type: "tmpfs", path, durationMs: 1 },
	]);

	expect(out).toBe("mounted a /run/devhost/mounts/a\\x0adone after 1 ms (tmpfs) in 1.0 ms\n");
});

describe("the text report", () => {
	// ESC, BEL, DEL, a C1 CSI, and the override that makes text run from right to left.
	const evil = "a\u001b]0;x\u0007\u007f\u009b2J\u202eb\rc";
	const harmless = String.raw`a\x1b]0;x\x07\x7f\x9b2J\u{202e}b\x0dc`;
	// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
	const acting = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;

	test.for([
		["run-started", { run: "r", manifest: evil, tree: "/", stages: [evil] }, 1],
		["service-started", { service: evil }, 1],
		[
			"device-opened",
			{ device: evil, type: evil, path: evil, node: { major: 7, minor: 0 }, durationMs: 1 },
			3,
		],
		["device-closed", { device: evil, durationMs: 1 }, 1],
		["stage-started", { stage: evil, number: 1, count: 1, command: ["x", evil] }, 2],
		["stage-output", { stage: evil, stream: "stdout", text: "x\n" }, 1],
		["stage-ended", { stage: evil, success: true, durationMs: 1 }, 1],
		["log", { service: evil, text: evil }, 2],
		["warning", { code: "WARN_X", message: evil }, 1],
		[
			"run-ended",
			{
				success: false,
				exitCode: 1,
				durationMs: 1,
				errors: [{ code: "ERR_X", message: evil, causes: [{ message: `cause ${evil}` }] }],
			},
			2,
		],
		["problem", { problem: { ...problem, file: evil, path: evil, message: evil } }, 3],
		["check-ended", { manifest: evil, success: true, exitCode: 0 }, 1],
	] as const)("shows no string of %s as it is", ([event, rest, count], { expect }) => {
		const { out, err } = render({ verbose: true }, [{ event, ...rest } as ReportEvent]);

		expect(out + err).not.toMatch(acting);
		expect((out + err).split(harmless).length - 1).toBe(count);
	});

	test("shows no string of an error as it is", ({ expect }) => {
		let err = "";
		const error = new ManifestError([{ ...problem, message: evil }]);

		createReport({ write: (_, text) => (err += text) }).failure(error, 2);

		expect(err).toContain(harmless);
		expect(err).not.toMatch(acting);
	});

	test("prints what comes before a stage's command under its name, and never under another", ({
		expect,
	}) => {
		const { out } = render({}, [
			events[4] as ReportEvent,
			{ event: "stage-output", stage: "format", stream: "stdout", text: "one" },
			events[8] as ReportEvent,
			{ event: "stage-output", stage: "fill", stream: "stderr", text: "bwrap: no" },
			{ event: "run-ended", success: false, exitCode: 3, durationMs: 1, errors: [] },
		]);

		expect(out.split("\n").slice(1, 4)).toEqual([
			"format | one",
			"format: done after 1.2 s",
			"fill | bwrap: no",
		]);
	});
});

describe("the report as JSON", () => {
	test("is one line for each event, as the published schema says", ({ expect }) => {
		const all: ReportEvent[] = [
			...events,
			failed,
			{ event: "problem", problem },
			{ event: "check-ended", manifest: "m.yaml", success: false, exitCode: 2 },
			{
				event: "stage-ended",
				stage: "format",
				success: false,
				durationMs: 1,
				error: { code: "ERR_STAGE_FAILED", message: "failed", signal: "SIGKILL" },
			},
			{
				event: "run-ended",
				success: false,
				exitCode: 2,
				durationMs: 0,
				errors: reportErrors(new ManifestError([problem])),
			},
		];

		const { out, err } = render({ json: true }, all);

		const lines = out
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line) as unknown);
		expect(lines).toEqual(all);
		expect(lines.flatMap(eventComplaints)).toEqual([]);
		expect(err).toBe("");
	});

	test("is refused by the schema when something is missing", ({ expect }) => {
		for (const event of events) {
			for (const key of Object.keys(event)) {
				const { [key as "event"]: _, ...rest } = event;
				expect(eventComplaints(rest)).not.toEqual([]);
			}
		}
		expect(eventComplaints({ event: "nonsense" })).not.toEqual([]);
	});

	test("is the way of a failure before any run, too", ({ expect }) => {
		let out = "";
		createReport({ json: true, write: (_, text) => (out += text) }).failure(stageError, 1);

		expect(eventComplaints(JSON.parse(out))).toEqual([]);
		expect(JSON.parse(out)).toMatchObject({ event: "run-ended", exitCode: 1 });
	});
});

describe("the report of a check", () => {
	test("shows each problem where it is", ({ expect }) => {
		let err = "";
		createReport({ write: (_, text) => (err += text) }).problems([problem]);

		expect(err).toBe(
			"error: manifest.yaml:12:9 devices.disk.options.start: 1.5, expected a whole number of sectors, " +
				"0 or more [ERR_DEVICE_OPTIONS]\n",
		);
	});
});
