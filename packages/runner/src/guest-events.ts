import { StringDecoder } from "node:string_decoder";
import type { ErrorReport, RunEvent } from "./events.ts";

/** An error of a run in a guest, as its events tell it: it has the code and the facts of the error that it was there. */
export class GuestRunError extends Error {
	override readonly name: string = "GuestRunError";
	readonly code: string;

	constructor(report: ErrorReport) {
		const { code, message, causes, ...facts } = report;
		super(message, { cause: chain(causes ?? []) });
		this.code = code;
		Object.assign(this, facts);
	}
}

/** Reads the lines of `devhost run --json` as they come. */
export class GuestEvents {
	readonly #onEvent: (event: RunEvent) => void;
	readonly #onOther: (line: string) => void;
	readonly #decoder = new StringDecoder("utf8");
	#rest = "";

	/** @param onOther - Told of lines that are no events. */
	constructor(onEvent: (event: RunEvent) => void, onOther: (line: string) => void) {
		this.#onEvent = onEvent;
		this.#onOther = onOther;
	}

	add(bytes: Uint8Array): void {
		const lines = (this.#rest + this.#decoder.write(bytes)).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) this.#line(line);
	}

	/** There is no more. */
	end(): void {
		if (this.#rest !== "") this.#line(this.#rest);
		this.#rest = "";
	}

	#line(line: string): void {
		const event = parseEvent(line);
		if (event === undefined) this.#onOther(line);
		else this.#onEvent(event);
	}
}

/** The guest runs this very version, so that what has a name is an event that we know. */
function parseEvent(line: string): RunEvent | undefined {
	try {
		const value = JSON.parse(line) as unknown;
		const isEvent = typeof value === "object" && value !== null && "event" in value;
		return isEvent ? (value as RunEvent) : undefined;
	} catch {
		return undefined;
	}
}

function chain(causes: NonNullable<ErrorReport["causes"]>): Error | undefined {
	const [first, ...others] = causes;
	return (
		first &&
		Object.assign(new Error(first.message, { cause: chain(others) }), { code: first.code })
	);
}
