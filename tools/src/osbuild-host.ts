import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program in Python that stands in for osbuild: a service of its kind, or its host. See the program's own text. */
export const osbuildPeer: string = new URL("osbuild_peer.py", import.meta.url).pathname;

/** What a service answered: the members of its message's `data`, and what came with it. */
export interface OsbuildAnswer {
	readonly type?: "reply" | "exception";
	readonly reply?: unknown;
	readonly name?: string;
	readonly value?: string;
	readonly backtrace?: string;
	/** How the message came. */
	readonly how?: "inline" | "file";
	/** What was in the files that came with it. */
	readonly fds?: readonly string[];
	readonly signals?: readonly {
		readonly value: unknown;
		readonly fds: readonly string[];
	}[];
	/** There was no answer: how the connection ended. */
	readonly end?: "end" | "reset" | "broken pipe";
}

/** osbuild's host, in Python: it starts one service, as osbuild does, and does what a test says. */
export class OsbuildHost implements AsyncDisposable {
	readonly #child: ChildProcess;
	readonly #answers: AsyncIterator<string>;
	readonly #ended: Promise<unknown>;

	/** @param argv - The service's program and its own arguments. */
	constructor(argv: readonly string[]) {
		this.#child = spawn("python3", [osbuildPeer, "host", ...argv], {
			stdio: ["pipe", "pipe", "inherit"],
		});
		this.#ended = new Promise((resolve) => this.#child.on("close", resolve));
		this.#child.stdin?.on("error", () => {});
		const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
		this.#answers = lines[Symbol.asyncIterator]();
	}

	/** Of the host itself. */
	get pid(): number {
		return this.#child.pid ?? 0;
	}

	/** Starts the service. Returns its process id. */
	async start(
		options: { readonly id?: string; readonly environment?: Record<string, string> } = {},
	): Promise<number> {
		const { pid } = (await this.#ask({ do: "start", ...options })) as { pid: number };
		return pid;
	}

	/**
	 * Calls a method.
	 *
	 * @param options - `fds`: texts, each sent as a file with it; `long`: the arguments are a text of so many characters;
	 * `brief`: the reply is a text, and only its length is wanted.
	 */
	async call(
		method: string,
		args?: unknown,
		options: {
			readonly fds?: readonly string[];
			readonly long?: number;
			readonly brief?: boolean;
		} = {},
	): Promise<OsbuildAnswer> {
		return (await this.#ask({ do: "call", method, args, ...options })) as OsbuildAnswer;
	}

	/** Sends a packet as it is; with `payload` by a file. */
	async send(
		text: string,
		options: { readonly fds?: readonly string[]; readonly payload?: boolean } = {},
	): Promise<void> {
		await this.#ask({ do: "send", text, ...options });
	}

	/** Receives a packet. */
	async receive(): Promise<{ readonly document?: unknown; readonly end?: string }> {
		return (await this.#ask({ do: "receive" })) as { document?: unknown; end?: string };
	}

	/** Sends the service a signal, by its number. */
	async signal(number: number): Promise<void> {
		await this.#ask({ do: "signal", signal: number });
	}

	/** Closes the host's end and waits for the service. */
	async stop(): Promise<{ readonly status: number; readonly output: string }> {
		return (await this.#ask({ do: "stop" })) as { status: number; output: string };
	}

	/** Kills the host. */
	async kill(): Promise<void> {
		this.#child.kill("SIGKILL");
		await this.#ended;
	}

	/** Ends the host, which closes its end before. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#child.stdin?.end();
		await this.#ended;
	}

	async #ask(request: object): Promise<unknown> {
		this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
		const { value, done } = await this.#answers.next();
		if (done)
			throw new Error(`osbuild's host ended at ${JSON.stringify(request).slice(0, 200)}`);
		return parsePython(value);
	}
}

/** As JSON, with the numbers that Python has beyond it. */
function parsePython(text: string): unknown {
	const named = text.replaceAll(/(?<=[[ ])(NaN|-?Infinity|-?\d{16,})(?=[,\]}])/g, '"#$1"');
	return JSON.parse(named, (_key, value: unknown) => {
		const number = typeof value === "string" && /^#(.*\d|NaN|.*Infinity)$/.exec(value)?.[1];
		if (!number) return value;
		return /\d/.test(number) ? BigInt(number) : Number(number);
	});
}
