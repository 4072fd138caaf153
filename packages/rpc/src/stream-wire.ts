import type { Wire, WireEvents } from "./dialect.ts";
import type { OutgoingMessage } from "./message.ts";
import { StreamReader } from "./stream-reader.ts";
import { StreamWriter } from "./stream-writer.ts";

/** The msgpack dialect over a `SOCK_STREAM` socket: see PROTOCOL.md. */
export class StreamWire implements Wire {
	readonly #reader: StreamReader;
	readonly #writer: StreamWriter;

	constructor(fd: number, events: WireEvents) {
		this.#reader = new StreamReader(fd, (message) => events.deliver(message));
		this.#writer = new StreamWriter(fd, events);
	}

	get unsentBytes(): number {
		return this.#writer.unsentBytes;
	}

	get lastFrameBytes(): number {
		return this.#writer.lastFrameBytes;
	}

	send(message: OutgoingMessage): Promise<void> | undefined {
		return this.#writer.send(message);
	}

	read(): boolean {
		this.#writer.beginTick();
		return this.#reader.read();
	}

	flush(): void {
		this.#writer.flush();
	}

	untilUnsent(bytes: number): Promise<void> {
		return this.#writer.untilUnsent(bytes);
	}

	pause(): void {
		this.#reader.pause();
	}

	resume(): void {
		this.#reader.resume();
	}

	close(): void {
		this.#writer.close();
		this.#reader.close();
	}
}
