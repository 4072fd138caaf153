import { readlinkSync, statSync } from "node:fs";
import { abandoned, causeFirst, DeviceError } from "@devhost/core";
import { Fd, type FdLike, fdNumber, isSysError } from "@devhost/linux";
import type { MountManifestOptions } from "./generated/mount-manifest-options.ts";
import { linuxMounts } from "./linux-mounts.ts";
import { defaultCloseTimeoutMs } from "./mount.ts";
import { openMount, type OpenMount } from "./open-mount.ts";
import { parseMountOptions } from "./options.ts";
import { planMount, type PlannedMount } from "./plan.ts";
import { Sources } from "./sources.ts";
import type { KernelType } from "./types.ts";

/** What {@link mountFileSystem} mounts, and where. */
export interface MountFileSystemOptions {
	/** Of the file system; `auto` is what `blkid` finds. */
	readonly type: KernelType | "auto" | "tmpfs";
	/** The block device, by its path or an open descriptor of it, lent. A tmpfs has none. */
	readonly device?: string | FdLike;
	/** An existing directory. */
	readonly target: string;
	/** As in a manifest: `{ "read-only": true }`. @default none */
	readonly options?: MountManifestOptions;
	/** How long closing waits for others to let go, in milliseconds. @default 5000 */
	readonly closeTimeoutMs?: number;
	/** Ends the waiting for it. */
	readonly signal?: AbortSignal;
}

/** A file system that is mounted until this is disposed of. */
export interface MountedFileSystem extends AsyncDisposable {
	readonly target: string;
	/** What it is: `ext4`. */
	readonly type: string;
	readonly readOnly: boolean;
	/** A descriptor of its root directory, for paths only (`O_PATH`). It keeps the file system from being unmounted. */
	directory(): Fd;
	/**
	 * Writes back and unmounts, once.
	 *
	 * @throws {@link DeviceBusy} others still use it at the deadline; it stays mounted.
	 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
	 */
	close(): Promise<void>;
}

/**
 * Mounts a file system in this process's mount namespace.
 *
 * What is killed before it closes leaves the mount there, in the namespace, for others: use a namespace of your own
 * (`makeMountNamespace` of `@devhost/linux`, `unshare --mount`) where that must not be.
 *
 * @throws {@link DeviceError} with nothing left behind.
 *
 * @example
 * ```ts
 * import { mountFileSystem } from "@devhost/mount";
 *
 * await using image = await mountFileSystem({ type: "auto", device: "/dev/loop3", target: "/mnt" });
 * console.log(image.type);
 * ```
 */
export async function mountFileSystem(request: MountFileSystemOptions): Promise<MountedFileSystem> {
	const { type, device, target, signal, closeTimeoutMs = defaultCloseTimeoutMs } = request;
	const sys = linuxMounts;
	const options = parseMountOptions(type, request.options);
	if ((device === undefined) !== (type === "tmpfs")) {
		const wrong = device === undefined ? "needs a device" : "has no device";
		throw new DeviceError("ERR_DEVICE_PARENT", `${target}: ${type} ${wrong}`);
	}
	let plan: PlannedMount;
	let mount: OpenMount;
	try {
		signal?.throwIfAborted();
		using acquired = new DisposableStack();
		const source = device === undefined ? undefined : sys.openSource(undefined, pathOf(device));
		if (source !== undefined) acquired.use(source.handle);
		const what = { type, options, source, places: undefined, subject: target, signal };
		plan = await planMount(sys, what, acquired);
		const root = sys.openDirectory(target);
		acquired.move(); // the source is the mount's from here on
		const { make, readOnly } = plan;
		const where = { subject: target, root, names: [], closeTimeoutMs, signal };
		mount = await openMount(sys, { ...where, make, readOnly, source, sources });
	} catch (error) {
		throw explained(error, target, signal);
	}
	const { readOnly, details } = plan;
	const close = async (): Promise<void> => mount[Symbol.asyncDispose]();
	return {
		target,
		type: String(details["type"]),
		readOnly,
		directory: () => Fd.adopt(mount.directory().take()),
		close,
		[Symbol.asyncDispose]: close,
	};
}

/** What opening throws, as a {@link DeviceError}. */
function explained(error: unknown, target: string, signal: AbortSignal | undefined): unknown {
	if (signal?.aborted && error === signal.reason) return abandoned(target, error);
	const why = isSysError(error) ? reasons[error.code] : undefined;
	if (!isSysError(error) || why === undefined) return causeFirst(error, target);
	const text = `${error.path ?? target}: ${why}`;
	return new DeviceError("ERR_DEVICE_FILE", text, { cause: error });
}

const reasons: Readonly<Record<string, string>> = {
	ENOENT: "is missing",
	ENOTDIR: "is no directory",
	ENOTBLK:
		"is no block device. A file is mounted by a loop device: attachLoop of @devhost/loopback",
};

/** Of a descriptor, the path by which it was opened, where that is still the same device. */
function pathOf(device: string | FdLike): string {
	if (typeof device === "string") return device;
	const link = `/proc/self/fd/${fdNumber(device)}`;
	try {
		const path = readlinkSync(link);
		return statSync(path).rdev === statSync(link).rdev ? path : link;
	} catch {
		return link;
	}
}

const sources = new Sources();
