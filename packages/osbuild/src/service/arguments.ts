import { DeviceError } from "@devhost/core";

/** What osbuild's host tells a device service to open. */
export interface OpenArguments {
	/** Path of the directory of devices. */
	readonly dev: string;
	/** Path of the directory that files are in. */
	readonly tree: string;
	/** The device beneath, relative to {@link OpenArguments.dev}. */
	readonly parent: string | undefined;
	readonly options: Readonly<Record<string, unknown>>;
}

/** What osbuild's host tells a mount service to mount. */
export interface MountArguments {
	/** Path of the device's node. */
	readonly source: string | undefined;
	readonly target: string;
	/** Path of the directory that targets are in. */
	readonly root: string;
	readonly tree: string;
	readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Checks the arguments of `open`.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_SERVICE`
 */
export function openArguments(value: unknown): OpenArguments {
	const { dev, tree, parent, options } = members(value, "open");
	return {
		dev: path(dev, "dev"),
		tree: path(tree, "tree"),
		parent: optionalPath(parent, "parent"),
		options: optionsOf(options),
	};
}

/**
 * Checks the arguments of `mount`.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_SERVICE`
 */
export function mountArguments(value: unknown): MountArguments {
	const { source, target, root, tree, options } = members(value, "mount");
	return {
		source: optionalPath(source, "source"),
		target: path(target, "target"),
		root: path(root, "root"),
		tree: path(tree, "tree"),
		options: optionsOf(options),
	};
}

/**
 * The name of what a service is for, as osbuild's host gives it: `disk` of `--service-id device/disk`.
 *
 * @param otherwise - Where nobody gives one.
 */
export function serviceName(argv: readonly string[], otherwise: string): string {
	const at = argv.indexOf("--service-id");
	const id = at < 0 ? undefined : argv[at + 1];
	return id?.slice(id.indexOf("/") + 1) || otherwise;
}

function members(value: unknown, method: string): Record<string, unknown> {
	if (isMembers(value)) return value;
	throw broken(`the arguments of ${method} are no object`);
}

function path(value: unknown, name: string): string {
	if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
	throw broken(value === undefined ? `'${name}' is missing` : `'${name}' is no path`);
}

function optionalPath(value: unknown, name: string): string | undefined {
	return value === undefined || value === null ? undefined : path(value, name);
}

function optionsOf(value: unknown): Record<string, unknown> {
	if (value === undefined || value === null) return {};
	if (isMembers(value)) return value;
	throw broken("'options' is no object");
}

function isMembers(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function broken(message: string): DeviceError {
	return new DeviceError("ERR_DEVICE_SERVICE", message);
}
