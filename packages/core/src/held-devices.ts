import { asCloseFailure } from "./close-failure.ts";
import type { OpenDevice } from "./driver.ts";
import { DeviceError, isBusy, isDeviceError } from "./error.ts";

/**
 * How long closing waits where waiting is of no use, since what stands on the device is in use and keeps it: only what closing
 * takes anyway.
 */
const hurriedCloseMs = 100;

/** A device of {@link HeldDevices}, from the moment it is asked for until it is closed. */
interface Held {
	readonly name: string;
	/** Ends the opening; without effect afterwards. */
	readonly controller: AbortController;
	/** Resolves, never rejects, when opening has come to an end, whichever. */
	readonly settled: Promise<void>;
	/** Set once it is open. */
	device?: OpenDevice;
	/** Nobody is to be waited for when it is closed. */
	isHurried: boolean;
	/** Set once it is being closed. */
	closing?: Promise<void>;
}

/**
 * The devices that one process holds, by name.
 *
 * Opens may overlap. An opening that is cancelled leaves nothing, also when the driver was through with it already. A
 * name is free again as soon as its device is closed.
 */
export class HeldDevices {
	readonly #byName = new Map<string, Held>();
	/** In the order in which opening was completed. */
	readonly #open: Held[] = [];
	#isClosed = false;

	/** The names of devices that are open, in the order in which opening was completed. */
	get names(): readonly string[] {
		return this.#open.map(({ name }) => name);
	}

	/**
	 * Opens a device and holds it.
	 *
	 * @param onAbort - Tells its listener, once, when the caller gives up.
	 * @throws {@link DeviceError} `ERR_DEVICE_NAME` the name is taken; `ERR_DEVICE_CANCELLED` the caller gave up, with
	 * `closeFailures` when the device had to be closed again and that failed; `ERR_DEVICE_CLOSED` after `closeAll`.
	 * @throws what `open` throws.
	 */
	async open(
		name: string,
		onAbort: (listener: (reason: unknown) => void) => void,
		open: (
			signal: AbortSignal,
			closeTimeout: (longestMs: number) => number,
		) => Promise<OpenDevice>,
	): Promise<OpenDevice> {
		if (this.#isClosed)
			throw new DeviceError("ERR_DEVICE_CLOSED", `${name}: everything is closed`);
		if (this.#byName.has(name)) {
			throw new DeviceError(
				"ERR_DEVICE_NAME",
				`${name}: a device of this name is open already`,
			);
		}
		const controller = new AbortController();
		const settled = Promise.withResolvers<void>();
		const held: Held = { name, controller, settled: settled.promise, isHurried: false };
		const { signal } = controller;
		onAbort((reason) => {
			if (held.device === undefined) controller.abort(reason);
		});
		this.#byName.set(name, held);
		try {
			if (signal.aborted) throw cancelled(name, signal.reason);
			const device = await open(signal, (longestMs) =>
				held.isHurried ? Math.min(longestMs, hurriedCloseMs) : longestMs,
			);
			if (signal.aborted) await discard(name, device, signal.reason);
			held.device = device;
			this.#open.push(held);
			return device;
		} catch (error) {
			this.#byName.delete(name);
			// Whatever the abort led to in the driver: the caller asked for it.
			if (!signal.aborted || isDeviceError(error, "ERR_DEVICE_CANCELLED")) throw error;
			throw cancelled(name, error);
		} finally {
			settled.resolve();
		}
	}

	/** A device that is open; undefined for any other. */
	get(name: string): OpenDevice | undefined {
		const held = this.#byName.get(name);
		return held?.closing === undefined ? held?.device : undefined;
	}

	/**
	 * Closes a device, or ends its opening and waits for that.
	 *
	 * Nothing happens if no device has this name. A device that could not be closed is no longer held either: its
	 * driver has given up what it had.
	 *
	 * @param hurry - Nobody is to be waited for.
	 * @throws what the driver throws.
	 */
	async close(name: string, { hurry = false }: { readonly hurry?: boolean } = {}): Promise<void> {
		const held = this.#byName.get(name);
		if (held === undefined) return;
		if (hurry) held.isHurried = true;
		if (held.device === undefined) {
			const message = `${name}: closed while opening`;
			held.controller.abort(new DeviceError("ERR_DEVICE_CANCELLED", message));
			await held.settled;
			if (held.device === undefined) return;
		}
		held.closing ??= this.#dispose(held, held.device);
		await held.closing;
	}

	/**
	 * Ends every opening, then closes every device, last opened first. Afterwards nothing can be opened. When one is in use by
	 * others, which is waited for, nobody is waited for any more: it may stand on any of those that are left.
	 *
	 * @returns What failed, in order. The others are closed all the same.
	 */
	async closeAll(): Promise<{ readonly name: string; readonly error: unknown }[]> {
		this.#isClosed = true;
		const failures: { name: string; error: unknown }[] = [];
		for (const { name, controller, device } of this.#byName.values()) {
			if (device !== undefined) continue;
			const message = `${name}: the host went away`;
			controller.abort(new DeviceError("ERR_DEVICE_CANCELLED", message));
		}
		await Promise.all([...this.#byName.values()].map(({ settled }) => settled));
		for (;;) {
			const held = this.#open.at(-1);
			if (held?.device === undefined) return failures;
			try {
				held.closing ??= this.#dispose(held, held.device);
				await held.closing;
			} catch (error) {
				failures.push({ name: held.name, error });
				if (isBusy(error)) for (const each of this.#open) each.isHurried = true;
			}
		}
	}

	async #dispose(held: Held, device: OpenDevice): Promise<void> {
		try {
			await device[Symbol.asyncDispose]();
		} finally {
			this.#byName.delete(held.name);
			this.#open.splice(this.#open.indexOf(held), 1);
		}
	}
}

/** Closes a device that was opened in vain. Always throws. */
async function discard(name: string, device: OpenDevice, reason: unknown): Promise<never> {
	try {
		await device[Symbol.asyncDispose]();
	} catch (error) {
		throw cancelled(name, reason, [asCloseFailure(error, name)]);
	}
	throw cancelled(name, reason);
}

function cancelled(name: string, cause: unknown, closeFailures: DeviceError[] = []): DeviceError {
	const message = `${name}: opening was cancelled`;
	return new DeviceError("ERR_DEVICE_CANCELLED", message, { cause, closeFailures });
}
