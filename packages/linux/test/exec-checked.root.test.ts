import { writeFileSync, writeSync } from "node:fs";
import { test } from "vitest";
import {
	capabilities,
	capabilitySet,
	execCheckedPath,
	memfd,
	pipe,
	read,
	setNonBlocking,
	spawn,
} from "../src/index.ts";
import { describeAsRoot } from "@devhost/tools/testing";

const all = capabilities().permitted;
const mknod = capabilitySet(["CAP_MKNOD"]);

interface Run {
	/** @default "host" */
	readonly place?: "sandbox" | "host";
	readonly held: bigint;
	readonly allowed: bigint;
	readonly argv: readonly string[];
	readonly environment?: readonly string[];
	/** A command that executes exec-checked. */
	readonly before?: readonly string[];
	/** What the command's file holds, instead of `argv` and `environment`. */
	readonly content?: string;
	/** What is written before the end of the pipe. */
	readonly word?: string;
}

/** Runs exec-checked with these capabilities and returns its report lines, its output and how it ended. */
async function run(options: Run): Promise<{ report: unknown[]; output: string; status: unknown }> {
	const { argv, before = [], environment = ["PATH=/usr/bin:/bin"], word = "!" } = options;
	const [outputReader, output] = pipe();
	const [reportReader, report] = pipe();
	const [start, go] = pipe();
	using command = memfd("command");
	using _outputReader = outputReader;
	using _reportReader = reportReader;
	const [messagesReader, messages] = pipe();
	using _messagesReader = messagesReader;
	const child = spawn({
		file: before[0] ?? execCheckedPath(),
		argv: [
			...before,
			execCheckedPath(),
			options.place ?? "host",
			"3",
			options.allowed.toString(16),
			"4",
			"5",
			"6",
			"7",
		],
		environment: { PATH: "/no/such", OURS: "not the command's" },
		fds: { 1: messages, 2: messages, 3: report, 4: command, 5: start, 6: output, 7: output },
		capabilityBound: options.held,
	});
	output.close();
	messages.close();
	report.close();
	start.close();
	// Only now, as when a sandbox is made before its command is known.
	const strings = [String(argv.length), ...argv, ...environment];
	writeFileSync(command.fd, options.content ?? `${strings.join("\0")}\0`);
	// One that refused before it was asked to begin has closed its end.
	if (word !== "" && child.status === undefined) tryToWrite(go.fd, word);
	go.close();
	const status = await child.exited;
	const drain = (fd: number): string => {
		const into = new Uint8Array(65536);
		setNonBlocking(fd, true);
		return new TextDecoder().decode(
			into.subarray(0, Math.max(0, read(fd, into, 0, into.length))),
		);
	};
	const lines = drain(reportReader.fd).trim().split("\n").filter(Boolean);
	return {
		report: lines.map((line) => JSON.parse(line) as unknown),
		output: drain(outputReader.fd),
		status,
	};
}

function tryToWrite(fd: number, text: string): void {
	try {
		writeSync(fd, text);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
	}
}

describeAsRoot("exec-checked", () => {
	test("executes the program when it holds no more than it should", async ({ expect }) => {
		const held = all & ~mknod;

		const result = await run({
			held,
			allowed: held,
			argv: ["sh", "-c", "echo ran; ls /proc/self/fd"],
		});

		expect(result.report).toEqual([{ ok: true, caps: held.toString(16).padStart(16, "0") }]);
		expect(result.output).toBe("ran\n0\n1\n2\n3\n"); // 3 is ls's own: the report was closed
		expect(result.status).toEqual({ code: 0 });
	});

	test.for([
		[
			"cuts what the program can come by to what was allowed",
			["CAP_CHOWN", "CAP_SETPCAP"],
			true,
		],
		["leaves it where it may not cut, without CAP_SETPCAP", ["CAP_CHOWN"], false],
	] as const)("%s", async ([, names, isCut], { expect }) => {
		const held = all & ~mknod;
		const allowed = capabilitySet(names);
		const list = `-all,${names.map((name) => `+${name.slice(4).toLowerCase()}`).join()}`;
		const before = [
			"/usr/bin/setpriv",
			"--securebits=+noroot",
			`--inh-caps=${list}`,
			`--ambient-caps=${list}`,
		];

		const { output, report } = await run({
			before,
			held,
			allowed,
			argv: ["grep", "CapBnd", "/proc/self/status"],
		});

		const expected = isCut ? allowed : held;
		expect(report).toEqual([{ ok: true, caps: allowed.toString(16).padStart(16, "0") }]);
		expect(output).toBe(`CapBnd:\t${expected.toString(16).padStart(16, "0")}\n`);
	});

	test.for([
		["holds one more", all & ~mknod, all & ~mknod & ~capabilitySet(["CAP_CHOWN"])],
		["holds CAP_MKNOD, even where it was allowed", all, all],
		["could still come by CAP_MKNOD", mknod, mknod],
	] as const)("refuses when it %s", async ([, held, allowed], { expect }) => {
		const result = await run({ held, allowed, argv: ["echo", "ran"] });

		expect(result.report).toEqual([
			{ error: "caps", caps: held.toString(16).padStart(16, "0"), errno: 0 },
		]);
		expect(result.output).toBe("");
		expect(result.status).toEqual({ code: 126 });
	});

	test("refuses a sandbox in which /proc/sys can be written", async ({ expect }) => {
		const result = await run({
			place: "sandbox",
			held: 0n,
			allowed: 0n,
			argv: ["echo", "ran"],
		});

		expect(result.report).toEqual([{ error: "proc", caps: "0".repeat(16), errno: 0 }]);
		expect(result.output).toBe("");
		expect(result.status).toEqual({ code: 126 });
	});

	test.for([
		["a missing program", ["no-such-program"], 2, 127],
		["a missing path", ["/no/such/program"], 2, 127],
		["an empty name", [""], 2, 127],
		["a directory", ["/usr"], 13, 126],
	] as const)(
		"tells %s from the program's own failure",
		async ([, argv, errno, code], { expect }) => {
			const result = await run({ held: 0n, allowed: 0n, argv });

			expect(result.report).toEqual([
				{ ok: true, caps: "0".repeat(16) },
				{ error: "exec", caps: "0".repeat(16), errno },
			]);
			expect(result.status).toEqual({ code });
		},
	);

	test("searches PATH past folders that lack the program", async ({ expect }) => {
		const result = await run({
			held: 0n,
			allowed: 0n,
			argv: ["echo", "found"],
			environment: ["PATH=/no/such:/etc/passwd::/usr/bin"],
		});

		expect(result.output).toBe("found\n");
	});

	test("gives the command its own environment and no other", async ({ expect }) => {
		const environment = ["PATH=/usr/bin", "EMPTY=", "TEXT=a b\nc"];

		const result = await run({ held: 0n, allowed: 0n, argv: ["env", "-0"], environment });

		expect(result.output).toBe(`${environment.join("\0")}\0`);
	});

	test("passes empty arguments, and as many as there are", async ({ expect }) => {
		const many = Array.from({ length: 1000 }, (_, index) => String(index));

		const result = await run({
			held: 0n,
			allowed: 0n,
			argv: ["sh", "-c", 'echo "$#:$1:$2:$3"', "sh", "", "x", "", ...many],
			environment: ["PATH=/usr/bin:/bin"],
		});

		expect(result.output).toBe("1003::x:\n");
	});

	test("leaves quietly when whoever would start the command is gone", async ({ expect }) => {
		const result = await run({ held: 0n, allowed: 0n, argv: ["echo", "ran"], word: "" });

		expect(result.report).toEqual([{ ok: true, caps: "0".repeat(16) }]);
		expect(result.output).toBe("");
		expect(result.status).toEqual({ code: 125 });
	});

	test("tells of an argument that is too long", async ({ expect }) => {
		const argv = ["echo", "x".repeat(200_000)];

		const result = await run({ held: 0n, allowed: 0n, argv });

		expect(result.report[1]).toMatchObject({ error: "exec", errno: 7 });
		expect(result.status).toEqual({ code: 126 });
	});

	test.for([
		["nothing", ""],
		["no count", "echo\0ran\0"],
		["no argument", "0\0PATH=/bin\0"],
		["too few arguments", "3\0echo\0ran\0"],
		["a string without an end", "2\0echo\0ran"],
	] as const)("refuses a file with %s", async ([, content], { expect }) => {
		const result = await run({ held: 0n, allowed: 0n, argv: [], content });

		expect(result.report[1]).toMatchObject({ error: "exec", errno: 22 });
		expect(result.status).toEqual({ code: 126 });
	});
});
