/** Whose a device is, as the name or tag that the kernel keeps for it says. */
export interface DeviceTag {
	/** The run's id. */
	readonly run: string;
	/** The device's name in the run. */
	readonly name: string;
	/** The tag had no room for all of it: the end of `name`, or of `run`, is missing. */
	readonly isCut: boolean;
}

/** The most bytes of a loop device's tag: `lo_file_name` has 64, one of which ends it. Source: linux/loop.h, LO_NAME_SIZE. */
export const maxLoopTagBytes = 63;

/**
 * The most bytes of a mapping's tag. The kernel takes names of 127, but cryptsetup appends `_dif` to them, and puts them into
 * a uuid of 128 bytes behind `CRYPT-LUKS2-`, 32 digits and a dash.
 */
export const maxMappingTagBytes = 79;

const plainTag = /^[ -~]{0,63}$/;

/**
 * What says that a loop device is ours, to people and to collectors of orphans: `devhost:<run>:<name>`. `losetup --list
 * --output name,ref` shows it (util-linux 2.40).
 *
 * Shape: at most 63 bytes of UTF-8; a longer one is cut between two characters. No control characters.
 */
export function loopTag(run: string, name: string): string {
	const whole = `devhost:${run}:${name}`;
	if (plainTag.test(whole)) return whole;
	// A tag is read by people and by parsers of losetup's output: nothing that breaks a line.
	const clean = whole.replaceAll(/\p{Cc}/gu, "?").toWellFormed();
	let tag = "";
	let bytes = 0;
	for (const character of clean) {
		bytes += Buffer.byteLength(character);
		if (bytes > maxLoopTagBytes) break;
		tag += character;
	}
	return tag;
}

/**
 * Reads what {@link loopTag} made. A run's id with a colon is not told from a name with one.
 *
 * @returns Undefined for anything else.
 */
export function parseLoopTag(text: string): DeviceTag | undefined {
	const [, run, name] = /^devhost:([^:]+):(.*)$/su.exec(text) ?? [];
	if (run === undefined || name === undefined) return undefined;
	// A character of four bytes may have been the first that had no room.
	return { run, name, isCut: Buffer.byteLength(text) > maxLoopTagBytes - 4 };
}

/**
 * Name and uuid of a device-mapper device of ours: `devhost-<run>-<name>`. `dmsetup info` shows them.
 *
 * No two devices have the same one: what is neither a letter or digit nor one of `_.:@+-` is written as `=` and two
 * hexadecimal digits for each byte of its UTF-8. A dash in the run's id is written as a dot, and a dot as `=2e`. libdevmapper
 * leaves all of these characters alone. A tag that would be too long is cut, and ends in `#` and eight hexadecimal digits of a checksum of all of it.
 *
 * Shape: at most 79 bytes of ASCII.
 */
export function mappingTag(run: string, name: string): string {
	const escapedRun = escape(run).replaceAll(".", "=2e").replaceAll("-", ".");
	const whole = `${mappingPrefix}${escapedRun}-${escape(name)}`;
	if (whole.length <= maxMappingTagBytes) return whole;
	// A run's id that takes all of the room would leave none for the dash that ends it.
	const longestRun = maxMappingTagBytes - mappingPrefix.length - checksumLength - 2;
	const start = `${mappingPrefix}${escapedRun.slice(0, longestRun)}-${escape(name)}`;
	return `${start.slice(0, maxMappingTagBytes - checksumLength)}#${checksum(whole)}`;
}

/**
 * Reads what {@link mappingTag} made: of a device's name. What cryptsetup or we put behind it, `_dif` or `.1`, is part
 * of the name.
 *
 * @returns Undefined for anything else.
 */
export function parseMappingTag(text: string): DeviceTag | undefined {
	const pattern = /^devhost-([\w.:@+=]+)-([\w.:@+=-]*)(#[0-9a-f]{8})?/;
	const [, run, name, end] = pattern.exec(text) ?? [];
	if (run === undefined || name === undefined) return undefined;
	return {
		run: unescape(run.replaceAll(".", "-")),
		name: unescape(name),
		isCut: end !== undefined,
	};
}

const mappingPrefix = "devhost-";
/** Of `#` and what follows it. */
const checksumLength = 9;

function escape(text: string): string {
	return text.replaceAll(/[^A-Za-z0-9_.:@+-]+/gu, (characters) =>
		Array.from(
			Buffer.from(characters),
			(byte) => `=${byte.toString(16).padStart(2, "0")}`,
		).join(""),
	);
}

function unescape(text: string): string {
	return text.replaceAll(/(?:=[0-9a-f]{2})+/g, (codes) =>
		Buffer.from(codes.replaceAll("=", ""), "hex").toString(),
	);
}

/** FNV-1a of 32 bits: tells two tags apart that begin alike. Nobody has an interest in two that do not differ. */
function checksum(text: string): string {
	let hash = 0x811c9dc5;
	for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
	return (hash >>> 0).toString(16).padStart(8, "0");
}
