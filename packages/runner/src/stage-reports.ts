import { Buffer } from "node:buffer";
import { readSync } from "node:fs";
import { type Fd, memfd, pipe, read, setNonBlocking } from "@devhost/linux";
import type { NamespaceInit } from "./pid-namespace.ts";

/** What the helper found. Source: native/exec-checked.c in `@devhost/linux`. */
export interface HelperReport {
	readonly ok?: true;
	readonly error?: "caps" | "exec";
	/** Hexadecimal. */
	readonly caps?: string;
	readonly errno?: number;
}

/**
 * What is said about a stage's start: by bubblewrap, into a file in memory, and by the helper that checks capabilities,
 * into a pipe. Nobody waits for either; both are looked at when there is a question.
 *
 * The difference matters when we are killed meanwhile. bubblewrap must not notice, or SIGPIPE ends it before it has told
 * its child to go on, which then waits for ever (seen in 11 of 100 kills within 10 ms of the start; bubblewrap 0.8). The
 * helper must, so that a command does not begin for which nobody is there.
 */
export class StageReports implements Disposable {
	/** For bubblewrap (`--json-status-fd`) and for the helper. Closed by us once they are started. */
	readonly ends: { readonly builder: Fd; readonly helper: Fd };
	readonly #builder: Fd;
	readonly #helper: Fd;
	#helperText = "";

	constructor() {
		using acquired = new DisposableStack();
		this.#builder = acquired.use(memfd("bwrap-status"));
		const [readEnd, writeEnd] = pipe().map((fd) => acquired.use(fd)) as [Fd, Fd];
		setNonBlocking(readEnd, true);
		this.#helper = readEnd;
		this.ends = { builder: this.#builder, helper: writeEnd };
		acquired.move();
	}

	/** The stage has its ends: the end of it is now the end of the pipe. */
	start(): void {
		this.ends.helper.close();
	}

	/** The sandbox's first process, once bubblewrap has said which it is. Source: bwrap(1). */
	get init(): NamespaceInit | undefined {
		if (!this.#builder.isOpen) return undefined;
		const bytes = Buffer.allocUnsafe(1024);
		const text = bytes.toString(
			"latin1",
			0,
			readSync(this.#builder.fd, bytes, 0, bytes.length, 0),
		);
		const [first, ...rest] = text.split("\n");
		if (first === undefined || rest.length === 0) return undefined; // not written to its end
		const line = JSON.parse(first) as { "child-pid"?: number; "pid-namespace"?: number };
		const { "child-pid": pid, "pid-namespace": namespaceId } = line;
		return pid === undefined || namespaceId === undefined ? undefined : { pid, namespaceId };
	}

	/** What the helper has said so far. */
	get helper(): HelperReport[] {
		const bytes = Buffer.allocUnsafe(1024);
		while (this.#helper.isOpen) {
			const count = read(this.#helper.fd, bytes, 0, bytes.length);
			if (count <= 0) break;
			this.#helperText += bytes.toString("latin1", 0, count);
		}
		const complete = this.#helperText.split("\n").slice(0, -1);
		return complete.map((line) => JSON.parse(line) as HelperReport);
	}

	[Symbol.dispose](): void {
		this.#builder.close();
		this.#helper.close();
		this.ends.helper.close();
	}
}
