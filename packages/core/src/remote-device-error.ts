import {
	DeviceBusy,
	DeviceError,
	isDeviceError,
	isDeviceErrorCode,
	type DeviceErrorCode,
	type DeviceErrorOptions,
	type DeviceProblem,
} from "./error.ts";
import type { Holder } from "./holder.ts";

/**
 * What a call to a device service threw, as a {@link DeviceError} of this side, with the thrown one as its cause.
 *
 * An error of the service keeps its code, and its `pointer`, `problems`, `details` and `holders`. Errors of the
 * connection become `ERR_DEVICE_TIMEOUT`, `ERR_DEVICE_CANCELLED` or `ERR_DEVICE_SERVICE`.
 *
 * @param device - The device's name in the graph.
 */
export function toDeviceError(error: unknown, device: string): DeviceError {
	if (isDeviceError(error)) return error;
	const message = error instanceof Error ? error.message : String(error);
	if (isRemote(error)) {
		const failure = { code: error.remoteCode, message, data: error.data };
		return isDeviceErrorCode(error.remoteCode)
			? fromFailure(failure, device, error)
			: new DeviceError("ERR_DEVICE_SERVICE", `${device}: ${error.remoteName}: ${message}`, {
					cause: error,
					device,
				});
	}
	const code = codesOfRpc.get(codeOf(error) ?? "") ?? "ERR_DEVICE_SERVICE";
	return new DeviceError(code, `${device}: ${message}`, { cause: error, device });
}

/** Whether a service itself said that a call failed: then nothing of it is left there. */
export function isAnswer(error: unknown): boolean {
	return isRemote(error);
}

/** Whether a service has no method of that name. */
export function isUnknownMethod(error: unknown): boolean {
	return codeOf(error) === "ERR_RPC_METHOD";
}

/** Whether a call was never begun: its parameters cannot travel, or are too much, or the service has no such method. */
export function isUnsent(error: unknown): boolean {
	const isTooMuch = codeOf(error) === "ERR_RPC_LIMIT" && !isRemote(error);
	return error instanceof TypeError || isTooMuch || isUnknownMethod(error);
}

/** What a service said of one device of several, as `RemoteError` of `@devhost/rpc`, which a manager does not load. */
export class RemoteFailureError extends Error implements Remote {
	override readonly name = "RemoteError";
	readonly code: string;
	readonly remoteCode: string;
	readonly remoteName: string;
	readonly data?: unknown;

	/** @param said - `error` of a `Done`; what is missing is made up. */
	constructor(said: unknown) {
		const { code, name, message, data } = isRecord(said) ? said : {};
		super(typeof message === "string" ? message : "an error without a message");
		this.code = typeof code === "string" ? code : "ERR_UNCODED";
		this.remoteCode = this.code;
		this.remoteName = typeof name === "string" ? name : "Error";
		if (data !== undefined) this.data = data;
	}
}

/** Whether the connection is over, and with it every device of the service. */
export function isConnectionOver(error: unknown): boolean {
	const code = codeOf(error) ?? "";
	return code.startsWith("ERR_RPC_") && !codesOfRpc.has(code);
}

/** Source: `RpcErrorCode` of @devhost/rpc. */
const codesOfRpc: ReadonlyMap<string, DeviceErrorCode> = new Map<string, DeviceErrorCode>([
	["ERR_RPC_TIMEOUT", "ERR_DEVICE_TIMEOUT"],
	["ERR_RPC_CANCELLED", "ERR_DEVICE_CANCELLED"],
	["ERR_RPC_LIMIT", "ERR_DEVICE_SERVICE"],
	["ERR_RPC_METHOD", "ERR_DEVICE_SERVICE"],
]);

interface Remote extends Error {
	readonly remoteCode: string;
	readonly remoteName: string;
	readonly data?: unknown;
}

/** By name, as `isRemoteError` of `@devhost/rpc`, so that a host's bundle need not hold the package twice. */
function isRemote(error: unknown): error is Remote {
	return error instanceof Error && error.name === "RemoteError" && "remoteCode" in error;
}

function codeOf(error: unknown): string | undefined {
	return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** What another process says is looked at piece by piece: a field of another shape is dropped. */
function fromFailure(
	failure: {
		readonly code: string;
		readonly message: string;
		readonly data?: unknown;
	},
	device: string,
	cause: unknown,
): DeviceError {
	const data = isRecord(failure.data) ? failure.data : {};
	const { pointer, details } = data;
	const options: DeviceErrorOptions = {
		...(cause === undefined ? {} : { cause }),
		device: typeof data["device"] === "string" ? data["device"] : device,
		pointer: typeof pointer === "string" ? pointer : undefined,
		problems: list(data["problems"]).filter(isProblem),
		details: isRecord(details) ? details : undefined,
		closeFailures: list(data["closeFailures"])
			.filter(isFailure)
			.map((inner) => fromFailure(inner, device, undefined)),
	};
	if (failure.code === "ERR_DEVICE_BUSY") {
		return new DeviceBusy(failure.message, list(data["holders"]).filter(isHolder), options);
	}
	const code = isDeviceErrorCode(failure.code) ? failure.code : "ERR_DEVICE_SERVICE";
	return new DeviceError(code, failure.message, options);
}

function isProblem(value: unknown): value is DeviceProblem {
	return (
		isRecord(value) &&
		isDeviceErrorCode(value["code"]) &&
		typeof value["pointer"] === "string" &&
		typeof value["message"] === "string"
	);
}

function isFailure(value: unknown): value is { code: string; message: string; data?: unknown } {
	return (
		isRecord(value) && typeof value["code"] === "string" && typeof value["message"] === "string"
	);
}

const holderFields: ReadonlyMap<unknown, Record<string, "string" | "number">> = new Map([
	["process", { pid: "number", command: "string", path: "string" }],
	["mount", { target: "string", namespace: "string", pid: "number", command: "string" }],
	["swap", { path: "string" }],
	["device", { device: "string" }],
]);

function isHolder(value: unknown): value is Holder {
	if (!isRecord(value)) return false;
	const fields = holderFields.get(value["kind"]);
	if (fields === undefined) return false;
	return Object.entries(fields).every(([field, type]) => typeof value[field] === type);
}

function list(value: unknown): unknown[] {
	return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
