import { errorBody, type FdSet, type Handler, type HandlerCall } from "@devhost/rpc";
import type { DeviceLog, Done } from "./wire.ts";
import { broken, object } from "./wire-params.ts";

/** What opening or closing one device has of its call. */
export interface DeviceCall {
	/** Descriptors that came with the call. */
	readonly fds: FdSet;
	/** To be waited for before its work begins, when it is known who it is; undefined: its turn is now. */
	readonly turn: Promise<void> | undefined;
	/** Tells one listener when nobody waits any more. */
	onAbort(listener: (reason: unknown) => void): void;
	/** Tells the host a fact. */
	log(text: string): void;
}

/** How many devices are begun before others have a turn: the first are then told of while the last are begun. */
const begunInTurn = 4;

type Act = (params: unknown, call: DeviceCall) => Promise<NonNullable<Done["result"]> | null>;

/** Makes a method of what is done for a device. */
export function oneDevice(act: Act): Handler {
	return (params, call) => act(params, new CallForOne(call));
}

/**
 * Makes of what is done for a device a method that does it for each of several at once, and tells of each as soon as it is
 * done.
 */
export function eachDevice(method: string, act: Act): Handler {
	return async (params, call) => {
		const { devices } = object(params, method);
		if (!Array.isArray(devices)) throw broken(`${method} needs a list of devices`);
		const several = new CallForSeveral(call);
		let turn: Promise<void> | undefined;
		const tasks = (devices as unknown[]).map((device, index) => {
			if (index > 0 && index % begunInTurn === 0)
				turn = turn === undefined ? nextTurn() : turn.then(nextTurn);
			return several.perform(index, () => act(device, several.of(index, turn)));
		});
		await Promise.all(tasks);
		several.tell();
		return null;
	};
}

/** All of a call. */
class CallForOne implements DeviceCall {
	readonly turn = undefined;
	readonly #call: HandlerCall;

	constructor(call: HandlerCall) {
		this.#call = call;
	}

	get fds(): FdSet {
		return this.#call.fds;
	}

	onAbort(listener: (reason: unknown) => void): void {
		this.#call.onAbort(listener);
	}

	log(text: string): void {
		this.#call.signalHost("log", text);
	}
}

/** Tells the host what became of devices: of all that are done in one turn at once. */
class CallForSeveral {
	readonly call: HandlerCall;
	readonly #listeners: ((reason: unknown) => void)[] = [];
	#aborted: { readonly reason: unknown } | undefined;
	#done: Done[] = [];

	constructor(call: HandlerCall) {
		this.call = call;
		call.onAbort((reason) => {
			this.#aborted = { reason };
			for (const listener of this.#listeners) listener(reason);
		});
	}

	/** The part of one device. */
	of(index: number, turn: Promise<void> | undefined): DeviceCall {
		return new PartOfCall(this, index, turn);
	}

	onAbort(listener: (reason: unknown) => void): void {
		if (this.#aborted !== undefined) listener(this.#aborted.reason);
		else this.#listeners.push(listener);
	}

	/** Never rejects. */
	async perform(index: number, act: () => ReturnType<Act>): Promise<void> {
		try {
			this.#add({ index, result: await act() });
		} catch (error) {
			this.#add({ index, error: errorBody(error, false) });
		}
	}

	#add(done: Done): void {
		this.#done.push(done);
		if (this.#done.length === 1) setImmediate(() => this.tell());
	}

	tell(): void {
		const done = this.#done;
		if (done.length === 0) return;
		this.#done = [];
		try {
			this.call.signalHost("done", done);
		} catch {
			// One of them cannot travel, or all are too much.
			for (const each of done) this.#tellOne(each);
		}
	}

	#tellOne(done: Done): void {
		try {
			this.call.signalHost("done", [done]);
		} catch (error) {
			const { index } = done;
			this.call.signalHost("done", [{ index, error: errorBody(error, false) }]);
		}
	}
}

/** What one device has of a call for several. */
class PartOfCall implements DeviceCall {
	readonly turn: Promise<void> | undefined;
	readonly #several: CallForSeveral;
	readonly #index: number;

	constructor(several: CallForSeveral, index: number, turn: Promise<void> | undefined) {
		this.turn = turn;
		this.#several = several;
		this.#index = index;
	}

	get fds(): FdSet {
		return this.#several.call.fds;
	}

	onAbort(listener: (reason: unknown) => void): void {
		this.#several.onAbort(listener);
	}

	log(text: string): void {
		const log: DeviceLog = { index: this.#index, text };
		this.#several.call.signalHost("log", log);
	}
}

function nextTurn(): Promise<void> {
	return new Promise((resolve) => void setImmediate(resolve));
}
