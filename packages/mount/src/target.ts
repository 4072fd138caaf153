import { DeviceError, type Handle } from "@devhost/core";
import { isSysError } from "@devhost/linux";
import type { MountSys } from "./mount-sys.ts";

/** A directory to be mounted on. Disposing it closes it, and removes what was made for it unless {@link Target.keep} was called. */
export interface Target extends Disposable {
	readonly directory: Handle;
	/** The directories that were made stay. */
	keep(): void;
}

/**
 * The names of a path, from a root.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_FILE` it has `..` in it.
 */
export function targetNames(target: string, subject: string): readonly string[] {
	const names = target.split("/").filter((name) => name !== "" && name !== ".");
	if (!names.includes("..") && !target.includes("\0")) return names;
	throw new DeviceError(
		"ERR_DEVICE_FILE",
		`${subject}: target ${JSON.stringify(target)}: a target has no ".." in it`,
	);
}

/**
 * Opens the directory that something is to be mounted on, and makes those of the way that are missing.
 *
 * Name by name, and no link is followed: what is on the way may be a hostile image.
 *
 * @param root - Where the way begins; taken.
 * @throws {@link DeviceError} `ERR_DEVICE_FILE` there is no directory, and none can be. Nothing that was made stays.
 */
export function openTarget(
	sys: MountSys,
	root: Handle,
	names: readonly string[],
	subject: string,
): Target {
	using acquired = new DisposableStack();
	let isKept = false;
	let directory = acquired.use(root);
	for (const [index, name] of names.entries()) {
		const parent = directory;
		const path = `/${names.slice(0, index + 1).join("/")}`;
		try {
			directory = acquired.use(sys.openEntry(parent, name));
		} catch (error) {
			if (!isSysError(error, "ENOENT")) throw noDirectory(error, path, subject);
			try {
				sys.makeDirectory(parent, name);
				acquired.defer(() => {
					if (!isKept) removeUnused(sys, parent, name);
				});
				directory = acquired.use(sys.openEntry(parent, name));
			} catch (cause) {
				throw noDirectory(cause, path, subject);
			}
		}
	}
	const owned = acquired.move();
	return {
		directory,
		keep() {
			isKept = true;
		},
		[Symbol.dispose]: () => owned.dispose(),
	};
}

/** Removes a directory that was made, unless something is in it by now: the target of another mount. */
function removeUnused(sys: MountSys, parent: Handle, name: string): void {
	try {
		sys.removeDirectory(parent, name);
	} catch (error) {
		if (!isSysError(error) || !["ENOTEMPTY", "EBUSY", "ENOENT"].includes(error.code))
			throw error;
	}
}

function noDirectory(error: unknown, path: string, subject: string): unknown {
	if (!isSysError(error)) return error;
	const why = reasons[error.code];
	if (why === undefined) return error;
	return new DeviceError("ERR_DEVICE_FILE", `${subject}: target ${path} ${why}`, {
		cause: error,
		details: { target: path, errno: error.code },
	});
}

const reasons: Readonly<Record<string, string>> = {
	ENOTDIR: "is there and no directory. Name another target, or take it away",
	ELOOP: "is a symbolic link, which is not followed: it may lead anywhere. Name the directory that it leads to",
	EROFS: "is missing, and cannot be made: what it would be in is read-only. Make it when the image is made, or mount that for writing",
	ENOSPC: "is missing, and cannot be made: the file system is full",
	EDQUOT: "is missing, and cannot be made: the file system's quota is used up",
	EPERM: "is missing, and cannot be made: what it would be in can have no directories",
	ENAMETOOLONG: "has a name that is too long",
};
