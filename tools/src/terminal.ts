import { type ChildProcess, spawn } from "node:child_process";

/** A command at a terminal of its own, at which a test types. */
export class Terminal implements Disposable {
	/** Resolves with its exit status; 128 and the signal's number where one ended it. */
	readonly ended: Promise<number | null>;
	readonly #child: ChildProcess;
	readonly #waiting = new Set<() => void>();
	#shown = "";

	constructor(
		argv: readonly string[],
		options: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
	) {
		const program = new URL("terminal.py", import.meta.url).pathname;
		const { env, cwd } = options;
		this.#child = spawn("python3", [program, ...argv], {
			cwd,
			env: { ...process.env, ...env },
			stdio: ["pipe", "pipe", "inherit"],
		});
		this.ended = new Promise((resolve, reject) => {
			this.#child.on("error", reject);
			this.#child.on("close", resolve);
		});
		// What is typed when it has ended is for nobody.
		this.#child.stdin?.on("error", () => {});
		this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
			this.#shown += text;
			for (const look of this.#waiting) look();
		});
	}

	/** Everything that was shown, echoed input included; lines end with a line feed. */
	get shown(): string {
		return this.#shown.replaceAll("\r\n", "\n");
	}

	/** Types keys; a line ends with a line feed. */
	type(keys: string): void {
		this.#child.stdin?.write(keys);
	}

	/** Resolves when this text has been shown. Rejects when the command ends without it. */
	shows(text: string): Promise<void> {
		return new Promise((resolve, reject) => {
			const look = (): void => {
				if (!this.shown.includes(text)) return;
				this.#waiting.delete(look);
				resolve();
			};
			this.#waiting.add(look);
			look();
			const fail = (): void => reject(new Error(`ended without ${text}: ${this.shown}`));
			void this.ended.then(fail, reject);
		});
	}

	/** Kills it, and with its terminal whatever has that. */
	[Symbol.dispose](): void {
		this.#child.kill("SIGKILL");
	}
}
