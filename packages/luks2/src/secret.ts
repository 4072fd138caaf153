import { writeSync } from "node:fs";
import { DeviceError, type OpenContext } from "@devhost/core";
import { type Fd, memfd, statFd } from "@devhost/linux";
import type { Unlocking } from "./options.ts";

/** What unlocks a container, in a file that only descriptors lead to. */
export interface Secret extends Disposable {
	readonly fd: Fd;
	readonly sizeBytes: number;
}

/**
 * Takes the secret that is to unlock a container. Its bytes are not read.
 *
 * An empty passphrase becomes an empty line: cryptsetup takes an empty input for none at all.
 *
 * @returns `undefined` where tokens are to unlock it.
 * @throws {@link DeviceError} `ERR_DEVICE_KEY` it is empty, and no passphrase.
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` `keyfile-offset` is beyond its end.
 */
export function takeSecret(unlocking: Unlocking, context: OpenContext): Secret | undefined {
	if (unlocking.by === "token") return undefined;
	const { by } = unlocking;
	const { name } = context;
	const pointer = `/${by}`;
	const fd = context.secret(pointer);
	if (fd === undefined) {
		const message = `${name}: ${by}: the host has sent no secret with it`;
		throw new DeviceError("ERR_DEVICE_SERVICE", message, { pointer });
	}
	using taken = new DisposableStack();
	taken.use(fd);
	const { sizeBytes } = statFd(fd);
	if (sizeBytes === 0 && by === "passphrase") {
		const line = memfd("empty line");
		writeSync(line.fd, "\n", 0);
		return { fd: line, sizeBytes: 0, [Symbol.dispose]: () => line.close() };
	}
	if (sizeBytes === 0) {
		const message = `${name}: ${by}: it is empty, and cryptsetup takes no empty one`;
		throw new DeviceError("ERR_DEVICE_KEY", message, { pointer });
	}
	if (by === "key-file" && unlocking.offsetBytes >= sizeBytes) {
		const message = `${name}: keyfile-offset: ${unlocking.offsetBytes}, which is not before the key-file's end`;
		throw new DeviceError("ERR_DEVICE_OPTIONS", message, { pointer: "/keyfile-offset" });
	}
	const owned = taken.move();
	return { fd, sizeBytes, [Symbol.dispose]: () => owned.dispose() };
}
