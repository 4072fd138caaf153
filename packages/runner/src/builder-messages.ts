import { Buffer } from "node:buffer";
import { type Fd, pipe, read, setNonBlocking } from "@devhost/linux";

/**
 * What those that make a sandbox, unshare and bubblewrap, print: no part of the stage's output, which they do not have as
 * their own. Somebody asks for it when the sandbox could not be made.
 */
export class BuilderMessages implements Disposable {
	/** Their standard output and standard error. Ours is closed by {@link BuilderMessages.start}. */
	readonly writeEnd: Fd;
	readonly #readEnd: Fd;

	constructor() {
		const [readEnd, writeEnd] = pipe();
		this.#readEnd = readEnd;
		this.writeEnd = writeEnd;
		setNonBlocking(readEnd, true);
		// Of both ends: one that prints more than the pipe holds loses it, and does not wait for us.
		setNonBlocking(writeEnd, true);
	}

	/** The builders have their end. */
	start(): void {
		this.writeEnd.close();
	}

	/** Takes what they have printed so far. */
	take(): string {
		const bytes = Buffer.allocUnsafe(4096);
		let text = "";
		while (this.#readEnd.isOpen) {
			const count = read(this.#readEnd.fd, bytes, 0, bytes.length);
			if (count <= 0) break;
			text += bytes.toString("utf8", 0, count);
		}
		return text;
	}

	[Symbol.dispose](): void {
		this.#readEnd.close();
		this.writeEnd.close();
	}
}
