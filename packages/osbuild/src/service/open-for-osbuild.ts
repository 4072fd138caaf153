import { causeFirst, DeviceError, type DeviceService, fromSystemError } from "@devhost/core";
import type { FdSet, HandlerCall } from "@devhost/rpc";
import { say } from "./say.ts";

/** What a service of osbuild's kind has open: one thing. */
export interface OpenForOsbuild {
	/** What osbuild is told. */
	readonly reply: unknown;
	/** @throws {@link DeviceError} */
	close(): Promise<void>;
}

/** What osbuild asked for. */
export interface OsbuildRequest {
	/** Its name in osbuild's manifest. */
	readonly name: string;
	/** The arguments. */
	readonly value: unknown;
	readonly call: HandlerCall;
	/** Something is open already. */
	readonly isOpen: boolean;
}

/** @throws {@link DeviceError} `ERR_DEVICE_NAME` something is open already: osbuild's own services forget it then. */
export function checkFree({ name, isOpen }: OsbuildRequest): void {
	if (!isOpen) return;
	throw new DeviceError("ERR_DEVICE_NAME", `${name}: open already; a service opens one`);
}

/** Calls a method of a device service of ours in this process. */
export async function ask(
	service: DeviceService,
	method: "begin" | "open",
	params: object,
	call: { readonly fds: FdSet } & Partial<Pick<HandlerCall, "signal" | "onAbort">>,
): Promise<unknown> {
	return await service.methods[method]?.(params, {
		fds: call.fds,
		blob: undefined,
		signal: call.signal ?? new AbortController().signal,
		onAbort: (listener) => call.onAbort?.(listener),
		signalHost(kind, text) {
			if (kind === "log") say(String(text));
		},
		ready: () => Promise.resolve(),
	});
}

/** Errors have a code of ours, those of system calls too. */
export async function withCode<T>(name: string, action: () => Promise<T>): Promise<T> {
	try {
		return await action();
	} catch (error) {
		throw fromSystemError(causeFirst(error, name), name);
	}
}
