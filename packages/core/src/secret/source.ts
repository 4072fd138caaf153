import type { Fd } from "@devhost/linux";
import type { Secret } from "./complaint.ts";

/** A secret that a device needs to be opened. */
export interface SecretRequest {
	/** The device's name in the graph. */
	readonly device: string;
	/** JSON pointer (RFC 6901) of the option, in the device's options: `/passphrase`. */
	readonly pointer: string;
	/** JSON pointer of the option in the manifest: `/devices/root/options/passphrase`. */
	readonly place: string;
	readonly secret: Secret;
	/** Aborts when nobody waits for it any more. */
	readonly signal: AbortSignal;
}

/** Where the secrets of options come from. */
export interface SecretSource {
	/**
	 * Gets a secret.
	 *
	 * @returns Its bytes, from their beginning, in memory that does not change; the caller's.
	 * @throws {@link DeviceError} `ERR_DEVICE_SECRET`, and the reason of the request's signal.
	 */
	read(request: SecretRequest): Promise<Fd>;
}
