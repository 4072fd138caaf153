import { constants } from "node:os";
import { SysError } from "@devhost/linux";
import type { ControlLine } from "./control-line.ts";
import { ApplianceError } from "./error.ts";
import type { GuestCommand, GuestExit, GuestRunOptions, TerminalSize } from "./guest.ts";
import { inputPieces } from "./input-source.ts";
import {
	inputWindowBytes,
	maxExecuteBytes,
	type Message,
	numbers,
	strings,
	toGuest,
	toHost,
} from "./message.ts";
import { OutputStream, outputWindowBytes } from "./output-stream.ts";

/** A guest's own standard environment. */
const defaultEnvironment = {
	PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	HOME: "/root",
	LANG: "C.UTF-8",
};

const SIGKILL = 9;

/** What a command needs of its guest. */
export interface CommandContext {
	readonly line: ControlLine;
	/** The command's number, never used twice at the same time. */
	readonly id: number;
	/** Its ring in shared memory. */
	readonly slot: number;
	/** Called once when the number and the ring are free again. */
	readonly onGone: () => void;
	readonly consoleLines: () => readonly string[];
}

/** The host's half of a command in a guest. */
export class RunningCommand implements GuestCommand {
	readonly exited: Promise<GuestExit>;
	readonly #context: CommandContext;
	readonly #argv: readonly string[];
	readonly #signal: AbortSignal | undefined;
	readonly #outputs: readonly [OutputStream, OutputStream];
	readonly #resolve: (exit: GuestExit) => void;
	readonly #reject: (error: unknown) => void;
	/** What makes `exited` reject although the command ends: an abort, a callback that threw. */
	#failure: { readonly error: unknown } | undefined;
	#isGone = false;
	readonly #noMoreInput = new AbortController();
	#inputRoom = inputWindowBytes;
	#inputStart = 0;
	#onRoom: (() => void) | undefined;

	constructor(argv: readonly string[], options: GuestRunOptions, context: CommandContext) {
		const { promise, resolve, reject } = Promise.withResolvers<GuestExit>();
		this.exited = promise;
		this.#resolve = resolve;
		this.#reject = reject;
		this.#context = context;
		this.#argv = argv;
		this.#signal = options.signal;
		const output = (stream: 1 | 2, consume: GuestRunOptions["onStdout"]): OutputStream =>
			new OutputStream(
				consume,
				(bytes) => {
					const payload = Buffer.concat([numbers(bytes), Buffer.of(stream)]);
					context.line.send(toGuest.grant, { command: context.id, payload });
				},
				(error) => this.#fail(error),
			);
		this.#outputs = [output(1, options.onStdout), output(2, options.onStderr)];

		const payload = executePayload(argv, options, context.slot);
		context.line.sendExecute(context.id, context.slot, payload);
		options.signal?.addEventListener("abort", this.#onAbort);
		void this.#sendInput(options);
	}

	kill(signal: NodeJS.Signals = "SIGTERM"): void {
		this.#kill(constants.signals[signal]);
	}

	resize({ rows, columns }: TerminalSize): void {
		if (this.#isGone) return;
		const payload = Buffer.alloc(4);
		payload.writeUInt16LE(rows, 0);
		payload.writeUInt16LE(columns, 2);
		this.#context.line.send(toGuest.resize, { command: this.#context.id, payload });
	}

	/** Takes a message about this command. */
	onMessage({ type, detail, payload }: Message): void {
		switch (type) {
			case toHost.output:
				this.#outputs[detail === 2 ? 1 : 0].push(payload);
				return;
			case toHost.inputTaken:
				this.#inputRoom += payload.readUInt32LE(0);
				this.#onRoom?.();
				return;
			case toHost.inputClosed:
				this.#noMoreInput.abort();
				this.#onRoom?.();
				return;
			case toHost.failed:
				this.#leave();
				this.#reject(this.#startFailure(payload));
				return;
			case toHost.exited:
				this.#leave();
				void this.#settle(payload.readUInt32LE(0), payload.readUInt32LE(4) > 0);
				return;
			default: // started, outputEnd: nothing depends on them
		}
	}

	/** The guest is gone, and the command with it. */
	onGuestEnd(error: ApplianceError): void {
		this.#leave();
		this.#reject(this.#failure === undefined ? error : this.#failure.error);
	}

	async #settle(status: number, hadOomKill: boolean): Promise<void> {
		await Promise.all(this.#outputs.map((output) => output.idle));
		const { rejected, exit } = this.#outcome(status, hadOomKill);
		if (exit !== undefined) this.#resolve(exit);
		else this.#reject(rejected);
	}

	#outcome(
		status: number,
		hadOomKill: boolean,
	): { readonly exit?: GuestExit; readonly rejected?: unknown } {
		if (this.#failure !== undefined) return { rejected: this.#failure.error };
		const number = status & 0x7f;
		if (number === 0) return { exit: { code: (status >> 8) & 0xff } };
		if (number === SIGKILL && hadOomKill) {
			const rejected = new ApplianceError(
				"ERR_APPLIANCE_OUT_OF_MEMORY",
				`${this.#argv[0]}: killed, because the guest had no memory left. Give it more: memoryBytes`,
				{ consoleLines: this.#context.consoleLines() },
			);
			return { rejected };
		}
		const found = Object.entries(constants.signals).find(([, value]) => value === number);
		return { exit: { signal: (found?.[0] ?? `SIG${number}`) as NodeJS.Signals } };
	}

	#startFailure(payload: Buffer): ApplianceError {
		const errno = payload.readUInt32LE(0);
		const path = payload.toString("utf8", 4);
		const isFolder = path !== this.#argv[0];
		const cause = new SysError(
			path === "" ? "clone" : isFolder ? "chdir" : "execve",
			errno,
			path,
		);
		const why =
			path === ""
				? "the guest could not start it"
				: isFolder
					? `its working directory ${path} cannot be used in the guest`
					: "the guest cannot execute it";
		return new ApplianceError("ERR_APPLIANCE_EXEC", `${this.#argv[0]}: ${why}, ${cause.code}`, {
			cause,
			consoleLines: this.#context.consoleLines(),
		});
	}

	#fail(error: unknown): void {
		this.#failure ??= { error };
		this.#kill(SIGKILL);
	}

	readonly #onAbort = (): void => this.#fail(this.#signal?.reason);

	#kill(number: number): void {
		if (this.#isGone) return;
		const { line, id } = this.#context;
		line.send(toGuest.signal, { command: id, payload: numbers(number) });
	}

	#leave(): void {
		if (this.#isGone) return;
		this.#isGone = true;
		this.#signal?.removeEventListener("abort", this.#onAbort);
		this.#noMoreInput.abort();
		this.#onRoom?.();
		this.#context.onGone();
	}

	async #sendInput({ stdin }: GuestRunOptions): Promise<void> {
		const { signal } = this.#noMoreInput;
		try {
			for await (const piece of inputPieces(stdin, signal)) {
				for (let at = 0; at < piece.length;) {
					while (this.#inputRoom === 0 && !signal.aborted) await this.#room();
					if (signal.aborted) return;
					at += this.#sendPiece(piece.subarray(at));
				}
				if (signal.aborted) return;
			}
			if (this.#isGone) return;
			this.#context.line.send(toGuest.inputEnd, { command: this.#context.id });
		} catch (error) {
			this.#fail(error);
		}
	}

	#room(): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#onRoom = resolve;
		return promise;
	}

	#sendPiece(bytes: Uint8Array): number {
		const untilWrap = inputWindowBytes - this.#inputStart;
		const size = Math.min(bytes.length, this.#inputRoom, untilWrap);
		const { line, id, slot } = this.#context;
		line.sendInput(id, slot, this.#inputStart, bytes.subarray(0, size));
		this.#inputStart = (this.#inputStart + size) % inputWindowBytes;
		this.#inputRoom -= size;
		return size;
	}
}

/**
 * What starts a command: `u8 has a terminal | u8 slot | u16 rows | u16 columns | u16 0 | u32 bytes granted to each output |
 * u32 arguments | u32 variables | folder, arguments, variables, each with a NUL at its end`.
 */
function executePayload(
	argv: readonly string[],
	{ cwd = "/", environment = defaultEnvironment, terminal }: GuestRunOptions,
	slot: number,
): Buffer {
	if (argv.length === 0) throw new TypeError("argv: the program's name is missing");
	const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
	const head = Buffer.alloc(8);
	head[0] = terminal === undefined ? 0 : 1;
	head[1] = slot;
	head.writeUInt16LE(terminal?.rows ?? 0, 2);
	head.writeUInt16LE(terminal?.columns ?? 0, 4);
	const counts = numbers(outputWindowBytes, argv.length, variables.length);
	const payload = Buffer.concat([head, counts, strings([cwd, ...argv, ...variables])]);
	if (payload.length > maxExecuteBytes) {
		throw new RangeError(
			`argv and environment: ${payload.length} bytes, more than the ${maxExecuteBytes} that reach a guest`,
		);
	}
	return payload;
}
