import { writeSync } from "node:fs";
import {
	addSeals,
	AT_FDCWD,
	F_SEAL_GROW,
	F_SEAL_SEAL,
	F_SEAL_SHRINK,
	F_SEAL_WRITE,
	type Fd,
	type FdLike,
	fdNumber,
	memfd,
	openat2,
} from "@devhost/linux";

/** Puts a secret into memory that has no name and cannot be changed: a sealed memfd, read from its beginning. */
export function sealedMemory(secret: Uint8Array): Fd {
	using memory = new DisposableStack();
	const fd = memory.use(memfd("devhost-secret", { sealable: true }));
	for (let at = 0; at < secret.length;) {
		// At a place, so that its own stays the beginning.
		at += writeSync(fd.fd, secret, at, secret.length - at, at);
	}
	addSeals(fd, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	memory.move();
	return fd;
}

/** The same memory, opened once more: for reading, at its beginning. A duplicate would share its place with the first one. */
export function openAgain(memory: FdLike): Fd {
	return openat2(AT_FDCWD, `/proc/self/fd/${fdNumber(memory)}`, { flags: O_RDONLY });
}

/** Source: asm-generic/fcntl.h. */
const O_RDONLY = 0;
