import { test } from "vitest";
import {
	capabilities,
	capabilitySet,
	execCheckedPath,
	pipe,
	read,
	setNonBlocking,
	spawn,
} from "../src/index.ts";
import { describeAsRoot } from "@devhost/tools/testing";

const all = capabilities().permitted;
const mknod = capabilitySet(["CAP_MKNOD"]);

/** Runs exec-checked with these capabilities and returns its report lines, its output and how it ended. */
async function run(options: {
	held: bigint;
	allowed: bigint;
	argv: readonly string[];
	path?: string;
}): Promise<{ report: unknown[]; output: string; status: unknown }> {
	const [outputReader, output] = pipe();
	const [reportReader, report] = pipe();
	using _outputReader = outputReader;
	using _reportReader = reportReader;
	const child = spawn({
		file: execCheckedPath(),
		argv: ["exec-checked", "3", options.allowed.toString(16), "--", ...options.argv],
		environment: { PATH: options.path ?? "/usr/bin:/bin" },
		fds: { 1: output, 3: report },
		capabilityBound: options.held,
	});
	output.close();
	report.close();
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
			path: "/no/such:/etc/passwd::/usr/bin",
		});

		expect(result.output).toBe("found\n");
	});
});
