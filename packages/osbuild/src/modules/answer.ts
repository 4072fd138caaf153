import { relative } from "node:path/posix";
import { DeviceError, shown } from "@devhost/core";
import type { DeviceNumber } from "@devhost/linux";

/** What a module has opened, as device services of ours say it: see wire.ts of @devhost/core. */
export interface OpenedByModule {
	readonly path: string;
	readonly node?: DeviceNumber;
	readonly nodes?: readonly { readonly path: string; readonly node: DeviceNumber }[];
	readonly details?: Readonly<Record<string, unknown>>;
}

/** Whose answer it is, for messages. */
interface Who {
	readonly name: string;
	readonly type: string;
}

/** A device as a module answers it: its node beneath the device directory, and what else it says. */
export interface AnsweredDevice {
	readonly path: string;
	/** Undefined where it says none. */
	readonly node: DeviceNumber | undefined;
	/** What else is in the answer: `name` of a container, `lvm` of a volume. */
	readonly details: Readonly<Record<string, unknown>>;
	readonly who: Who;
}

/** @throws {@link DeviceError} `ERR_DEVICE_SERVICE` for what is no device. */
export function answeredDevice(value: unknown, who: Who): AnsweredDevice {
	if (!isObject(value)) throw notOne(value, who, "device: it has no path");
	const { path, node, ...details } = plain(value) as Record<string, unknown>;
	if (typeof path !== "string") throw notOne(value, who, "device: it has no path");
	if (!isInside(path)) throw notOne(value, who, "device: its path leads out of the directory");
	const number = isNothing(node) ? undefined : deviceNumber(node);
	if (number === undefined && !isNothing(node))
		throw notOne(value, who, "device: its node is not a major and a minor number");
	return { path, node: number, details, who };
}

/**
 * A mount as a module answers it: the path of its directory; nothing at all where it has none of its own, but has changed the tree,
 * or what other mounts show.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_SERVICE` for what is no path in the directory of mounts.
 *
 * Source: `MountManager.mount`, osbuild/mounts.py.
 */
export function answeredMount(
	value: unknown,
	{ root, ...who }: Who & { readonly root: string },
): OpenedByModule {
	if (isFalsy(value)) return { path: ".", details: { place: "elsewhere" } };
	if (typeof value !== "string") throw notOne(value, who, "path");
	const path = relative(root, value);
	const isOut = !value.startsWith("/") || path === ".." || path.startsWith("../");
	if (isOut || path.includes("\0")) throw notOne(value, who, `path beneath ${root}`);
	return { path: path === "" ? "." : path };
}

export function notOne(value: unknown, { name, type }: Who, what: string): DeviceError {
	const message = `${name}: ${type} answered ${shown(plain(value))}, which is no ${what}`;
	return new DeviceError("ERR_DEVICE_SERVICE", message, { device: name });
}

/** Integers that a number cannot hold come as such that JSON has no form for. */
function plain(value: unknown): unknown {
	if (typeof value === "bigint") return Number(value);
	if (Array.isArray(value)) return value.map(plain);
	if (!isObject(value)) return value;
	return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

function deviceNumber(value: unknown): DeviceNumber | undefined {
	if (!isObject(value)) return undefined;
	const { major, minor } = value;
	return isIndex(major) && isIndex(minor) ? { major, minor } : undefined;
}

function isInside(path: string): boolean {
	const isName = (part: string): boolean => part !== "" && part !== "." && part !== "..";
	return !path.includes("\0") && path.split("/").every(isName);
}

/** Python's `not value`. */
function isFalsy(value: unknown): boolean {
	if (typeof value !== "object" || value === null) return !value;
	return (Array.isArray(value) ? value : Object.keys(value)).length === 0;
}

function isIndex(value: unknown): value is number {
	return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isNothing(value: unknown): value is null | undefined {
	return value === undefined || value === null;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
