import {
	isSysError,
	KEY_SPEC_USER_KEYRING,
	KEY_SPEC_USER_SESSION_KEYRING,
	readKey,
	requestKey,
	searchKeyring,
} from "@devhost/linux";
import type { SecretBytes } from "./bytes.ts";
import { SecretFailure } from "./failure.ts";

/**
 * Reads a key of the type `user`, which is looked for in the keyrings of the thread, the process and the session, then in those
 * of the user.
 *
 * @throws {@link SecretFailure}
 */
export function readFromKeyring(description: string, into: SecretBytes): void {
	try {
		const key = findKey(description);
		let size = readKey(key, into.free);
		while (size > into.free.length) {
			into.grow();
			size = readKey(key, into.free);
		}
		into.added(size);
	} catch (cause) {
		if (!isSysError(cause)) throw cause;
		const reason = reasons[cause.code] ?? cause.message;
		throw new SecretFailure(`key ${JSON.stringify(description)}: ${reason}`, { cause });
	}
}

function findKey(description: string): number {
	const searches = [
		() => requestKey("user", description),
		() => searchKeyring(KEY_SPEC_USER_KEYRING, "user", description),
		() => searchKeyring(KEY_SPEC_USER_SESSION_KEYRING, "user", description),
	];
	let first: unknown;
	for (const search of searches) {
		try {
			return search();
		} catch (error) {
			first ??= error;
			if (!isSysError(error, "ENOKEY")) break;
		}
	}
	throw first;
}

const reasons: Readonly<Record<string, string>> = {
	ENOKEY: "none of this description and the type user in the keyrings of this session or user",
	EKEYEXPIRED: "has expired",
	EKEYREVOKED: "was revoked",
	EACCES: "may not be read by this process: link its keyring to the session's (keyctl link @u @s), or give read permission",
	EPERM: "the kernel's keyrings are forbidden here, as in most containers",
	ENOSYS: "this kernel has no keyrings",
};
