import { Buffer } from "node:buffer";
import { EAGAIN, type Fd, Poller, READABLE, pipe, read, setNonBlocking } from "@devhost/linux";
import { Utf8Decoder } from "./decode-utf8.ts";
import { stageOutputRoom } from "./output-flow.ts";

/** Which of a stage's two outputs. */
export type OutputStream = "stdout" | "stderr";

/** Bytes of the last output that an error carries. */
export const keptOutputBytes: number = 16 * 1024;

/** More is left for the next turn of the event loop, so that a stage that floods us cannot keep a timeout from firing. */
const bytesPerTurn = 1024 * 1024;

/**
 * Reads what a stage writes to its standard output and standard error, each in its order.
 *
 * Text arrives at `onText` as it comes, never with half a character; the end of it is kept for errors.
 */
export class StageOutput {
	/** The ends for the stage: to be closed by us once it is started, by {@link StageOutput.start}. */
	readonly writeEnds: { readonly stdout: Fd; readonly stderr: Fd };
	readonly #readers: readonly Reader[];
	#kept = "";

	constructor(onText: (stream: OutputStream, text: string) => void) {
		using acquired = new DisposableStack();
		const ends = (["stdout", "stderr"] as const).map((stream) => {
			const [readEnd, writeEnd] = pipe().map((fd) => acquired.use(fd)) as [Fd, Fd];
			setNonBlocking(readEnd, true);
			const reader = new Reader(readEnd, (text) => {
				this.#keep(text);
				onText(stream, text);
			});
			return { reader, writeEnd };
		});
		this.writeEnds = {
			stdout: (ends[0] as (typeof ends)[number]).writeEnd,
			stderr: (ends[1] as (typeof ends)[number]).writeEnd,
		};
		this.#readers = ends.map(({ reader }) => reader);
		acquired.move();
	}

	/** Starts reading. The stage has its ends now; ours are closed, so that the stage's end is the end of the output. */
	start(): void {
		this.writeEnds.stdout.close();
		this.writeEnds.stderr.close();
		for (const reader of this.#readers) reader.start();
	}

	/** The last {@link keptOutputBytes}, of both streams in the order of arrival; begins with `…` when there was more. */
	get last(): string {
		return this.#kept.length > keptOutputBytes ? lastOf(this.#kept) : this.#kept;
	}

	/**
	 * Resolves when all is read: when every process that had the outputs is gone, or after `graceMs`, with what there is by then.
	 * Waits no more for room: with the stage at its end, what there is to read is no more than the pipes hold.
	 */
	async ended(graceMs: number): Promise<void> {
		for (const reader of this.#readers) reader.finish();
		const timer = setTimeout(() => {
			for (const reader of this.#readers) reader.drain();
		}, graceMs);
		await Promise.all(this.#readers.map(({ ended }) => ended));
		clearTimeout(timer);
	}

	/** Stops reading, whoever still writes. */
	close(): void {
		this.writeEnds.stdout.close();
		this.writeEnds.stderr.close();
		for (const reader of this.#readers) reader.close();
	}

	#keep(text: string): void {
		// Not cut at every piece: that would copy it each time.
		this.#kept += text;
		if (this.#kept.length > 4 * keptOutputBytes) this.#kept = lastOf(this.#kept);
	}
}

function lastOf(text: string): string {
	const bytes = Buffer.from(text);
	if (bytes.length <= keptOutputBytes) return text;
	let start = bytes.length - keptOutputBytes;
	while (start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start++;
	return `…${bytes.toString("utf8", start)}`;
}

class Reader {
	readonly ended: Promise<void>;
	readonly #fd: Fd;
	readonly #onText: (text: string) => void;
	readonly #resolve: () => void;
	readonly #decoder = new Utf8Decoder();
	#poller: Poller | undefined;
	#isFinishing = false;

	constructor(fd: Fd, onText: (text: string) => void) {
		this.#fd = fd;
		this.#onText = onText;
		const { promise, resolve } = Promise.withResolvers<void>();
		this.ended = promise;
		this.#resolve = resolve;
	}

	start(): void {
		this.#poller = new Poller(this.#fd.fd, () => this.#read());
		this.#poller.set(READABLE);
	}

	#read(): void {
		for (let total = 0; total < bytesPerTurn;) {
			const count = read(this.#fd.fd, buffer, 0, buffer.length);
			if (count === -EAGAIN) return;
			if (count <= 0) return this.close();
			total += count;
			this.#emit(this.#decoder.decode(buffer.subarray(0, count)));
			if (this.#pause() || count < buffer.length) return;
		}
	}

	/** Leaves the rest in the pipe until there is room for it, so that the stage waits as if it wrote to the reader itself. */
	#pause(): boolean {
		const room = this.#isFinishing ? undefined : stageOutputRoom();
		if (room === undefined) return false;
		this.#poller?.set(0);
		void room.then(() => this.#resume());
		return true;
	}

	#resume(): void {
		if (this.#fd.isOpen) this.#poller?.set(READABLE);
	}

	/** Reads what there is, room or not. */
	finish(): void {
		this.#isFinishing = true;
		this.#resume();
	}

	/** Reads what there is now, and no more. */
	drain(): void {
		if (this.#fd.isOpen) this.#read();
		this.close();
	}

	#emit(text: string): void {
		if (text !== "") this.#onText(text);
	}

	close(): void {
		if (!this.#fd.isOpen) return;
		this.#poller?.close();
		this.#fd.close();
		this.#emit(this.#decoder.end());
		this.#resolve();
	}
}

/** Of all readers: what is read into it is turned into text before anybody else reads. */
const buffer = new Uint8Array(64 * 1024);
