import { openSync } from "node:fs";
import { closeFd, type FdLike, fdNumber } from "@devhost/linux";
import type { DeviceCallOptions, DeviceServiceClient } from "../src/device-client.ts";
import type { DeviceService } from "../src/device-service.ts";
import { FdSet, RemoteError, type HandlerCall, type ReplyWithExtras } from "@devhost/rpc";
import { rpcError } from "./fake-service.ts";

/** Calls a service's methods without a process or socket between, but with what those make of values and errors. */
export function inProcess(service: DeviceService): DeviceServiceClient {
	return {
		async call(method, params, options) {
			const handler = service.methods[method];
			if (handler === undefined) throw new Error(`no method ${method}`);
			const controller = new AbortController();
			const call = handlerCall(options, controller.signal);
			const travelled: unknown = structuredClone(params);
			const ended = Promise.resolve().then(() => handler(travelled, call));
			using _ = call.fds;
			const value = await Promise.race([
				ended.catch(throwRemote),
				cancelled(options, controller),
			]);
			if (hasExtras(value)) {
				const fds = new FdSet((value.fds ?? []).map(duplicate));
				for (const fd of value.fds ?? []) if (typeof fd !== "number") closeFd(fd.take());
				return { value: value.value, fds, [Symbol.dispose]: () => fds.close() };
			}
			return { value: structuredClone(value), [Symbol.dispose]() {} };
		},
	};
}

function handlerCall(options: DeviceCallOptions, signal: AbortSignal): HandlerCall {
	return {
		fds: new FdSet((options.fds ?? []).map(duplicate)),
		blob: undefined,
		signal,
		onAbort: (listener) => whenAborted(signal, listener),
		signalHost: (name, value) => options.onSignal?.({ name, value }),
		ready: () => Promise.resolve(),
	};
}

/** Tells a listener when a signal aborts, or has. */
export function whenAborted(signal: AbortSignal, listener: (reason: unknown) => void): void {
	if (signal.aborted) listener(signal.reason);
	else signal.addEventListener("abort", () => listener(signal.reason), { once: true });
}

function hasExtras(value: unknown): value is ReplyWithExtras {
	return typeof value === "object" && value !== null && "fds" in value;
}

/** Stands for the same file; where a test gives no descriptor that there is, for none in particular. */
function duplicate(fd: FdLike): number {
	try {
		return openSync(`/proc/self/fd/${fdNumber(fd)}`, O_PATH);
	} catch {
		return openSync("/dev/null", "r");
	}
}

const O_PATH = 0o10000000;

function throwRemote(error: Error & { code?: string; data?: unknown }): never {
	const { name, message, code = "ERR_UNCODED", data } = error;
	throw new RemoteError("test", { code, name, message, data: structuredClone(data) });
}

/** Rejects at once, while the handler goes on: as the client of `@devhost/rpc` does. */
function cancelled(
	{ signal, timeoutMs }: DeviceCallOptions,
	call: AbortController,
): Promise<never> {
	return new Promise((_, reject) => {
		const end = (code: string): void => {
			call.abort(rpcError(code));
			reject(rpcError(code, { cause: signal?.reason }));
		};
		if (signal?.aborted) end("ERR_RPC_CANCELLED");
		signal?.addEventListener("abort", () => end("ERR_RPC_CANCELLED"));
		if (timeoutMs !== undefined) setTimeout(() => end("ERR_RPC_TIMEOUT"), timeoutMs).unref();
	});
}
