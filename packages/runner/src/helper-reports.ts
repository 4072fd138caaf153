import { Buffer } from "node:buffer";
import { type Fd, pipe, read, setNonBlocking } from "@devhost/linux";

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

	/** What it has said so far. */
	get lines(): HelperReport[] {
		const bytes = Buffer.allocUnsafe(1024);
		while (this.#readEnd.isOpen) {
			const count = read(this.#readEnd.fd, bytes, 0, bytes.length);
			if (count <= 0) break;
			this.#text += bytes.toString("latin1", 0, count);
		}
		const complete = this.#text.split("\n").slice(0, -1);
		return complete.map((line) => JSON.parse(line) as HelperReport);
	}

	[Symbol.dispose](): void {
		this.#readEnd.close();
		this.writeEnd.close();
	}
}
