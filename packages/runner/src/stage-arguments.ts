import { constants } from "node:fs";
import { type OpenedDevice, parseKey } from "@devhost/core";
import { openat2 } from "@devhost/linux";
import { sandboxPaths } from "./bwrap-arguments.ts";
import { writeWhole } from "./memory-file.ts";
import type { RunNamespace } from "./namespace.ts";

/** Where `arguments.json` is in the run's namespace: for a stage without a sandbox, and to be bound into one. */
export const argumentsPath = "/dev/.arguments.json";

/** What a stage is told in `arguments.json`. */
export interface StageArguments {
	readonly stage: string;
	/** The tree, as the stage finds it. */
	readonly tree: string;
	readonly devices: readonly OpenedDevice[];
	readonly mounts: readonly OpenedDevice[];
	/** Their directories by name, as the stage finds them. */
	readonly mountPaths: ReadonlyMap<string, string>;
}

/** The content of `arguments.json`. The README has its shape. */
export function stageArguments(facts: StageArguments): string {
	const { stage, tree, devices, mounts, mountPaths } = facts;
	const entries = devices.map(({ name, type, path, node, nodes, details }) => [
		name,
		{
			path: `/dev/${path}`,
			node,
			type,
			...(nodes !== undefined && {
				nodes: nodes.map((each) => ({ ...each, path: `/dev/${each.path}` })),
			}),
			...(details !== undefined && { details }),
		},
	]);
	const mountEntries = mounts.map((mount) => {
		const { name } = parseKey(mount.name);
		const { type, details } = mount;
		const path = mountPaths.get(name);
		return [name, { path, type, ...(details !== undefined && { details }) }];
	});
	const content = {
		stage,
		tree,
		paths: { devices: "/dev", mounts: sandboxPaths.mounts },
		devices: Object.fromEntries(entries) as Record<string, unknown>,
		mounts: Object.fromEntries(mountEntries) as Record<string, unknown>,
	};
	return `${JSON.stringify(content)}\n`;
}

/**
 * Puts a content in the place of whatever `arguments.json` holds.
 *
 * @throws {@link SysError} such as `ENOSPC`: it is larger than the memory of the run's device directory.
 */
export function writeArguments({ devices }: RunNamespace, content: string): void {
	const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
	using file = openat2(devices, ".arguments.json", { flags, mode: 0o444 });
	writeWhole(file, content);
}
