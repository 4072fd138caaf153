import { readlinkSync } from "node:fs";
import {
	AT_FDCWD,
	Fd,
	isOpenFd,
	isSysError,
	openat2,
	setNonBlocking,
	statFd,
} from "@devhost/linux";
import { readAsItComes, readFromFile, type SecretBytes } from "./bytes.ts";
import { SecretFailure } from "./failure.ts";

/** How {@link readSecretFile} reads. */
export interface ReadFileOptions {
	readonly signal: AbortSignal;
	/** Told that everybody on the machine may read the file. */
	readonly onReadableByAll?: (() => void) | undefined;
}

/**
 * Reads a regular file, or a named pipe up to its end, which may wait for somebody to write into it.
 *
 * @param path - Absolute.
 * @throws {@link SecretFailure}
 */
export async function readSecretFile(
	path: string,
	into: SecretBytes,
	{ signal, onReadableByAll }: ReadFileOptions,
): Promise<void> {
	using file = openToRead(path);
	const { type, mode } = statFd(file);
	if (type === "fifo") {
		await readAsItComes(file.fd, into, { signal });
		return;
	}
	if (type !== "file") {
		throw new SecretFailure(`${path} is ${kinds[type]}, expected a file or a named pipe`);
	}
	if ((mode & S_IROTH) !== 0) onReadableByAll?.();
	await readFromFile(file.fd, into, signal);
}

function openToRead(path: string): Fd {
	try {
		// Without waiting: a pipe is opened before anybody writes into it, and devices are refused before they do anything.
		return openat2(AT_FDCWD, path, { flags: O_NONBLOCK | O_NOCTTY });
	} catch (cause) {
		if (!isSysError(cause)) throw cause;
		throw new SecretFailure(
			`${path} ${openErrors[cause.code] ?? `cannot be read: ${cause.code}`}`,
			{
				cause,
			},
		);
	}
}

/**
 * Reads what a descriptor of this process still has to give, up to its end. It stays open.
 *
 * @throws {@link SecretFailure}
 */
export async function readSecretDescriptor(
	number: number,
	into: SecretBytes,
	signal: AbortSignal,
): Promise<void> {
	// Without a shell's N<FILE the first numbers are those of the event loop.
	if (!isOpenFd(number) || readlinkSync(`/proc/self/fd/${number}`).startsWith("anon_inode:")) {
		throw new SecretFailure(
			`descriptor ${number} was not given to this process: in a shell ${number}<FILE does it`,
		);
	}
	const { type } = statFd(number);
	if (type === "file") return await readFromFile(number, into, signal);
	if (type !== "fifo" && type !== "socket") {
		const hint = type === "char" ? ": to be asked at a terminal, use prompt" : "";
		throw new SecretFailure(
			`descriptor ${number} is ${kinds[type]}, expected a file or a pipe${hint}`,
		);
	}
	// The number stays its owner's. Waiting makes the pipe non-blocking for whoever else has it, until it is read.
	using own = Fd.adopt(number).dup();
	try {
		await readAsItComes(own.fd, into, { signal });
	} finally {
		setNonBlocking(own, false);
	}
}

const kinds = {
	file: "a file",
	directory: "a directory",
	block: "a block device",
	char: "a terminal or another device",
	fifo: "a pipe",
	socket: "a socket",
	symlink: "a symbolic link",
} as const;

const openErrors: Readonly<Record<string, string>> = {
	ENOENT: "does not exist",
	ENOTDIR: "does not exist: a part of the path is no directory",
	EACCES: "may not be read by this user",
	EPERM: "may not be read by this user",
	ELOOP: "leads nowhere: its symbolic links go round",
	ENXIO: "is a socket or a device that is not there, expected a file or a named pipe",
};

// Source: sys/stat.h, asm-generic/fcntl.h.
const S_IROTH = 0o004;
const O_NONBLOCK = 0o4000;
const O_NOCTTY = 0o400;
