import { mountKey } from "@devhost/core";
import type { DevicesInSight } from "./declared-devices.ts";
import type { DeviceDeclaration } from "./manifest.ts";

/**
 * The mounts that have to be there before another one, by their keys: the one in which its target is, and those that its
 * options name (`mount://NAME/path`).
 *
 * A mount that all share knows only those; one of a stage may be in a shared one.
 */
export function mountsBefore(mount: DeviceDeclaration, { own, shared }: DevicesInSight): string[] {
	const isOwn = own[mount.key] === mount;
	return mountsBeforeIn(mount, [...(isOwn ? Object.values(own) : []), ...Object.values(shared)]);
}

/** What is known of a mount before it is there. */
export type MountToCome = Pick<DeviceDeclaration, "key" | "name" | "mount" | "options">;

/** As {@link mountsBefore}, of what is given. */
export function mountsBeforeIn(mount: MountToCome, all: readonly MountToCome[]): string[] {
	const others = all.filter((each) => each.key !== mount.key && each.mount !== undefined);
	const target = targetOf(mount) ?? "";
	const beneath = others
		.flatMap((each) => {
			const at = targetOf(each);
			return at !== undefined && isBeneath(target, at) ? [{ key: each.key, at }] : [];
		})
		.toSorted((a, b) => b.at.length - a.at.length);
	const [nearest] = beneath;
	const before = nearest === undefined ? [] : [nearest.key];
	const named = namedMounts(mount.options).flatMap((name) => keysOf(name, others));
	return [...new Set([...before, ...named])];
}

/** A target without what says nothing: `/boot//efi/` is `/boot/efi`, and `/` is empty. Undefined where it is in the tree. */
export function targetOf({ mount }: Pick<DeviceDeclaration, "mount">): string | undefined {
	if (mount?.target === undefined || mount.target.startsWith("tree:")) return undefined;
	const parts = mount.target.split("/").filter((part) => part !== "" && part !== ".");
	return parts.map((part) => `/${part}`).join("");
}

function isBeneath(target: string, other: string): boolean {
	return target !== other && target.startsWith(`${other}/`);
}

/**
 * The keys of the mounts that a name in `mount://NAME` stands for; of one that there is not, whether or not. Without a name it is
 * the directory of all of them, and to osbuild a name is that of a directory in there.
 */
function keysOf(name: string, others: readonly MountToCome[]): string[] {
	if (name === "")
		return others.flatMap((each) => (targetOf(each) === undefined ? [] : each.key));
	if (others.some((each) => each.name === name)) return [mountKey(name)];
	const there = others.find((each) => targetOf(each) === `/${name}`);
	return [there?.key ?? mountKey(name)];
}

/** The names of mounts in options, whether they are there or not. */
function namedMounts(options: unknown): string[] {
	if (typeof options === "string") {
		const name = /^mount:\/\/([^/]*)/.exec(options)?.[1];
		return name === undefined ? [] : [name];
	}
	if (typeof options !== "object" || options === null) return [];
	return Object.values(options).flatMap(namedMounts);
}
