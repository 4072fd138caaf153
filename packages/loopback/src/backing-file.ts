import { DeviceError, type DeviceErrorCode } from "@devhost/core";
import { type FdLike, isSysError } from "@devhost/linux";
import type { FileFacts, Handle, LoopSys } from "./loop.ts";

/** The file that is to become a device. */
export interface WantedFile {
	/** A path, or an open file, lent. */
	readonly file: string | FdLike;
	/** The directory that paths are beneath and do not leave. */
	readonly tree: FdLike | undefined;
	readonly readOnly: boolean;
	/** Of the file, for errors. */
	readonly filename: string;
}

/** A backing file, open until its loop device is closed. */
export interface BackingFile extends Disposable {
	readonly file: FdLike;
	/**
	 * Gives the open file away: whoever takes it closes it. The loop device has the same one open.
	 *
	 * @returns undefined when it is the caller's, who opened it.
	 */
	handOver(): Handle | undefined;
	/**
	 * The same file opened once more.
	 *
	 * A lost write is reported once to each open file. The kernel flushes the loop device's own one whenever a file
	 * system asks for it, and takes that report.
	 */
	readonly witness: Handle;
	readonly facts: FileFacts;
	/** Bytes, of a block device too. */
	readonly sizeBytes: number;
}

/**
 * Opens a backing file.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_FILE` it is missing, or neither a regular file nor a block device.
 * @throws {@link DeviceError} `ERR_DEVICE_READ_ONLY_FILE` it may only be read, and the device is to be written.
 * @throws {@link DeviceError} `ERR_DEVICE_PERMISSION` it may not even be read.
 */
export function openBackingFile(sys: LoopSys, wanted: WantedFile): BackingFile {
	const { file, tree, readOnly, filename } = wanted;
	using acquired = new DisposableStack();
	try {
		const path = typeof file === "string" ? acquired.use(sys.findFile(tree, file)) : undefined;
		const found = path?.fd ?? (file as FdLike);
		const facts = sys.statFile(found);
		requireKind(facts, filename);
		// An open file is used as it is: whoever opened it decided whether it can be written.
		const opened =
			path &&
			acquired.use(
				readOnly ? sys.openFile(found, true) : openWritable(sys, found, wanted, facts),
			);
		const bindable = opened?.fd ?? found;
		const sizeBytes = facts.type === "block" ? sys.blockSizeBytes(bindable) : facts.sizeBytes;
		const witness = acquired.use(sys.openFile(found, true));
		path?.close();
		let own = opened;
		acquired.move(); // nothing below can throw
		return {
			file: bindable,
			witness,
			facts,
			sizeBytes,
			handOver() {
				own = undefined;
				return opened;
			},
			[Symbol.dispose]() {
				try {
					own?.close();
				} finally {
					witness.close(); // it was only read: nothing to wait for
				}
			},
		};
	} catch (error) {
		throw fileError(error, filename);
	}
}

function requireKind({ type }: FileFacts, filename: string): void {
	if (type === "file" || type === "block") return;
	throw new DeviceError(
		"ERR_DEVICE_FILE",
		`${filename}: is a ${kindNames[type]}, expected a regular file or a block device`,
	);
}

const kindNames = {
	directory: "directory",
	char: "character device",
	fifo: "FIFO",
	socket: "socket",
	symlink: "symbolic link",
} as const;

function openWritable(
	sys: LoopSys,
	found: FdLike,
	{ filename }: WantedFile,
	{ type, mode }: FileFacts,
): Handle {
	// Root may write it nevertheless; whoever took all write permissions away did not mean us to.
	if (type === "file" && (mode & 0o222) === 0)
		throw readOnlyFile(filename, "nobody may write it");
	try {
		return sys.openFile(found, false);
	} catch (error) {
		if (!isSysError(error) || !Object.hasOwn(readOnlyReasons, error.code)) throw error;
		sys.openFile(found, true).close(); // may it be read, at least?
		throw readOnlyFile(filename, readOnlyReasons[error.code] ?? error.code, error);
	}
}

const readOnlyReasons: Readonly<Record<string, string>> = {
	EACCES: "it may not be written",
	EPERM: "it is immutable",
	EROFS: "its file system is mounted read-only",
	ETXTBSY: "it is being executed",
};

/** A file that can be read only, for a device that can be written. */
export function readOnlyFile(filename: string, why: string, cause?: unknown): DeviceError {
	return new DeviceError(
		"ERR_DEVICE_READ_ONLY_FILE",
		`${filename}: read-only file, ${why}. Make it writable, or set read-only: true`,
		{ pointer: "/read-only", ...(cause !== undefined && { cause }) },
	);
}

function fileError(error: unknown, filename: string): unknown {
	if (!isSysError(error)) return error;
	const [code, what] = fileErrors[error.code] ?? [
		"ERR_DEVICE_SYSTEM",
		`could not be opened, ${error.message}`,
	];
	return new DeviceError(code, `${filename}: ${what}`, { pointer: "/filename", cause: error });
}

const fileErrors: Readonly<Record<string, readonly [DeviceErrorCode, string]>> = {
	EBADF: ["ERR_DEVICE_FILE", "no open file"],
	ENOENT: ["ERR_DEVICE_FILE", "no such file"],
	ENOTDIR: ["ERR_DEVICE_FILE", "no such file, a part of the path is no directory"],
	ELOOP: ["ERR_DEVICE_FILE", "its symbolic links lead nowhere"],
	ENAMETOOLONG: ["ERR_DEVICE_FILE", "the path is too long"],
	ENXIO: ["ERR_DEVICE_FILE", "no such device"],
	ENOMEDIUM: ["ERR_DEVICE_FILE", "the drive is empty"],
	EACCES: ["ERR_DEVICE_PERMISSION", "it may not be opened"],
	EPERM: ["ERR_DEVICE_PERMISSION", "it may not be opened"],
};
