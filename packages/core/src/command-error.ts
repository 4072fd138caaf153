import { DeviceError } from "./error.ts";

/** How a program ended, and what it wrote. */
export interface CommandOutput {
	/** Undefined where a signal ended it. */
	readonly exitCode: number | undefined;
	readonly signal: NodeJS.Signals | undefined;
	readonly stdout: Uint8Array;
	readonly stderr: Uint8Array;
}

/** A program that failed. Its driver knows what its exit status means, and gives it a code of its own. */
export class CommandError extends DeviceError {
	/** The program's own name first. Never a secret. */
	readonly argv: readonly string[];
	/** Undefined where a signal ended it. */
	readonly exitCode: number | undefined;
	readonly signal: NodeJS.Signals | undefined;
	/** The last 64 KiB; what is no UTF-8 is replaced. */
	readonly stdout: string;
	/** The last 64 KiB; what is no UTF-8 is replaced. */
	readonly stderr: string;

	/** @param subject - The device, as messages begin. */
	constructor(subject: string, argv: readonly string[], output: CommandOutput) {
		const { exitCode, signal } = output;
		const stderr = lastText(output.stderr);
		const [program = "the program"] = argv;
		const ended =
			exitCode === undefined ? `was ended by ${signal}` : `ended with status ${exitCode}`;
		const lastLine = stderr.trimEnd().split("\n").at(-1)?.trim() ?? "";
		const said = lastLine === "" ? "" : `: ${lastLine}`;
		super("ERR_DEVICE_COMMAND", `${subject}: ${program} ${ended}${said}`, {
			details: {
				command: program,
				...(exitCode === undefined ? { signal } : { exitCode }),
				stderr: stderr.slice(-maxDetailCharacters),
			},
		});
		this.argv = argv;
		this.exitCode = exitCode;
		this.signal = signal;
		this.stdout = lastText(output.stdout);
		this.stderr = stderr;
	}
}

/** Whether `value` is a {@link CommandError}, also one of another copy of this package. */
export function isCommandError(value: unknown): value is CommandError {
	return (
		value instanceof Error &&
		value.name === "DeviceError" &&
		"code" in value &&
		value.code === "ERR_DEVICE_COMMAND" &&
		"argv" in value
	);
}

function lastText(bytes: Uint8Array): string {
	return new TextDecoder().decode(bytes.subarray(Math.max(0, bytes.length - maxTextBytes)));
}

const maxTextBytes = 64 * 1024;
/** For reports: more than anybody reads. */
const maxDetailCharacters = 4096;
