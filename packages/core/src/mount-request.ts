import type { Fd } from "@devhost/linux";
import { reply } from "@devhost/rpc";
import type { MountPlace, OpenDevice } from "./driver.ts";
import { broken, isIndex, isNothing, object } from "./wire-params.ts";

/** Where a mount is to be, as `open` says, in the directory that `begin` said. */
export function parseMountPlace(value: unknown, root: string | undefined): MountPlace {
	const { target, partition } = object(value, "the mount of open");
	if (root === undefined) throw broken("open of a mount, and begin had no directory of mounts");
	if (!isNothing(target) && typeof target !== "string")
		throw broken("the target of a mount is no string");
	if (!isNothing(partition) && !isIndex(partition))
		throw broken("the partition of a mount is no whole number, 0 or more");
	return {
		root,
		...(typeof target === "string" && { target }),
		...(isIndex(partition) && { partition }),
	};
}

/** Answers `directory`: the directory of a mount, as a descriptor. */
export function openDirectory(
	held: { get(name: string): OpenDevice | undefined },
	params: unknown,
): unknown {
	const { name } = object(params, "directory");
	if (typeof name !== "string") throw broken("directory needs a name");
	const fd: Fd | undefined = held.get(name)?.directory?.();
	if (fd === undefined) throw broken(`${name} is not open, or no mount`);
	return reply(null, { fds: [fd] });
}
