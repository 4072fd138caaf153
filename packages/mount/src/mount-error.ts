import {
	busyMessage,
	DeviceBusy,
	DeviceError,
	type DeviceErrorCode,
	isDeviceError,
	otherHolders,
} from "@devhost/core";
import { type CreateMountOptions, isSysError, MountError, type SysError } from "@devhost/linux";
import type { KernelMessages, MountSys, SourceDevice } from "./mount-sys.ts";

/** A mount that failed. */
export interface FailedMount {
	readonly subject: string;
	readonly source: SourceDevice | undefined;
	readonly mount: CreateMountOptions;
	/** What the kernel has said since. */
	readonly log: KernelMessages;
	readonly signal: AbortSignal | undefined;
}

/**
 * Says why something could not be mounted, and what to do. The kernel's error number is often the same for everything;
 * what it means is in what the file system says of it, most of it in the kernel's log.
 *
 * @returns What to throw.
 */
export async function explainMountError(
	sys: MountSys,
	error: unknown,
	failed: FailedMount,
): Promise<unknown> {
	if (!isSysError(error)) return error;
	const { source, mount } = failed;
	const name = source?.path.slice(source.path.lastIndexOf("/") + 1);
	const words = [...(name === undefined ? [] : [name]), `${mount.type}:`, `${mount.type}fs:`];
	const own = error instanceof MountError ? error.log : [];
	const inLog = failed.log.read().filter((text) => words.some((word) => hasWord(text, word)));
	const said = [...own.map((line) => line.slice(2)), ...inLog];
	const explained = await explain(sys, { ...failed, error, said });
	const { code, text, holders, pointer } = explained;
	const what = `${failed.subject}: ${mount.type}${source === undefined ? "" : ` on ${source.path}`}: ${text}`;
	const details = { errno: error.code, said };
	if (code === "ERR_DEVICE_BUSY") {
		const named = holders === undefined ? what : busyMessage(what, holders);
		return new DeviceBusy(named, holders ?? [], { cause: error, details });
	}
	const last = said.length === 0 ? "" : `. The kernel says: ${said.slice(0, 3).join("; ")}`;
	return new DeviceError(code, `${what} (${error.syscall}: ${error.code})${last}`, {
		cause: error,
		details,
		pointer,
	});
}

/** Whether a text names something, and not what begins with its name: `loop3` is not in `loop31`. */
function hasWord(text: string, word: string): boolean {
	const at = text.indexOf(word);
	return at >= 0 && !/\d/.test(text.charAt(at + word.length));
}

interface Failure extends FailedMount {
	readonly error: SysError;
	/** By the file system and in the kernel's log. */
	readonly said: readonly string[];
}

interface Explanation {
	readonly code: DeviceErrorCode;
	readonly text: string;
	readonly pointer?: string;
	readonly holders?: DeviceBusy["holders"];
}

async function explain(sys: MountSys, failure: Failure): Promise<Explanation> {
	const { error, mount, source, said } = failure;
	const text = said.join("\n");
	if (error.syscall === "fsopen" && error.code === "ENODEV") return missingType(mount.type);
	if (/duplicate uuid|belongs to fsid|already mounted|duplicate device/i.test(text)) {
		return duplicate(mount.type);
	}
	if (
		/recovery required|write access unavailable|needs journal recovery|log replay required/i.test(
			text,
		)
	) {
		return {
			code: "ERR_DEVICE_REQUIREMENT",
			text: unfinishedJournal,
		};
	}
	if (
		/unsupported|unknown .*feature|not compiled|incompatible|doesn't support|cannot support/i.test(
			text,
		)
	) {
		return {
			code: "ERR_DEVICE_UNSUPPORTED",
			text: `this machine's kernel does not know what this file system has. ${otherKernel}`,
		};
	}
	switch (error.code) {
		case "EPERM":
			return {
				code: "ERR_DEVICE_PERMISSION",
				text: "the kernel does not let us mount it. Run as root",
			};
		case "EACCES":
		case "EROFS":
			return readOnlyDevice;
		case "EEXIST":
			return duplicate(mount.type);
		case "EBUSY":
			return {
				code: "ERR_DEVICE_BUSY",
				text: "the device is in use, or mounted in another way",
				holders: source === undefined ? [] : otherHolders(await sys.holders(source.node)),
			};
		case "ELOOP":
			return { code: "ERR_DEVICE_OPTIONS", text: "one of these directories is in another" };
		case "ENOMEM":
			return { code: "ERR_DEVICE_MEMORY", text: "not enough memory" };
		case "ENOENT":
			if (mount.options["subvol"] === undefined) break;
			return {
				code: "ERR_DEVICE_OPTIONS",
				pointer: "/subvol",
				text: `there is no subvolume ${String(mount.options["subvol"])}. btrfs subvolume list shows what there is`,
			};
		case "EUCLEAN":
		case "EBADMSG":
		case "EIO":
		case "EOVERFLOW":
			return {
				code: "ERR_DEVICE_METADATA",
				text: `it is damaged, or cut off. Check it: ${checkers[mount.type] ?? "fsck"}`,
			};
		case "EINVAL":
		case "ENODATA":
			return await invalid(sys, failure);
		case "EOPNOTSUPP":
			return {
				code: "ERR_DEVICE_UNSUPPORTED",
				text: `the kernel does not support it. ${otherKernel}`,
			};
	}
	return { code: "ERR_DEVICE_SYSTEM", text: "could not be mounted" };
}

/** `EINVAL` is no such file system, an option that the kernel does not know, damage, or a uuid that is there twice. */
async function invalid(sys: MountSys, failure: Failure): Promise<Explanation> {
	const { error, mount, source, said } = failure;
	const option = error instanceof MountError ? error.option : undefined;
	if (option !== undefined) {
		return {
			code: "ERR_DEVICE_UNSUPPORTED",
			text: `the kernel's ${mount.type} has no option ${option}, or not this value of it`,
		};
	}
	if (source === undefined) {
		return {
			code: "ERR_DEVICE_UNSUPPORTED",
			text: "the kernel refuses this. Upper and work have to be on one file system, which can have extended attributes",
		};
	}
	const found = await foundType(sys, failure);
	if (found !== undefined && found !== mount.type) {
		const isThere = found === "nothing" ? "nothing that blkid knows" : found;
		return {
			code: "ERR_DEVICE_FORMAT",
			text: `there is no ${mount.type} on it, but ${isThere}. ${whatToOpen(found)}`,
		};
	}
	if (mount.type === "xfs" && hasSameUuid(sys, source)) return duplicate("xfs");
	if (found === mount.type || said.length === 0) {
		return {
			code: "ERR_DEVICE_METADATA",
			text: `it is damaged, or of a kind that this kernel does not mount. Check it: ${checkers[mount.type] ?? "fsck"}`,
		};
	}
	return { code: "ERR_DEVICE_FORMAT", text: `there is no ${mount.type} on it` };
}

/** What blkid finds; undefined where there is no blkid to tell. */
async function foundType(sys: MountSys, failure: Failure): Promise<string | undefined> {
	const { source, subject, signal } = failure;
	if (source === undefined) return undefined;
	try {
		const probed = await sys.probe(source, subject, signal);
		if (probed.kind === "nothing") return "nothing";
		if (probed.kind === "ambivalent") return probed.types.join(" and ");
		return probed.tags.get("TYPE") ?? probed.tags.get("PTTYPE") ?? "nothing";
	} catch (error) {
		if (isDeviceError(error)) return undefined;
		throw error;
	}
}

/** What a device is to be opened with that has something else on it than a file system. */
export function whatToOpen(type: string): string {
	return (
		otherDevices[type] ??
		"Was it made, by a stage before? mkfs makes one; another type, or auto, mounts what is there"
	);
}

const partitioned =
	"Name a partition: `partition` of the mount, or a device of type devhost.partition";
const otherDevices: Readonly<Record<string, string>> = {
	dos: partitioned,
	gpt: partitioned,
	crypto_LUKS: "Open it with a device of type devhost.luks2",
	LVM2_member: "Open a volume of it with a device of type devhost.lvm2.lv",
	swap: "Swap space is not mounted",
};

function missingType(type: string): Explanation {
	return {
		code: "ERR_DEVICE_UNSUPPORTED",
		text:
			`this machine's kernel has no ${type}. Load its module (modprobe ${modules[type] ?? type}), use a kernel with ` +
			`${configs[type] ?? `CONFIG_${type.toUpperCase()}_FS`}, or let a guest do it: devhost run --backend uml`,
	};
}

const modules: Readonly<Record<string, string>> = { iso9660: "isofs" };
const configs: Readonly<Record<string, string>> = {
	iso9660: "CONFIG_ISO9660_FS",
	squashfs: "CONFIG_SQUASHFS",
	tmpfs: "CONFIG_TMPFS",
};

function duplicate(type: string): Explanation {
	const how =
		type === "xfs"
			? "Mount it all the same with `nouuid: true`, give it another (xfs_admin -U generate), or unmount the other one"
			: "Unmount the other one, or give this one another (btrfstune -m)";
	return {
		code: "ERR_DEVICE_BUSY",
		text: `a file system of the same uuid is mounted on this machine, as a copy of an image is. ${how}`,
	};
}

/** Whether another XFS that is mounted here has the uuid of this one: for a machine whose log may not be read. */
function hasSameUuid(sys: MountSys, source: SourceDevice): boolean {
	const uuid = uuidOf(sys, source);
	return sys.mounts().some((mount) => {
		if (mount.type !== "xfs" || !mount.source.startsWith("/")) return false;
		try {
			const other = sys.openSource(undefined, mount.source);
			using _handle = other.handle;
			return uuidOf(sys, other) === uuid;
		} catch (error) {
			if (isSysError(error)) return false;
			throw error;
		}
	});
}

/** Source: `sb_uuid` of struct xfs_dsb, fs/xfs/libxfs/xfs_format.h. */
function uuidOf(sys: MountSys, source: SourceDevice): string {
	return Buffer.from(sys.readSource(source, 32, 16)).toString("hex");
}

/** What somebody is told who wants to write to a device that can only be read. */
export const readOnlyDevice: Explanation = {
	code: "ERR_DEVICE_READ_ONLY_FILE",
	text: "the device can only be read. Set `read-only: true` for the mount, or open the device for writing",
};

/** What somebody is told whose journal would have to be replayed, and must not be. */
export const unfinishedJournal: string =
	"it was not unmounted properly, and what its journal has is not in place yet. Mount it once for writing, on a device that " +
	"can be written, or see it as it is with `norecovery: true`: older, and perhaps damaged";

const otherKernel =
	"Use a newer one, make the file system without that, or let a guest do it: devhost run --backend uml";

const checkers: Readonly<Record<string, string>> = {
	ext4: "e2fsck -f",
	xfs: "xfs_repair -n",
	btrfs: "btrfs check",
	vfat: "fsck.fat -n",
	f2fs: "fsck.f2fs",
	erofs: "fsck.erofs",
};
