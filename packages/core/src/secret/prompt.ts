import { writeSync } from "node:fs";
import { AT_FDCWD, type Fd, ioctl, isSysError, openat2 } from "@devhost/linux";
import { readAsItComes, type SecretBytes } from "./bytes.ts";
import { SecretFailure } from "./failure.ts";

/**
 * Asks for a line at the terminal of this process, whatever its standard input is, and shows nothing of what is typed.
 *
 * Whatever ends the question, a signal included, the terminal is as it was before; where nobody else listens to the signal it
 * then has its usual effect. Only one question at a time.
 *
 * @throws {@link SecretFailure} there is no terminal, or it ended before the line did.
 * @throws the signal's reason.
 */
export async function readFromTerminal(
	text: string,
	into: SecretBytes,
	signal: AbortSignal,
): Promise<void> {
	signal.throwIfAborted();
	using terminal = openTerminal();
	using quiet = new QuietTerminal(terminal.fd);
	const question = /[:?]\s*$/.test(text) ? `${text.trimEnd()} ` : `${text}: `;
	say(terminal, question);
	// Stopped by Ctrl-Z and continued: the shell has given the terminal its own settings meanwhile.
	const onContinue = (): void => {
		quiet.begin();
		say(terminal, question);
	};
	process.on("SIGCONT", onContinue);
	using limits = new DisposableStack();
	limits.defer(() => process.off("SIGCONT", onContinue));

	const lineEnd = (): number => into.bytes.indexOf(lineFeed);
	let isOver: boolean;
	try {
		isOver = await readAsItComes(terminal.fd, into, { signal, isDone: () => lineEnd() >= 0 });
	} finally {
		// The one that was typed is not shown.
		say(terminal, "\n");
	}
	if (isOver && into.bytes.length === 0) {
		throw new SecretFailure("the terminal was closed before anything was typed");
	}
	quiet.isAnswered = true;
	if (lineEnd() >= 0) into.keep(lineEnd());
}

function openTerminal(): Fd {
	try {
		return openat2(AT_FDCWD, "/dev/tty", { flags: O_RDWR | O_NONBLOCK | O_NOCTTY });
	} catch (cause) {
		if (!isSysError(cause)) throw cause;
		throw new SecretFailure(
			"there is no terminal to ask at: give it by env, file, fd, command, credential or keyring instead of prompt",
			{ cause },
		);
	}
}

function say(terminal: Fd, text: string): void {
	try {
		writeSync(terminal.fd, text);
	} catch {
		// Stopped by Ctrl-S, or gone: then reading tells.
	}
}

/** A terminal that shows nothing of what is typed, and gives a line at a time, until disposed. */
class QuietTerminal implements Disposable {
	/** Whether what is typed from here on is for whoever reads next, and not the rest of an answer. */
	isAnswered = false;
	readonly #fd: number;
	readonly #before: Uint8Array;
	readonly #end = (): void => this[Symbol.dispose]();
	readonly #onSignal = (signal: NodeJS.Signals): void => {
		const isOurs = process.listenerCount(signal) === 1;
		if (!isOurs) return; // whoever listens ends the question
		this[Symbol.dispose]();
		process.kill(process.pid, signal);
	};

	constructor(fd: number) {
		this.#fd = fd;
		this.#before = settings(fd);
		for (const signal of endingSignals) process.on(signal, this.#onSignal);
		process.on("exit", this.#end);
		this.begin();
	}

	/** What was typed before the question is no answer to it: it is thrown away. */
	begin(): void {
		const wanted = Uint8Array.from(this.#before);
		const flags = new DataView(wanted.buffer);
		const set = (offset: number, add: number, remove: number): void =>
			flags.setUint32(offset, (flags.getUint32(offset, true) | add) & ~remove, true);
		set(inputFlags, ICRNL, 0);
		set(localFlags, ICANON | ISIG, ECHO | ECHONL);
		ioctl(this.#fd, { request: TCSETSF, name: "TCSETSF", argument: wanted });
	}

	[Symbol.dispose](): void {
		for (const signal of endingSignals) process.off(signal, this.#onSignal);
		process.off("exit", this.#end);
		// Half an answer would be on the command line of the shell, where it is shown.
		const set = this.isAnswered
			? { request: TCSETSW, name: "TCSETSW" }
			: { request: TCSETSF, name: "TCSETSF" };
		try {
			ioctl(this.#fd, { ...set, argument: this.#before });
		} catch {
			// The terminal is gone.
		}
	}
}

function settings(fd: number): Uint8Array {
	const bytes = new Uint8Array(termiosBytes);
	ioctl(fd, { request: TCGETS, name: "TCGETS", argument: bytes });
	return bytes;
}

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
const lineFeed = 0x0a;

// Source: asm-generic/fcntl.h, asm-generic/ioctls.h, asm-generic/termbits.h: x64 and arm64 have them alike. `struct termios` is four
// u32 of flags (input, output, control, local), the line discipline and 19 control characters.
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_NOCTTY = 0o400;
const TCGETS = 0x5401;
const TCSETSW = 0x5403;
const TCSETSF = 0x5404;
const termiosBytes = 36;
const inputFlags = 0;
const localFlags = 12;
const ICRNL = 0o400;
const ISIG = 0o1;
const ICANON = 0o2;
const ECHO = 0o10;
const ECHONL = 0o100;
