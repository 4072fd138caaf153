import { JsonNumber } from "./json-value.ts";
import { pythonJson } from "./python-json.ts";

/**
 * The id of a device as osbuild computes it: the same type, options and parents give the same id.
 *
 * The device's name is not part of it. Missing and empty options are the same, as in osbuild.
 *
 * Shape: 64 lower-case hexadecimal digits, the sha256 of `J(type) J(parentId) J(options)` without
 * separators, where `J` is {@link pythonJson}. Of several parents, which osbuild does not have, the list of their ids is in
 * the place of the one.
 *
 * @param options - From {@link parseJson}, which keeps the difference between `1` and `1.0`, or plain.
 * @param parentIds - The parent's id, where there is a parent, or the ids of all, in the manifest's order.
 *
 * @throws {@link TypeError} when the options hold something that has no form in JSON.
 *
 * Source: `Device.calc_id`, osbuild/devices.py.
 */
export function deviceId(
	type: string,
	options?: unknown,
	parentIds?: string | readonly string[],
): string {
	const parts = [pythonJson(type)];
	const parents = typeof parentIds === "string" ? [parentIds] : (parentIds ?? []);
	if (parents.length > 0) parts.push(pythonJson(parents.length === 1 ? parents[0] : parents));
	parts.push(isFalsy(options) ? "{}" : pythonJson(options));
	return sha256(parts.join(""));
}

/** What osbuild makes a mount's id of. */
export interface MountIdParts {
	/** Of the device that is mounted. */
	readonly deviceId?: string | undefined;
	readonly partition?: unknown;
	readonly target?: string | undefined;
	/** Undefined where there are none, which is not the same as empty ones. */
	readonly options?: unknown;
}

/**
 * The id of a mount as osbuild computes it. Its name is not part of it.
 *
 * Shape: 64 lower-case hexadecimal digits, the sha256 of `J(type) J(deviceId) J(partition) J(target) J(options)`, without
 * what is missing, empty or 0 of the three in the middle; `J` is {@link pythonJson}. Missing options are `null`.
 *
 * Source: `Mount.calc_id`, osbuild/mounts.py.
 */
export function mountId(type: string, parts: MountIdParts): string {
	const { deviceId, partition, target, options } = parts;
	const text = [deviceId, isFalsy(partition) ? undefined : partition, target || undefined]
		.filter((part) => part !== undefined)
		.map((part) => pythonJson(part));
	return sha256([pythonJson(type), ...text, pythonJson(options ?? null)].join(""));
}

/** Python's `not options`, for what JSON can hold. */
function isFalsy(options: unknown): boolean {
	if (options instanceof JsonNumber) return options.toNumber() === 0;
	if (options instanceof Map) return options.size === 0;
	if (Array.isArray(options)) return options.length === 0;
	return !options && !Number.isNaN(options);
}

function sha256(text: string): string {
	// Loaded at the first id, because a process that computes none should not pay for OpenSSL.
	return process.getBuiltinModule("node:crypto").hash("sha256", text, "hex");
}
