import { DeviceError } from "./error.ts";
import { type DeviceSpec, pointerOf, prerequisitesOf } from "./graph.ts";

/** How one call of {@link DeviceManager.open} may end early. */
export interface OpenDevicesOptions {
	/** Ends opening: what was opened is closed, and the call rejects with `ERR_DEVICE_CANCELLED`. */
	readonly signal?: AbortSignal;
	/** Longest time for all devices together, in milliseconds; closing what was opened comes on top. */
	readonly timeoutMs?: number;
	/**
	 * Where a device stands in the manifest, for the pointers of problems.
	 *
	 * @default "/devices/NAME", of a mount "/mounts/NAME"
	 */
	readonly pointer?: (name: string) => string;
}

/** A timer for longer, or for ever, would expire at once. Source: timers of Node, 2^31 - 1 ms or 24.8 days. */
const longestTimerMs = 2 ** 31 - 1;

/** One call of `DeviceManager.open` that is under way. */
export class Opening {
	readonly names: ReadonlySet<string>;
	/** Where a device stands in the manifest. */
	readonly pointer: (name: string) => string;
	/** Devices of earlier calls that these stand on, or need. */
	readonly parents: ReadonlySet<string>;
	/** Resolves when the call has come to an end, whichever. */
	readonly settled: Promise<void>;
	readonly settle: () => void;
	readonly #controller = new AbortController();
	readonly #alsoFailed: DeviceError[] = [];
	readonly #closeFailures: DeviceError[] = [];
	#cause: DeviceError | undefined;

	constructor(
		specs: ReadonlyMap<string, DeviceSpec>,
		names: readonly string[],
		{ pointer = pointerOf }: OpenDevicesOptions,
	) {
		const { promise, resolve } = Promise.withResolvers<void>();
		const parents = [...specs.values()].flatMap(prerequisitesOf);
		this.names = new Set(names);
		this.pointer = pointer;
		this.parents = new Set(parents).difference(this.names);
		this.settled = promise;
		this.settle = resolve;
	}

	/** Aborts when something stops this call. */
	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	/** What stopped this call, first cause first. */
	get cause(): DeviceError | undefined {
		return this.#cause;
	}

	/** What else failed by itself. */
	get alsoFailed(): readonly DeviceError[] {
		return this.#alsoFailed;
	}

	/** What of the devices that were not open yet could not be undone. */
	get closeFailures(): readonly DeviceError[] {
		return this.#closeFailures;
	}

	/** Stops this call, if nothing has before. */
	stop(cause: DeviceError): void {
		if (this.#cause !== undefined) return;
		this.#cause = cause;
		this.#controller.abort(cause);
	}

	/** What becomes of a device that was not open yet when this call was stopped. */
	cancelled(device: string): DeviceError {
		const options = { device, cause: this.#cause };
		return new DeviceError("ERR_DEVICE_CANCELLED", `${device}: opening was cancelled`, options);
	}

	/** A device failed to open. */
	fail(error: DeviceError): void {
		if (this.#cause === undefined) {
			this.stop(error);
		} else if (error.code === "ERR_DEVICE_CANCELLED") {
			// It was told to stop and did: only what it could not undo is news.
			this.#closeFailures.push(...error.closeFailures);
		} else {
			this.#alsoFailed.push(error);
		}
	}

	/** A device that was not open yet could not be undone. */
	undoFailed(error: DeviceError): void {
		this.#closeFailures.push(error);
	}

	/** Stops this call when the caller's signal or deadline says so, until disposed. */
	stopEarly({ signal, timeoutMs }: OpenDevicesOptions): Disposable {
		const cancel = (): void => {
			const options = { cause: signal?.reason as unknown };
			this.stop(new DeviceError("ERR_DEVICE_CANCELLED", "opening was cancelled", options));
		};
		const expire = (): void => {
			const message = `not everything was open within ${timeoutMs} ms`;
			this.stop(new DeviceError("ERR_DEVICE_TIMEOUT", message));
		};
		const hasTimer = timeoutMs !== undefined && timeoutMs <= longestTimerMs;
		const timer = hasTimer ? setTimeout(expire, timeoutMs) : undefined;
		if (signal?.aborted === true) cancel();
		signal?.addEventListener("abort", cancel);
		return {
			[Symbol.dispose](): void {
				clearTimeout(timer);
				signal?.removeEventListener("abort", cancel);
			},
		};
	}
}
