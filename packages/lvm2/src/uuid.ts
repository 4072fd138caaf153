/**
 * The uuid of LVM2 in the form that people and tools use: `Nl2s9w-eMPM-BjFv-nqG2-zQKp-CJIJ-vtjAYF`.
 *
 * @param text - 32 characters, with or without dashes.
 * @returns Undefined when it is none.
 *
 * Source: lvm2, lib/uuid/uuid.c, `id_write_format` and `id_read_format`.
 */
export function formatUuid(text: string): string | undefined {
	if (/^[A-Za-z0-9!#]{6}(?:-[A-Za-z0-9!#]{4}){5}-[A-Za-z0-9!#]{6}$/.test(text)) return text;
	const plain = plainUuid(text);
	if (!/^[A-Za-z0-9!#]{32}$/.test(plain)) return undefined;
	const cuts = [0, 6, 10, 14, 18, 22, 26, 32];
	return cuts
		.slice(1)
		.map((end, part) => plain.slice(cuts[part], end))
		.join("-");
}

/** A uuid as it stands in a label and in device-mapper's uuids: without dashes. */
export function plainUuid(uuid: string): string {
	return uuid.replaceAll("-", "");
}
