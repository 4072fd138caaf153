import { spawnSync } from "node:child_process";
import { openSync, closeSync } from "node:fs";
import { afterEach, beforeEach, test } from "vitest";
import { cliFile, Project } from "./devhost.ts";

let project: Project;
beforeEach(() => {
	project = new Project();
});
afterEach(() => project[Symbol.dispose]());

/** Runs `devhost` with standard output, or error, on a disk that is full. */
function onFullDisk(args: readonly string[], full: 1 | 2): { status: number | null; said: string } {
	const fd = openSync("/dev/full", "w");
	const stdio = full === 1 ? ["ignore", fd, "pipe"] : ["ignore", "pipe", fd];
	const { status, stderr } = spawnSync(process.execPath, [cliFile, ...args], {
		stdio: stdio as ("ignore" | "pipe" | number)[],
		encoding: "utf8",
	});
	closeSync(fd);
	return { status, said: stderr ?? "" };
}

test.for([[["--version"]], [["--help"]], [["check"], "manifest"]] as const)(
	"devhost %s says once that its output is lost, and fails",
	([args, name], { expect }) => {
		const stages = [{ name: "one", run: ["true"] }];
		const file = name === undefined ? [] : [project.manifest({ stages })];

		const { status, said } = onFullDisk([...args, ...file], 1);

		expect(status).toBe(5);
		expect(said).toMatch(
			/^error: standard output could not be written: ENOSPC.* \[ERR_RUN_OUTPUT\]\n$/,
		);
	},
);

test("what was wrong otherwise decides the exit status", ({ expect }) => {
	const manifest = project.write("manifest.yaml", "version: 2\n");

	expect(onFullDisk(["check", "--json", manifest], 1)).toMatchObject({
		status: 2,
		said: expect.stringContaining("[ERR_RUN_OUTPUT]") as string,
	});
	expect(onFullDisk(["check", manifest], 2).status).toBe(2);
});

test("a reader that has gone has seen enough", ({ expect }) => {
	const { status, stderr } = spawnSync(
		"sh",
		["-c", '"$@" | true', "sh", process.execPath, cliFile, "--help"],
		{
			encoding: "utf8",
		},
	);

	expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
	const closed = spawnSync("sh", ["-c", '"$@" >&-', "sh", process.execPath, cliFile, "--help"]);
	expect(closed.status).toBe(0);
});
