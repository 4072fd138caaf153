import { Buffer } from "node:buffer";
import { type Fd, pipe, Poller, read, READABLE, setNonBlocking } from "@devhost/linux";

/** What the helper found. Source: native/exec-checked.c in `@devhost/linux`. */
export interface HelperReport {
	readonly ok?: true;
	readonly error?: "caps" | "exec" | "filter" | "proc";
	/** Hexadecimal. */
	readonly caps?: string;
	readonly errno?: number;
}

/**
 * What the helper that checks capabilities says, in lines of JSON, through a pipe. They are few and short: the pipe holds
 * them until somebody asks.
 *
 * A helper that cannot say it, because we are gone, is ended by SIGPIPE: no command begins for which nobody is there.
 */
export class HelperReports implements Disposable {
	/** The helper's end. Ours is closed by {@link HelperReports.start}. */
	readonly writeEnd: Fd;
	readonly #readEnd: Fd;
	#text = "";
	#isEnded = false;
	#poller: Poller | undefined;

	constructor() {
		const [readEnd, writeEnd] = pipe();
		this.#readEnd = readEnd;
		this.writeEnd = writeEnd;
		setNonBlocking(readEnd, true);
	}

	/** The helper has its end. */
	start(): void {
		this.writeEnd.close();
	}

	/** Calls back when it has said that all is well, now or later; not at all if it does not come to that. */
	whenReady(action: () => void): void {
		const look = (): void => {
			const [first] = this.lines;
			if (first === undefined && !this.#isEnded) return;
			this.#poller?.close();
			if (first?.ok === true) action();
		};
		this.#poller = new Poller(this.#readEnd.fd, look);
		this.#poller.set(READABLE);
		look();
	}

	/** What it has said so far. */
	get lines(): HelperReport[] {
		const bytes = Buffer.allocUnsafe(1024);
		while (this.#readEnd.isOpen) {
			const count = read(this.#readEnd.fd, bytes, 0, bytes.length);
			if (count === 0) this.#isEnded = true;
			if (count <= 0) break;
			this.#text += bytes.toString("latin1", 0, count);
		}
		const complete = this.#text.split("\n").slice(0, -1);
		return complete.map((line) => JSON.parse(line) as HelperReport);
	}

	[Symbol.dispose](): void {
		this.#poller?.close();
		this.#readEnd.close();
		this.writeEnd.close();
	}
}
