import { constants } from "node:fs";
import type { OpenedDevice } from "@devhost/core";
import { openat2 } from "@devhost/linux";
import { sandboxPaths } from "./bwrap-arguments.ts";
import { writeWhole } from "./memory-file.ts";
import type { RunNamespace } from "./namespace.ts";

/** Where `arguments.json` is in the run's namespace: for a stage without a sandbox, and to be bound into one. */
export const argumentsPath = "/dev/.arguments.json";

/** The content of `arguments.json`. The README has its shape. */
export function stageArguments(
	stage: string,
	tree: string,
	devices: readonly OpenedDevice[],
): string {
	const entries = devices.map(({ name, type, path, node, details }) => [
		name,
		{ path: `/dev/${path}`, node, type, ...(details !== undefined && { details }) },
	]);
	const content = {
		stage,
		tree,
		paths: { devices: "/dev", mounts: sandboxPaths.mounts },
		devices: Object.fromEntries(entries) as Record<string, unknown>,
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
