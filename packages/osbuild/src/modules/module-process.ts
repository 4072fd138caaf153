import { DeviceError } from "@devhost/core";
import { isRpcError, type Reply, type Service } from "@devhost/rpc";
import { moduleError, type ModuleRequest } from "./module-error.ts";

/** How long a service may take to end when its socket is closed. */
const endMs = 10_000;

/** The process of one module for one device or mount. */
export class ModuleProcess {
	readonly service: Service;
	readonly #request: Omit<ModuleRequest, "method">;
	#isEnding = false;
	#isGone = false;

	/** @param onLost - Told when the process ends without having been asked to. */
	constructor(service: Service, request: Omit<ModuleRequest, "method">, onLost: () => void) {
		this.service = service;
		this.#request = request;
		void service.exited.then(({ signal }) => {
			this.#isGone = true;
			// What it ran is of no use to anybody: `cryptsetup` that asks, `umount` that waits. (Its number is nobody else's as long as
			// they have it for that of their group.)
			if (signal !== undefined) killGroup(service.pid);
			if (!this.#isEnding) onLost();
		});
	}

	/**
	 * Calls a method.
	 *
	 * @throws {@link DeviceError} with the module's exception, or how it ended; `ERR_DEVICE_TIMEOUT`: it is killed then.
	 */
	async call(
		method: ModuleRequest["method"],
		args: unknown,
		options: {
			readonly signal?: AbortSignal | undefined;
			readonly timeoutMs?: number | undefined;
			readonly onSignal?: ((value: unknown) => void) | undefined;
		},
	): Promise<Reply> {
		const { signal, timeoutMs, onSignal } = options;
		try {
			return await this.service.call(method, args, {
				...(signal !== undefined && { signal }),
				...(timeoutMs !== undefined && { timeoutMs }),
				...(onSignal !== undefined && { onSignal: ({ value }) => onSignal(value) }),
			});
		} catch (error) {
			if (isRpcError(error, "ERR_RPC_TIMEOUT")) this.kill();
			throw moduleError(error, { ...this.#request, method });
		}
	}

	/** @throws {@link DeviceError} what it ended with, if its connection is over after its answer. */
	async check(method: ModuleRequest["method"]): Promise<void> {
		if (!this.service.client.isOver) return;
		await this.end(undefined, method);
	}

	/**
	 * Closes its socket, which tells it to close and to end, and waits for it.
	 *
	 * @throws {@link DeviceError} what it ended with, if not well.
	 */
	async end(timeoutMs: number = endMs, method: ModuleRequest["method"] = "close"): Promise<void> {
		this.#isEnding = true;
		const { service } = this;
		const { device, module } = this.#request;
		const isLate = await isLateToEnd(service, timeoutMs);
		if (isLate) this.kill();
		try {
			await service.stop();
		} catch (error) {
			if (!isLate) throw moduleError(error, { ...this.#request, method });
		}
		if (!isLate) return;
		const message = `${device}: ${module.type} did not end within ${timeoutMs} ms of the end of its socket, and was killed`;
		throw new DeviceError("ERR_DEVICE_TIMEOUT", message, { device });
	}

	/** Ends it, and the programs that it runs: they are of its session. */
	kill(): void {
		this.#isEnding = true;
		if (this.#isGone) return; // its number may be somebody else's
		killGroup(this.service.pid);
	}
}

function killGroup(leader: number): void {
	try {
		process.kill(-leader, "SIGKILL");
	} catch {
		// Gone already.
	}
}

/** Closes the socket, and waits for the end of the process. */
async function isLateToEnd(service: Service, timeoutMs: number): Promise<boolean> {
	// At once, not by asking first: whoever stops all services meanwhile need not wait for this one as long.
	service.client.disconnect();
	const late = Promise.withResolvers<true>();
	const timer = setTimeout(() => late.resolve(true), timeoutMs);
	const isLate = await Promise.race([late.promise, service.exited.then(() => false)]);
	clearTimeout(timer);
	return isLate;
}
