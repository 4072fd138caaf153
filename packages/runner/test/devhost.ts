import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReportEvent } from "../src/events.ts";

/** The command line as it is built and shipped. */
export const cliFile = new URL("../dist/cli.cjs", import.meta.url).pathname;

/** How a process `devhost` ended. */
export interface CliResult {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** A process `devhost` that runs. */
export interface RunningCli {
	readonly child: ChildProcess;
	readonly ended: Promise<CliResult>;
	/** Resolves when standard output has this text. */
	printed(text: string): Promise<void>;
}

const started = new Set<ChildProcess>();

/** Kills what a failed test has left running. */
export function killStarted(): void {
	for (const child of started) child.kill("SIGKILL");
	started.clear();
}

/** Starts `devhost` with these arguments, in a process group of its own. */
export function startDevhost(
	args: readonly string[],
	options: {
		readonly cwd?: string;
		readonly env?: Record<string, string>;
		readonly file?: string;
		readonly before?: readonly string[];
	} = {},
): RunningCli {
	const [file, ...argv] = [...(options.before ?? []), process.execPath, cliFile, ...args];
	const child = spawn(file as string, argv, {
		cwd: options.cwd,
		env: { PATH: process.env["PATH"], ...options.env },
		stdio: ["ignore", "pipe", "pipe"],
		detached: true,
	});
	started.add(child);
	let stdout = "";
	let stderr = "";
	const waiting = new Set<() => void>();
	child.stdout?.setEncoding("utf8").on("data", (text: string) => {
		stdout += text;
		for (const look of waiting) look();
	});
	child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
	const ended = new Promise<CliResult>((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code, signal) => {
			started.delete(child);
			resolve({ code, signal, stdout, stderr });
		});
	});
	const printed = (text: string): Promise<void> =>
		new Promise((resolve, reject) => {
			const look = (): void => {
				if (!stdout.includes(text)) return;
				waiting.delete(look);
				resolve();
			};
			waiting.add(look);
			look();
			void ended.then(() => reject(new Error(`ended without ${text}: ${stdout}${stderr}`)));
		});
	return { child, ended, printed };
}

/** Runs `devhost` with these arguments. */
export function devhost(
	args: readonly string[],
	options: Parameters<typeof startDevhost>[1] = {},
): Promise<CliResult> {
	return startDevhost(args, options).ended;
}

/** The events of a run with `--json`. */
export function eventsOf({ stdout }: Pick<CliResult, "stdout">): ReportEvent[] {
	return stdout
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line) as ReportEvent);
}

/** A folder with a manifest and a tree, removed when disposed. */
export class Project implements Disposable {
	readonly folder: string = mkdtempSync(join(tmpdir(), "devhost-run-"));

	/** Writes `manifest.json`: the tree is the folder itself. */
	manifest(content: object, name = "manifest.json"): string {
		return this.write(name, JSON.stringify({ version: 1, tree: ".", ...content }));
	}

	/** Writes a file and returns its path. */
	write(name: string, content: string | Uint8Array, mode = 0o644): string {
		const file = join(this.folder, name);
		writeFileSync(file, content, { mode });
		return file;
	}

	/** Makes a sparse file of this many bytes. */
	image(name: string, bytes = 1024 * 1024): string {
		const file = this.write(name, "");
		truncateSync(file, bytes);
		return file;
	}

	read(name: string): string {
		return readFileSync(join(this.folder, name), "utf8");
	}

	[Symbol.dispose](): void {
		rmSync(this.folder, { recursive: true, force: true });
	}
}
