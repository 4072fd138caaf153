import { constants, realpathSync } from "node:fs";
import { AT_FDCWD, type Fd, isSysError, openat2, RESOLVE_IN_ROOT, statFd } from "@devhost/linux";
import { declaredDevices } from "./declared-devices.ts";
import { RunError } from "./error.ts";
import type { DeviceDeclaration, Manifest } from "./manifest.ts";
import type { Modules } from "./modules.ts";

/**
 * The files that a manifest's devices write to, as far as they are there already: real paths, for a guest kernel that is to
 * have them to itself. Two kernels on one file would each have a page cache of its own for it, and neither would see what
 * the other writes.
 *
 * @throws {@link RunError} `ERR_RUN_FILE_PERMISSION` this user may not read, or write, a file that the manifest needs.
 */
export function guestFiles(manifest: Manifest, modules: Modules): string[] {
	using tree = openat2(AT_FDCWD, manifest.tree, { flags: O_PATH | constants.O_DIRECTORY });
	const paths = new Set<string>();
	for (const backing of backingFiles(manifest, modules)) {
		using file = openFile(tree, backing);
		if (file === undefined || backing.isReadOnly || statFd(file).type !== "file") continue;
		paths.add(realpathSync(`/proc/self/fd/${file.fd}`));
	}
	return [...paths];
}

interface BackingFile {
	readonly declaration: DeviceDeclaration;
	/** As written, beneath the tree. */
	readonly filename: string;
	readonly isReadOnly: boolean;
}

function* backingFiles(manifest: Manifest, modules: Modules): Generator<BackingFile> {
	for (const { device: declaration } of declaredDevices(manifest)) {
		const range = modules.forType(declaration.type)?.range;
		const filename = range && declaration.options[range.file];
		if (range === undefined || typeof filename !== "string") continue;
		const { readOnly } = range;
		const isReadOnly = readOnly !== undefined && declaration.options[readOnly] === true;
		yield { declaration, filename, isReadOnly };
	}
}

function openFile(tree: Fd, { declaration, filename, isReadOnly }: BackingFile): Fd | undefined {
	const access = isReadOnly ? constants.O_RDONLY : constants.O_RDWR;
	try {
		return openat2(tree, filename.replace(/^\/+/, ""), {
			flags: access | constants.O_NONBLOCK | constants.O_NOCTTY,
			resolve: RESOLVE_IN_ROOT,
		});
	} catch (error) {
		// Missing, or no file at all: opening the device says so.
		if (!isSysError(error) || !forbidden.has(error.code)) return undefined;
		const what = isReadOnly ? "read" : "read and write";
		const message =
			`${declaration.name}: this user may not ${what} ${filename} (${error.code}): ` +
			"change its permissions, or run devhost as its owner";
		throw new RunError("ERR_RUN_FILE_PERMISSION", message, { cause: error });
	}
}

const forbidden = new Set(["EACCES", "EPERM", "EROFS"]);
/** Source: asm-generic/fcntl.h; Node has no name for it. */
const O_PATH = 0o10000000;
