import {
	type BinaryHeader,
	binaryHeaderBytes,
	checksumRange,
	decodeBinaryHeader,
	type HeaderCopy,
	secondaryOffsets,
} from "./binary-header.ts";
import { type Metadata, MetadataError, parseMetadata } from "./metadata.ts";

/**
 * Reads bytes of a device or file.
 *
 * @returns Fewer than `lengthBytes` at its end.
 */
export type ReadAt = (positionBytes: number, lengthBytes: number) => Promise<Buffer>;

/** A LUKS2 header of which at least one copy is in order. */
export interface Luks2Header {
	readonly uuid: string;
	readonly label: string;
	readonly subsystem: string;
	readonly metadata: Metadata;
	/** The copy that this was read from: of two good ones the newer, and of two as new the primary. */
	readonly copy: HeaderCopy;
	/** What is wrong with the other copy; undefined: nothing. */
	readonly otherCopy: string | undefined;
}

/** What stands at the beginning of a device. */
export type FoundHeader =
	| { readonly kind: "luks2"; readonly header: Luks2Header }
	| { readonly kind: "luks1" }
	/** A version of LUKS that is newer than 2, or no version at all. */
	| { readonly kind: "other-version"; readonly version: number }
	/** It is LUKS2, and neither copy can be used; a sentence on each. */
	| { readonly kind: "damaged"; readonly primary: string; readonly secondary: string }
	/** Nothing of LUKS; `instead` says what else is there, where that is plain to see. */
	| { readonly kind: "none"; readonly instead: string | undefined };

/**
 * Looks for a LUKS header: both copies, their checksums and their metadata.
 *
 * A copy counts as cryptsetup 2.6.1 counts it (`LUKS2_disk_hdr_read`). What begins a header of another kind of LUKS is
 * told apart from what is no header at all.
 *
 * @throws What `readAt` throws.
 */
export async function readHeader(readAt: ReadAt): Promise<FoundHeader> {
	// Both copies of a header of the usual size, 16 KiB each.
	const start = await readAt(0, 2 * (secondaryOffsets[0] as number));
	const reader: ReadAt = async (position, length) =>
		position + length <= start.length
			? start.subarray(position, position + length)
			: readAt(position, length);
	const binary = start.length < 512 ? undefined : decodeBinaryHeader(start, "primary");
	if (binary?.version === 1) return { kind: "luks1" };
	if (binary !== undefined && binary.version !== 2) {
		const other = await findSecondary(reader);
		// One of the two is damaged; a version that nobody has seen is not more likely than that.
		if (other === undefined) return { kind: "other-version", version: binary.version };
	}

	const primary = await readCopy(reader, "primary", 0);
	const secondary =
		typeof primary === "string"
			? ((await findSecondary(reader)) ?? notThere)
			: await readCopy(reader, "secondary", primary.binary.sizeBytes);
	if (typeof primary !== "string" && typeof secondary !== "string") {
		const isOld = primary.binary.sequence < secondary.binary.sequence;
		return isOld
			? headerOf(secondary, "secondary", "it is older than the secondary one")
			: headerOf(
					primary,
					"primary",
					primary.binary.sequence > secondary.binary.sequence
						? "it is older than the primary one"
						: undefined,
				);
	}
	if (typeof secondary !== "string") return headerOf(secondary, "secondary", primary as string);
	if (typeof primary !== "string") return headerOf(primary, "primary", secondary);
	if (binary === undefined && secondary === notThere) {
		return { kind: "none", instead: whatElse(start) };
	}
	return { kind: "damaged", primary, secondary };
}

interface GoodCopy {
	readonly binary: BinaryHeader;
	readonly metadata: Metadata;
}

function headerOf(
	{ binary, metadata }: GoodCopy,
	copy: HeaderCopy,
	otherCopy: string | undefined,
): FoundHeader {
	const { uuid, label, subsystem } = binary;
	return { kind: "luks2", header: { uuid, label, subsystem, metadata, copy, otherCopy } };
}

/** The secondary copy, where nothing says where it is: the first good one; else what is wrong with the last one. */
async function findSecondary(readAt: ReadAt): Promise<GoodCopy | string | undefined> {
	let wrong: string | undefined;
	for (const offset of secondaryOffsets) {
		const found = await readCopy(readAt, "secondary", offset);
		if (typeof found !== "string") return found;
		if (found !== notThere) wrong = found;
	}
	return wrong;
}

const notThere = "not there";

/** @returns What is wrong, as an end to "the primary copy: …". */
async function readCopy(
	readAt: ReadAt,
	copy: HeaderCopy,
	offset: number,
): Promise<GoodCopy | string> {
	const first = await readAt(offset, binaryHeaderBytes);
	if (first.length < binaryHeaderBytes) return notThere;
	const binary = decodeBinaryHeader(first, copy);
	if (binary === undefined) return notThere;
	const { version, sizeBytes, offsetBytes } = binary;
	if (version !== 2) return `its version is ${version}`;
	if (offsetBytes !== offset) return `it says to be at byte ${offsetBytes}, not ${offset}`;
	// Its size is where the other copy begins.
	if (!secondaryOffsets.includes(sizeBytes) || (copy === "secondary" && sizeBytes !== offset)) {
		return `its size is ${sizeBytes} bytes`;
	}
	const whole = await readAt(offset, sizeBytes);
	if (whole.length < sizeBytes) return "it is cut off by the end of the device";
	const wrong = await checkSum(whole, binary);
	if (wrong !== undefined) return wrong;
	try {
		return { binary, metadata: parseMetadata(whole.subarray(binaryHeaderBytes)) };
	} catch (error) {
		if (!(error instanceof MetadataError)) throw error;
		return `its metadata: ${error.message}`;
	}
}

async function checkSum(whole: Buffer, binary: BinaryHeader): Promise<string | undefined> {
	// Not at the top: it takes longer to load than this module, and the service starts without it.
	const { createHash, getHashes } = await import("node:crypto");
	const { checksumAlgorithm, checksum } = binary;
	if (!getHashes().includes(checksumAlgorithm)) {
		return `its checksum is of an unknown kind, ${JSON.stringify(checksumAlgorithm)}`;
	}
	const { start, end } = checksumRange;
	const sum = createHash(checksumAlgorithm)
		.update(whole.subarray(0, start))
		.update(Buffer.alloc(end - start))
		.update(whole.subarray(end))
		.digest();
	return sum.equals(checksum.subarray(0, sum.length)) ? undefined : "its checksum is wrong";
}

/** What is there instead of LUKS: the mistakes that are made most. */
function whatElse(start: Buffer): string | undefined {
	if (start.length === 0) return "it is empty";
	if (!start.some((byte) => byte !== 0)) {
		return "it begins with zeros: nothing has been formatted here";
	}
	if (start.toString("latin1", 512, 520) === "EFI PART") {
		return "it has a partition table (GPT): open one of its partitions";
	}
	if (start[510] === 0x55 && start[511] === 0xaa) {
		return "it has a boot sector or partition table (MBR)";
	}
	return undefined;
}
