import { join } from "node:path";

/** The user's cache folder for this package, which need not exist; undefined for a user without a home. */
export function userCacheFolder(
	environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
	const { XDG_CACHE_HOME: cache, HOME: home } = environment;
	// As the XDG base directory specification has it: a relative path is no path.
	if (cache?.startsWith("/")) return join(cache, "devhost");
	return home?.startsWith("/") ? join(home, ".cache", "devhost") : undefined;
}

/** Where {@link installGuestKernel} unpacks the distribution's packages, in the user's cache. */
export function unpackedFolder(cacheFolder: string): string {
	return join(cacheFolder, "guest-kernel");
}
