import { spawn } from "node:child_process";

/** How a program ended. */
export interface CommandResult {
	/** Exit status, or the name of the signal, or why it could not be started. */
	readonly status: number | string;
	/** Standard output and standard error as they came. */
	readonly output: string;
}

/** Runs a program of the path and collects what it says. A program that cannot be started is a failed one. */
export async function runCommand(
	file: string,
	argv: readonly string[],
	options: { cwd: string; timeoutMs?: number },
): Promise<CommandResult> {
	const { promise, resolve } = Promise.withResolvers<CommandResult>();
	const child = spawn(file, argv, {
		cwd: options.cwd,
		stdio: ["ignore", "pipe", "pipe"],
		...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
	});
	let output = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding("utf8").on("data", (text: string) => (output += text));
	}
	child.once("error", (error) => resolve({ status: error.message, output }));
	child.once("close", (code, signal) => resolve({ status: code ?? signal ?? "unknown", output }));
	return await promise;
}
