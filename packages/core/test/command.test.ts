import { writeSync } from "node:fs";
import { memfd } from "@devhost/linux";
import { test } from "vitest";
import {
	type Command,
	commandError,
	findTool,
	isCommandError,
	runCommand,
	toolEnvironment,
} from "../src/command.ts";
import { isDeviceError } from "../src/error.ts";

function shell(script: string, further: Partial<Command> = {}): Command {
	return {
		file: "/bin/sh",
		argv: ["sh", "-c", script],
		environment: toolEnvironment(),
		...further,
	};
}

test("a program's outputs and status come back", async ({ expect }) => {
	const output = await runCommand(shell("echo out; echo err >&2; exit 3"));

	expect(output).toMatchObject({ exitCode: 3, signal: undefined });
	expect(Buffer.from(output.stdout).toString()).toBe("out\n");
	expect(Buffer.from(output.stderr).toString()).toBe("err\n");
});

test("a signal that ended it comes back", async ({ expect }) => {
	const output = await runCommand(shell("kill -SEGV $$"));

	expect(output).toMatchObject({ exitCode: undefined, signal: "SIGSEGV" });
});

test("its environment is what was given, and nothing of ours", async ({ expect }) => {
	const environment = toolEnvironment({ OWN: "value" });
	const { stdout } = await runCommand({ file: "/usr/bin/env", argv: ["env"], environment });

	const names = Buffer.from(stdout)
		.toString()
		.trim()
		.split("\n")
		.map((line) => line.split("=")[0]);
	expect(new Set(names)).toEqual(new Set(["DM_DISABLE_UDEV", "LC_ALL", "OWN", "PATH"]));
	expect(environment["PATH"]?.split(":")).toContain("/usr/sbin");
});

test("descriptors reach it under the numbers that were asked for", async ({ expect }) => {
	using input = memfd("input");
	writeSync(input.fd, "from a descriptor");

	const { stdout } = await runCommand(
		shell("cat /dev/fd/9; ls /proc/self/fd", { fds: { 9: input } }),
	);

	const text = Buffer.from(stdout).toString();
	expect(text).toContain("from a descriptor");
	// ls opens the directory itself as 3.
	expect(text.split("descriptor")[1]?.trim().split(/\s+/)).toEqual(["0", "1", "2", "3", "9"]);
});

test("a signal that aborts ends it", async ({ expect }) => {
	const controller = new AbortController();
	const running = runCommand(shell("sleep 60"), { signal: controller.signal });
	controller.abort(new Error("no more"));

	await expect(running).rejects.toThrow("no more");
	await expect(runCommand(shell("true"), { signal: controller.signal })).rejects.toThrow(
		"no more",
	);
});

test("only the end of a long output is kept", async ({ expect }) => {
	const { stdout } = await runCommand(shell("yes | head -c 100000; echo end"), {
		maxOutputBytes: 10,
	});

	expect(Buffer.from(stdout).toString()).toBe("y\ny\ny\nend\n");
});

test("an error says how it ended and what it said last", async ({ expect }) => {
	const command = shell("echo first >&2; echo 'no such thing ' >&2; exit 4");

	const error = commandError("root", command, await runCommand(command));

	expect(isCommandError(error)).toBe(true);
	expect(isDeviceError(error, "ERR_DEVICE_COMMAND")).toBe(true);
	expect(error.message).toBe("root: sh ended with status 4: no such thing");
	expect(error).toMatchObject({
		exitCode: 4,
		signal: undefined,
		stderr: "first\nno such thing \n",
	});
	expect(error.details).toEqual({ command: "sh", exitCode: 4, stderr: error.stderr });
});

test("bytes that are no UTF-8 do no harm", ({ expect }) => {
	const stderr = new Uint8Array([0xff, 0x0a, 0xc3]);
	const output = {
		exitCode: undefined,
		signal: "SIGKILL",
		stdout: new Uint8Array(),
		stderr,
	} as const;

	expect(commandError("root", { argv: ["tool"] }, output).message).toBe(
		"root: tool was ended by SIGKILL: �",
	);
});

test("a tool is found where administrators' programs are, or missed with the command that installs it", ({
	expect,
}) => {
	const install = "apt-get install tool";

	expect(findTool("sh", { subject: "root", install })).toMatch(/\/sh$/);
	expect(() => findTool("no-such-tool", { subject: "root", install })).toThrow(
		"root: no-such-tool not found. Install it: apt-get install tool",
	);
});
