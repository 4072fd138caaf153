import { writeSync } from "node:fs";
import { isRpcError, serve } from "@devhost/rpc";
import { deviceService, type DeviceServiceIdentity } from "./device-service.ts";
import type { DeviceDriver } from "./driver.ts";
import { toWireError } from "./error-wire.ts";
import { isDeviceError } from "./error.ts";

/** How {@link runDeviceService} finds its host, and what it says of itself. */
export interface DeviceServiceOptions extends DeviceServiceIdentity {
	/** @default the process's own */
	readonly argv?: readonly string[];
	/** @default as the command line says */
	readonly socketFd?: number;
	/**
	 * How long closing everything may take at the end, in milliseconds, before the process leaves the rest to the kernel.
	 *
	 * @default 300000
	 */
	readonly closeTimeoutMs?: number;
}

/**
 * Runs drivers as a service: the whole `main` of a driver's executable.
 *
 * One process serves all devices of its drivers' types in one run. When the host goes away, in order or not, it closes
 * every device, last opened first, writes what failed to standard error and ends with status 1 in that case.
 *
 * Where no host has started it, as by hand, it says so in one line and ends with status 2.
 *
 * @throws {@link RpcError} what the host did wrong, when everything is closed.
 *
 * @example
 * ```ts
 * import { runDeviceService, type DeviceDriver } from "@devhost/core";
 *
 * export async function main(driver: DeviceDriver): Promise<void> {
 * 	await runDeviceService(driver, { version: "1.0.0" });
 * }
 * ```
 */
export async function runDeviceService(
	drivers: DeviceDriver | readonly DeviceDriver[],
	options: DeviceServiceOptions = {},
): Promise<void> {
	const { argv, socketFd, closeTimeoutMs = 300_000 } = options;
	const service = deviceService(drivers, options);
	let failure: unknown;
	const close = async (): Promise<void> => {
		try {
			await service.close();
		} catch (error) {
			process.exitCode = 1;
			report(error);
			failure = toWireError(error, undefined);
			throw failure;
		}
	};
	try {
		await serve(
			{ ...service, close },
			{
				closeTimeoutMs,
				...(argv === undefined ? {} : { argv }),
				...(socketFd === undefined ? {} : { socketFd }),
			},
		);
	} catch (error) {
		if (isRpcError(error, "ERR_RPC_DIALECT")) {
			process.exitCode = 2;
			say(`${service.module}: ${error.message}`);
			return;
		}
		// Reported already, with its exit status.
		if (error !== failure || failure === undefined) throw error;
	}
}

function report(error: unknown): void {
	const failures = isDeviceError(error) ? [error, ...error.closeFailures] : [error];
	const lines = failures.map((failure) => {
		if (!(failure instanceof Error)) return String(failure);
		return `${"code" in failure ? String(failure.code) : failure.name} ${failure.message}`;
	});
	say(lines.join("\n"));
}

/** Last words, after everything is closed: the reader may be gone, and nothing may depend on it (EPIPE). */
function say(text: string): void {
	try {
		writeSync(2, `${text}\n`);
	} catch {
		// Nobody reads: the exit status still says it.
	}
}
