/**
 * The name that the lvm tools give to the mapping of a volume: `vg-lv`, with every dash of either name doubled.
 *
 * Source: lvm2, libdm/libdm-common.c, `dm_build_dm_name`.
 */
export function mapperName(group: string, volume: string): string {
	return `${mapperPrefix(group)}${doubled(volume)}`;
}

/** What the names of all mappings of a group begin with, and those of no other group. */
export function mapperPrefix(group: string): string {
	return `${doubled(group)}-`;
}

function doubled(name: string): string {
	return name.replaceAll("-", "--");
}
