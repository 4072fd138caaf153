import { DeviceError, isDeviceErrorCode } from "@devhost/core";
import { isRemoteError, isRpcError, type RemoteError } from "@devhost/rpc";
import type { DescribedModule } from "./osbuild-module.ts";

/** What was asked of which module, for messages. */
export interface ModuleRequest {
	/** The device, or the mount, as the graph calls it. */
	readonly device: string;
	readonly module: Pick<DescribedModule, "type" | "program" | "libdir">;
	readonly method: "open" | "mount" | "close";
}

/**
 * What a module failed with, as an error of ours: with type, value and backtrace of its exception, or with how it ended and its
 * last lines. That a call was cancelled is whoever's who did.
 */
export function moduleError(error: unknown, request: ModuleRequest): unknown {
	if (isRemoteError(error)) return fromException(error, request);
	if (!isRpcError(error)) return error;
	const { device, module, method } = request;
	const options = {
		cause: error,
		device,
		details: { type: module.type, program: module.program },
	};
	switch (error.code) {
		case "ERR_RPC_CANCELLED":
			return error;
		case "ERR_RPC_TIMEOUT": {
			const message = `${device}: ${module.type} did not answer "${method}" in time, and was killed`;
			return new DeviceError("ERR_DEVICE_TIMEOUT", message, options);
		}
		default: {
			const hint = hintFor(linesOf(error), module);
			const what = error.message.replace(/^service [^ ]+:? /, "");
			const message = `${device}: ${module.type} ${verb(error.code)}${what}${hint}`;
			const code = method === "close" ? "ERR_DEVICE_CLOSE" : "ERR_DEVICE_SERVICE";
			return new DeviceError(code, message, options);
		}
	}
}

function fromException(error: RemoteError, { device, module, method }: ModuleRequest): DeviceError {
	const { remoteCode, remoteName, remoteStack = "", message: value } = error;
	const { type, program } = module;
	const exception = { type: remoteName, value: cut(value), backtrace: cut(remoteStack) };
	const what = value === "" ? remoteName : `${remoteName}: ${cut(value, shownCharacters)}`;
	const options = { cause: error, device, details: { type, program, exception } };
	// An executable of ours in osbuild's place has said all that there is to say.
	if (isDeviceErrorCode(remoteCode))
		return new DeviceError(remoteCode, cut(value, shownCharacters), options);
	const code = method === "close" ? "ERR_DEVICE_CLOSE" : "ERR_DEVICE_SERVICE";
	return new DeviceError(code, `${device}: ${type}: ${what}`, options);
}

function verb(code: string): string {
	return code === "ERR_RPC_SERVICE_START" ? "cannot be started: " : "";
}

function linesOf(error: object): readonly string[] {
	return "lastLines" in error && Array.isArray(error.lastLines) ? error.lastLines : [];
}

/** What to do, where a module's last lines are known to say what is missing. */
function hintFor(lines: readonly string[], { libdir }: ModuleRequest["module"]): string {
	for (const line of lines.toReversed()) {
		const missing = /^(?:ModuleNotFoundError|ImportError): (.*)/.exec(line)?.[1];
		if (missing?.includes("'osbuild'") === true) {
			return `: osbuild's Python package is neither in ${libdir} nor in Python's own path`;
		}
		if (missing !== undefined) return `: ${missing}`;
		const program = /^(?:\/usr\/bin\/)?env: .(\S+?).: No such file or directory/.exec(
			line,
		)?.[1];
		if (program !== undefined) return `: ${program} is not installed`;
	}
	return "";
}

/** What somebody else wrote may be of any length, and goes into every report. */
function cut(text: string, most: number = keptCharacters): string {
	return text.length <= most ? text : `${text.slice(0, most)}…`;
}

const shownCharacters = 1000;
const keptCharacters = 32 * 1024;
