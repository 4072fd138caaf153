import { type OpenedDevice, parseKey } from "@devhost/core";
import type { FdLike } from "@devhost/linux";
import { sandboxPaths } from "./bwrap-arguments.ts";
import { mountsPath } from "./namespace.ts";

/** The mounts that a stage sees. */
export interface StageMounts {
	/** The mount namespace that they are in, lent: with the service that made them, they end. */
	readonly namespace: FdLike;
	/** Those of which one is not in another, where they are and where the sandbox has them. */
	readonly binds: readonly { readonly from: string; readonly to: string }[];
}

/** What a stage with these mounts sees. */
export function stageMounts(namespace: FdLike, mounts: readonly OpenedDevice[]): StageMounts {
	const paths = mounts.map(({ path }) => path).toSorted((a, b) => a.length - b.length);
	const tops = paths.filter((path, index) => {
		return !paths.slice(0, index).some((above) => above === "." || isIn(path, above));
	});
	return {
		namespace,
		binds: tops.map((path) => ({
			from: join(mountsPath, path),
			to: join(sandboxPaths.mounts, path),
		})),
	};
}

/** The directories of mounts by their names, as a stage finds them. */
export function mountPaths(
	mounts: readonly OpenedDevice[],
	isSandboxed: boolean,
): ReadonlyMap<string, string> {
	const root = isSandboxed ? sandboxPaths.mounts : mountsPath;
	return new Map(mounts.map(({ name, path }) => [parseKey(name).name, join(root, path)]));
}

function isIn(path: string, above: string): boolean {
	return path === above || path.startsWith(`${above}/`);
}

function join(root: string, path: string): string {
	return path === "." ? root : `${root}/${path}`;
}
