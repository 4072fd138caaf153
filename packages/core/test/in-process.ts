import { openSync } from "node:fs";
import type { DeviceCallOptions, DeviceServiceClient } from "../src/device-client.ts";
import type { DeviceService } from "../src/device-service.ts";
import { FdSet, RemoteError, type HandlerCall } from "@devhost/rpc";
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
			return { value: structuredClone(value), [Symbol.dispose]() {} };
		},
	};
}

function handlerCall(options: DeviceCallOptions, signal: AbortSignal): HandlerCall {
	const numbers = (options.fds ?? []).map(() => openSync("/dev/null", "r"));
	return {
		fds: new FdSet(numbers),
		blob: undefined,
		signal,
		signalHost: (name, value) => options.onSignal?.({ name, value }),
		ready: () => Promise.resolve(),
	};
}

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
