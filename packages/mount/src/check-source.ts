import { DeviceError } from "@devhost/core";
import { isReadOnly } from "./kernel-options.ts";
import type { MountSys, SourceDevice } from "./mount-sys.ts";
import type { MountOptions } from "./options.ts";
import type { KernelType } from "./types.ts";

/**
 * Refuses what can be told from a device before it is mounted.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_READ_ONLY_FILE` it is to be written and cannot be; `ERR_DEVICE_REQUIREMENT` it is not
 * to be written and would have to be recovered first.
 */
export async function checkSource(
	sys: MountSys,
	type: KernelType,
	{
		source,
		options,
		subject,
	}: { readonly source: SourceDevice; readonly options: MountOptions; readonly subject: string },
): Promise<void> {
	const where = `${subject}: ${type} on ${source.path}`;
	if (!isReadOnly(type, options)) {
		if (!source.readOnly) return;
		const { readOnlyDevice } = await import("./mount-error.ts");
		throw new DeviceError(readOnlyDevice.code, `${where}: ${readOnlyDevice.text}`);
	}
	if (options.norecovery || !hasUnfinishedJournal(sys, type, source)) return;
	const { unfinishedJournal } = await import("./mount-error.ts");
	throw new DeviceError("ERR_DEVICE_REQUIREMENT", `${where}: ${unfinishedJournal}`);
}

/**
 * Whether a journal would have to be replayed, where a superblock tells. That of XFS does not.
 *
 * Source: `s_feature_incompat` with `EXT4_FEATURE_INCOMPAT_RECOVER`, fs/ext4/ext4.h; `log_root` of struct
 * btrfs_super_block, fs/btrfs/accessors.h.
 */
function hasUnfinishedJournal(sys: MountSys, type: KernelType, source: SourceDevice): boolean {
	if (type === "ext4") {
		const block = viewOf(sys.readSource(source, 1024, 256));
		return (
			block.byteLength === 256 &&
			block.getUint16(0x38, true) === 0xef53 &&
			(block.getUint32(0x60, true) & 4) !== 0
		);
	}
	if (type === "btrfs") {
		const block = viewOf(sys.readSource(source, 65_536, 256));
		const isBtrfs = block.byteLength === 256 && block.getBigUint64(0x40, true) === btrfsMagic;
		return isBtrfs && block.getBigUint64(0x60, true) !== 0n;
	}
	return false;
}

function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `_BHRfS_M` */
const btrfsMagic = 0x4d5f_5366_5248_425fn;
