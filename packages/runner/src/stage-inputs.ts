import { writeSync } from "node:fs";
import { type Fd, memfd, pipe } from "@devhost/linux";
import { writeWhole } from "./memory-file.ts";

/** A command as the helper executes it. */
export interface Command {
	/** The first one is the program. */
	readonly argv: readonly string[];
	/** The whole environment. */
	readonly environment: Readonly<Record<string, string>>;
	/** Standard input; nothing where the stage was prepared without one. */
	readonly stdin?: string | Uint8Array | undefined;
}

/**
 * What a stage's helper waits for: its command, which is not known yet when the sandbox is made, and the word to go.
 *
 * A helper whose host goes away without a word reads the end of the pipe, and leaves.
 */
export class StageInputs implements Disposable {
	/** A file with the command, from {@link StageInputs.send} on. */
	readonly command: Fd;
	/** The helper's end of the pipe. */
	readonly start: Fd;
	/** The file that is the stage's standard input. */
	readonly stdin: Fd | undefined;
	readonly #go: Fd;

	/** @param hasStdin - Whether the command will have a standard input. */
	constructor(hasStdin: boolean) {
		using acquired = new DisposableStack();
		const [start, go] = pipe();
		this.start = acquired.use(start);
		this.#go = acquired.use(go);
		this.command = acquired.use(memfd("command"));
		this.stdin = hasStdin ? acquired.use(memfd("stdin")) : undefined;
		acquired.move();
	}

	/** The helper has its ends. */
	handedOver(): void {
		this.start.close();
	}

	/**
	 * Says what the helper is to execute when it is told to go.
	 *
	 * @throws TypeError a string holds a NUL, where the next string would begin.
	 */
	send({ argv, environment, stdin }: Command): void {
		const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
		const strings = [String(argv.length), ...argv, ...variables];
		const bad = strings.find((text) => text.includes("\0"));
		if (bad !== undefined) throw new TypeError(`a string with a NUL: ${JSON.stringify(bad)}`);
		writeWhole(this.command, `${strings.join("\0")}\0`);
		if (this.stdin !== undefined && stdin !== undefined) writeWhole(this.stdin, stdin);
	}

	/** Has the helper execute the command. Nothing happens if it is gone. */
	go(): void {
		try {
			writeSync(this.#go.fd, "!");
		} catch (error) {
			// What ended it is told by whoever waits for it.
			if (!isBrokenPipe(error)) throw error;
		}
	}

	[Symbol.dispose](): void {
		this.start.close();
		this.#go.close();
		this.command.close();
		this.stdin?.close();
	}
}

function isBrokenPipe(error: unknown): boolean {
	return error instanceof Error && "code" in error && error.code === "EPIPE";
}
