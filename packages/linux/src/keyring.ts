import { binding } from "./binding.ts";
import { checked } from "./errno.ts";

// Source: linux/keyctl.h.
/** Of this process: shared with its threads, gone with it. */
export const KEY_SPEC_PROCESS_KEYRING: number = -2;
/** Of this session: a login, or a service of systemd. */
export const KEY_SPEC_SESSION_KEYRING: number = -3;
/** Of this user, whatever the session. */
export const KEY_SPEC_USER_KEYRING: number = -4;
/** Of this user, for processes without a session keyring of their own. */
export const KEY_SPEC_USER_SESSION_KEYRING: number = -5;

/**
 * Adds a key to a keyring, or gives the one of that type and description another payload.
 *
 * @param keyring - A `KEY_SPEC_…`, or an id.
 * @returns The key's id.
 * @throws {@link SysError} `EDQUOT` this user has too many keys; `ENOSYS`, `EPERM` no keyrings here, as in many containers.
 *
 * Source: add_key(2).
 */
export function addKey(
	type: string,
	description: string,
	payload: Uint8Array,
	keyring: number,
): number {
	return checked(binding.addKey(type, description, payload, keyring), "add_key");
}

/**
 * Looks for a key in the keyrings of this thread, process and session. Starts no program to make one.
 *
 * @returns The key's id.
 * @throws {@link SysError} `ENOKEY` there is none; `EKEYEXPIRED`, `EKEYREVOKED` not any more; `EACCES` it may not be found by
 * us; `ENOSYS`, `EPERM` no keyrings here.
 *
 * Source: request_key(2).
 */
export function requestKey(type: string, description: string): number {
	return checked(binding.requestKey(type, description), "request_key");
}

/**
 * Looks for a key in a keyring and those that are linked to it.
 *
 * @throws {@link SysError} as {@link requestKey}.
 *
 * Source: keyctl_search(3).
 */
export function searchKeyring(keyring: number, type: string, description: string): number {
	const result = binding.keyctl(KEYCTL_SEARCH, keyring, type, description, 0);
	return checked(result, "keyctl(KEYCTL_SEARCH)");
}

/**
 * Reads a key's payload into `into`.
 *
 * @returns The bytes that the payload has: where that is more than `into` takes, `into` holds nothing of use.
 * @throws {@link SysError} `EACCES` we may find it but not read it; `EKEYREVOKED`, `EKEYEXPIRED`; `EOPNOTSUPP` a type that
 * gives no payload away.
 *
 * Source: keyctl_read(3).
 */
export function readKey(key: number, into: Uint8Array): number {
	return checked(binding.keyctl(KEYCTL_READ, key, into, into.byteLength), "keyctl(KEYCTL_READ)");
}

/**
 * Takes a key out of a keyring; one that is in none any more is gone.
 *
 * Source: keyctl_unlink(3).
 */
export function unlinkKey(key: number, keyring: number): void {
	checked(binding.keyctl(KEYCTL_UNLINK, key, keyring), "keyctl(KEYCTL_UNLINK)");
}

// Source: linux/keyctl.h.
const KEYCTL_UNLINK = 9;
const KEYCTL_SEARCH = 10;
const KEYCTL_READ = 11;
