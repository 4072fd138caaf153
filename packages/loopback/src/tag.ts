/** The most bytes of a tag: `lo_file_name` has 64, one of which ends it. Source: linux/loop.h, LO_NAME_SIZE. */
export const maxTagBytes = 63;

/**
 * What says that a device is ours, to people and to collectors of orphans: `devhost:<run>:<name>`. `losetup --list
 * --output name,ref` shows it (util-linux 2.40).
 *
 * Shape: at most 63 bytes of UTF-8; a longer one is cut between two characters. No control characters.
 */
export function loopTag(run: string, name: string): string {
	const whole = `devhost:${run}:${name}`;
	if (/^[ -~]{0,63}$/.test(whole)) return whole;
	// A tag is read by people and by parsers of losetup's output: nothing that breaks a line.
	const clean = whole.replaceAll(/\p{Cc}/gu, "?").toWellFormed();
	let tag = "";
	let bytes = 0;
	for (const character of clean) {
		bytes += Buffer.byteLength(character);
		if (bytes > maxTagBytes) break;
		tag += character;
	}
	return tag;
}
