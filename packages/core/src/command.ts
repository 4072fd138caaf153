/**
 * Programs that do a part of a driver's work, such as `cryptsetup` and `lvs`. No shell is ever between.
 *
 * @packageDocumentation
 */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { type FdLike, OutputReader, pipe, setNonBlocking, spawn } from "@devhost/linux";
import { CommandError, type CommandOutput } from "./command-error.ts";
import { DeviceError } from "./error.ts";

export { CommandError, type CommandOutput, isCommandError } from "./command-error.ts";

/** A program to run. */
export interface Command {
	/** Path of the executable, as of {@link findTool}. */
	readonly file: string;
	/** Arguments, the program's own name first. */
	readonly argv: readonly string[];
	/** The whole environment, as of {@link toolEnvironment}. */
	readonly environment: Readonly<Record<string, string>>;
	/**
	 * Descriptors of the program: its number, which is 0 or from 3 to 62, → ours, lent. Secrets travel so.
	 *
	 * @default none; its standard input is `/dev/null`
	 */
	readonly fds?: Readonly<Record<number, FdLike>> | undefined;
}

/** How {@link runCommand} runs it. */
export interface RunCommandOptions {
	/** Ends the program with SIGKILL. */
	readonly signal?: AbortSignal | undefined;
	/** The most bytes that are kept of its standard output. @default 16 MiB */
	readonly maxOutputBytes?: number;
}

/**
 * The environment of a tool: machine-readable messages, no waiting for udev, and nothing of ours but the folders of
 * programs.
 */
export function toolEnvironment(
	further: Readonly<Record<string, string>> = {},
): Record<string, string> {
	return { LC_ALL: "C", PATH: toolPath(), DM_DISABLE_UDEV: "1", ...further };
}

/** PATH, and where administrators' programs are that it may not name. */
function toolPath(): string {
	const given = (process.env["PATH"] ?? "").split(":").filter((folder) => folder.startsWith("/"));
	return [...new Set([...given, ...systemFolders])].join(":");
}

const systemFolders = [
	"/usr/local/sbin",
	"/usr/local/bin",
	"/usr/sbin",
	"/usr/bin",
	"/sbin",
	"/bin",
];

/**
 * The full path of a program.
 *
 * @param where - `subject`: the device, as messages begin; `install`: the command that installs it on Debian.
 * @throws {@link DeviceError} `ERR_DEVICE_TOOL` it is not there.
 */
export function findTool(
	name: string,
	{ subject, install }: { readonly subject: string; readonly install: string },
): string {
	for (const folder of toolPath().split(":")) {
		const file = join(folder, name);
		try {
			accessSync(file, constants.X_OK);
			return file;
		} catch {
			// The next one.
		}
	}
	throw new DeviceError(
		"ERR_DEVICE_TOOL",
		`${subject}: ${name} not found. Install it: ${install}`,
		{ details: { tool: name, install } },
	);
}

/**
 * Runs a program that makes no mapping: one that does is run by `openCommand` of `@devhost/core/mapping`. It is killed when
 * the signal aborts, and when this process ends.
 *
 * @returns How it ended, whichever way.
 * @throws {@link SysError} it could not be started.
 * @throws the signal's reason, when the program is gone.
 */
export async function runCommand(
	{ file, argv, environment, fds = {} }: Command,
	{ signal, maxOutputBytes = defaultOutputBytes }: RunCommandOptions = {},
): Promise<CommandOutput> {
	signal?.throwIfAborted();
	using acquired = new DisposableStack();
	const [stdoutEnd, stdout] = pipe();
	using _stdout = stdout;
	setNonBlocking(stdoutEnd, true);
	const stdoutReader = acquired.use(new OutputReader(stdoutEnd, maxOutputBytes));
	const [stderrEnd, stderr] = pipe();
	using _stderr = stderr;
	setNonBlocking(stderrEnd, true);
	const stderrReader = acquired.use(new OutputReader(stderrEnd, keptErrorBytes));

	const child = spawn({
		file,
		argv,
		environment,
		fds: { ...fds, 1: stdout, 2: stderr },
		dieWithParent: true,
	});
	stdout.close();
	stderr.close();
	const end = (): void => void child.kill("SIGKILL");
	signal?.addEventListener("abort", end, { once: true });
	const status = await child.exited;
	signal?.removeEventListener("abort", end);
	signal?.throwIfAborted();
	return {
		exitCode: status.code,
		signal: status.signal,
		stdout: stdoutReader.end(),
		stderr: stderrReader.end(),
	};
}

/**
 * The error of a program that failed.
 *
 * @param subject - The device, as messages begin.
 */
export function commandError(
	subject: string,
	{ argv }: Pick<Command, "argv">,
	output: CommandOutput,
): CommandError {
	return new CommandError(subject, argv, output);
}

const defaultOutputBytes = 16 * 2 ** 20;
const keptErrorBytes = 64 * 1024;
