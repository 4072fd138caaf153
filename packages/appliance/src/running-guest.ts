import { RunningCommand } from "./command.ts";
import type { ConsoleLines } from "./console-lines.ts";
import type { ControlLine } from "./control-line.ts";
import { ApplianceError } from "./error.ts";
import type { Guest, GuestCommand, GuestEnd, GuestExit, GuestRunOptions } from "./guest.ts";
import { commandSlots, type Message, toGuest, toHost } from "./message.ts";

/** The processes of a guest on this machine, whatever kind of guest it is. */
export interface GuestProcess {
	readonly pid: number;
	/** Ends all of them at once. */
	kill(why?: ApplianceError): void;
	/** Resolves, never rejects, when none is left: with why they ended, or were killed; undefined when nothing is wrong. */
	readonly gone: Promise<ApplianceError | undefined>;
}

/** What a guest is made of, once its first program is there. */
export interface GuestParts {
	readonly process: GuestProcess;
	readonly line: ControlLine;
	readonly console: ConsoleLines;
	readonly kernelRelease: string;
	readonly powerOffTimeoutMs: number;
	readonly hangTimeoutMs: number;
}

/** How long a guest that has said its last may take to go by itself. */
const afterEndMs = 1000;

/** A guest that is up. */
export class RunningGuest implements Guest {
	readonly kernelRelease: string;
	readonly exited: Promise<GuestEnd>;
	readonly #parts: GuestParts;
	readonly #commands = new Map<number, RunningCommand>();
	readonly #freeSlots: number[] = Array.from({ length: commandSlots }, (_, index) => index);
	#nextId = 1;
	/** It is to end, or has; what is asked of it afterwards fails with this. */
	#ending: ApplianceError | undefined;
	#poweringOff: Promise<void> | undefined;
	/** The guest has said that everything is written. */
	#isOff = false;
	readonly #lineEnd: PromiseWithResolvers<void> = Promise.withResolvers<void>();
	#heardMs: number = performance.now();
	#watch: NodeJS.Timeout | undefined;

	constructor(parts: GuestParts) {
		this.#parts = parts;
		this.kernelRelease = parts.kernelRelease;
		this.exited = parts.process.gone.then((error) => this.#onGone(error));
		this.#startWatch();
	}

	get pid(): number {
		return this.#parts.process.pid;
	}

	get lastConsoleLines(): readonly string[] {
		return this.#parts.console.lines;
	}

	async run(argv: readonly string[], options: GuestRunOptions = {}): Promise<GuestExit> {
		return await this.start(argv, options).exited;
	}

	start(argv: readonly string[], options: GuestRunOptions = {}): GuestCommand {
		options.signal?.throwIfAborted();
		if (this.#ending !== undefined) throw this.#ending;
		const slot = this.#freeSlots.pop();
		if (slot === undefined) {
			throw new RangeError(
				`guest: ${commandSlots} commands run in it, more is not possible at once`,
			);
		}
		const id = this.#takeId();
		const onGone = (): void => {
			this.#commands.delete(id);
			this.#freeSlots.push(slot);
		};
		const { line, console } = this.#parts;
		try {
			const consoleLines = (): readonly string[] => console.lines;
			const command = new RunningCommand(argv, options, {
				line,
				id,
				slot,
				onGone,
				consoleLines,
			});
			this.#commands.set(id, command);
			return command;
		} catch (error) {
			onGone();
			throw error;
		}
	}

	powerOff(): Promise<void> {
		this.#poweringOff ??= this.#powerOff();
		return this.#poweringOff;
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.powerOff();
	}

	/** Takes a message of the guest. */
	onMessage(message: Message): void {
		this.#heardMs = performance.now();
		if (message.type !== toHost.off) {
			this.#commands.get(message.command)?.onMessage(message);
			return;
		}
		this.#isOff = true;
		// What its kernel does from here on changes nothing.
		setTimeout(() => this.#parts.process.kill(), afterEndMs).unref();
	}

	/** Nothing more comes over the line. */
	onLineEnd(reason: "end" | "garbage"): void {
		this.#lineEnd.resolve();
		killAfterLine(this.#parts.process, this.#parts.console, reason);
	}

	async #powerOff(): Promise<void> {
		this.#ending ??= new ApplianceError("ERR_APPLIANCE_CLOSED", "guest: powered off");
		const { line, powerOffTimeoutMs } = this.#parts;
		line.send(toGuest.powerOff);
		const timer = setTimeout(() => {
			this.#kill(
				"ERR_APPLIANCE_TIMEOUT",
				`guest: did not power off within ${powerOffTimeoutMs} ms, and was killed; what was written last may be lost`,
			);
		}, powerOffTimeoutMs);
		const { error } = await this.exited;
		clearTimeout(timer);
		if (error !== undefined) throw error;
	}

	async #onGone(why: ApplianceError | undefined): Promise<GuestEnd> {
		clearInterval(this.#watch);
		// What it said last may still be on its way here.
		await this.#lineEnd.promise;
		this.#parts.line[Symbol.dispose]();
		const error = this.#isOff && this.#poweringOff !== undefined ? undefined : why;
		this.#ending ??= error ?? new ApplianceError("ERR_APPLIANCE_CLOSED", "guest: powered off");
		for (const command of this.#commands.values()) command.onGuestEnd(error ?? this.#ending);
		return error === undefined ? {} : { error };
	}

	#kill(code: "ERR_APPLIANCE_HANG" | "ERR_APPLIANCE_TIMEOUT", message: string): void {
		const { process, console } = this.#parts;
		process.kill(new ApplianceError(code, message, { consoleLines: console.lines }));
	}

	#startWatch(): void {
		const { hangTimeoutMs, line } = this.#parts;
		if (hangTimeoutMs === 0) return;
		const look = (): void => {
			if (performance.now() - this.#heardMs >= hangTimeoutMs) {
				this.#kill(
					"ERR_APPLIANCE_HANG",
					`guest: has not answered for ${hangTimeoutMs} ms, and was killed`,
				);
			} else line.send(toGuest.ping);
		};
		this.#watch = setInterval(look, Math.max(hangTimeoutMs / 4, 10)).unref();
	}

	#takeId(): number {
		while (this.#nextId === 0 || this.#commands.has(this.#nextId)) {
			this.#nextId = (this.#nextId + 1) % 65_536;
		}
		const id = this.#nextId;
		this.#nextId = (id + 1) % 65_536;
		return id;
	}
}

/** Ends a guest that cannot be talked to any more. An end of its line is how its own end looks from here, a moment before. */
export function killAfterLine(
	process: GuestProcess,
	console: ConsoleLines,
	reason: "end" | "garbage",
): void {
	const error = (text: string): ApplianceError =>
		new ApplianceError("ERR_APPLIANCE_PROTOCOL", text, { consoleLines: console.lines });
	if (reason === "garbage") {
		process.kill(
			error("guest: what it sends is no message; something in it writes to /dev/ttyS0"),
		);
		return;
	}
	const kill = (): void => process.kill(error("guest: closed its control line, and did not end"));
	const timer = setTimeout(kill, afterEndMs).unref();
	void process.gone.then(() => clearTimeout(timer));
}
