import { type OpenedDevice, parseKey } from "@devhost/core";
import type { FdLike } from "@devhost/linux";
import { sandboxPaths } from "./bwrap-arguments.ts";
import type { DeviceDeclaration } from "./manifest.ts";
import { mountsPath } from "./namespace.ts";

/** A mount that a stage sees. */
export interface StageMount extends OpenedDevice {
	/** Its target in the tree, relative to that, where it is mounted there: `b` of `tree:///b`. */
	readonly inTree?: string;
}

/** The mounts that a stage sees. */
export interface StageMounts {
	/** The mount namespace that they are in, lent: with the service that made them, they end. */
	readonly namespace: FdLike;
	/** Those of which one is not in another, where they are and where the sandbox has them. */
	readonly binds: readonly { readonly from: string; readonly to: string }[];
}

/** A mount with what its declaration says of where it is. */
export function stageMount(
	mount: OpenedDevice,
	declared: readonly DeviceDeclaration[],
): StageMount {
	const target = declared.find(({ key }) => key === mount.name)?.mount?.target;
	if (target?.startsWith("tree:") === true)
		return { ...mount, inTree: target.replace(/^tree:\/*/, "") };
	// A module of osbuild's that has no directory of its own: it changed the tree, or other mounts.
	return mount.details?.["place"] === "elsewhere" ? { ...mount, inTree: "" } : mount;
}

/**
 * What a stage with these mounts sees.
 *
 * @param root - What the sandbox calls the directory of mounts.
 */
export function stageMounts(
	namespace: FdLike,
	mounts: readonly StageMount[],
	root: string = sandboxPaths.mounts,
): StageMounts {
	const paths = mounts
		.filter(({ inTree }) => inTree === undefined) // the sandbox has the tree with all that is in it
		.map(({ path }) => path)
		.toSorted((a, b) => a.length - b.length);
	const tops = paths.filter((path, index) => {
		return !paths.slice(0, index).some((above) => above === "." || isIn(path, above));
	});
	return {
		namespace,
		binds: tops.map((path) => ({
			from: join(mountsPath, path),
			to: join(root, path),
		})),
	};
}

/**
 * The directories of mounts by their names, as a stage finds them.
 *
 * @param tree - The tree, as the stage finds it.
 */
export function mountPaths(
	mounts: readonly StageMount[],
	{ tree, isSandboxed }: { readonly tree: string; readonly isSandboxed: boolean },
): ReadonlyMap<string, string> {
	const root = isSandboxed ? sandboxPaths.mounts : mountsPath;
	return new Map(
		mounts.map(({ name, path, inTree }) => [
			parseKey(name).name,
			inTree === undefined ? join(root, path) : join(tree, inTree),
		]),
	);
}

function isIn(path: string, above: string): boolean {
	return path === above || path.startsWith(`${above}/`);
}

function join(root: string, path: string): string {
	return path === "." || path === "" ? root : `${root}/${path}`;
}
