/**
 * What a mount is called in a graph, beside devices of the same name: `mounts/root`.
 *
 * @param name - In the manifest.
 */
export function mountKey(name: string): string {
	return mountPrefix + name;
}

/** The name that a key of a graph stands for, and what it is. */
export function parseKey(key: string): { readonly name: string; readonly isMount: boolean } {
	const isMount = key.startsWith(mountPrefix);
	return { name: isMount ? key.slice(mountPrefix.length) : key, isMount };
}

const mountPrefix = "mounts/";
