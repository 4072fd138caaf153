import { DeviceError, type OpenContext } from "@devhost/core";
import { isSysError } from "@devhost/linux";
import type { Handle, LuksSys } from "./luks.ts";
import type { Luks2Options } from "./options.ts";

/** The device beneath, open for reading. */
export interface OpenParent {
	readonly device: Handle;
	/** In the device directory. */
	readonly path: string;
	readonly node: { readonly major: number; readonly minor: number };
	readonly sizeBytes: number;
}

/**
 * Opens the device that holds the container, in the run's device directory.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_NOT_OURS` the node leads to another device.
 * @throws {@link DeviceError} `ERR_DEVICE_READ_ONLY_FILE` it cannot be written, and what is opened should be.
 */
export function openParent(sys: LuksSys, context: OpenContext, options: Luks2Options): OpenParent {
	const { name, devices, parent } = context;
	if (parent === undefined) {
		throw new DeviceError("ERR_DEVICE_PARENT", `${name}: needs a parent, and has none`);
	}
	const { path, node } = parent;
	using opened = new DisposableStack();
	const device = opened.use(sys.openNode(devices, path));
	const facts = sys.statFile(device);
	if (facts.node?.major !== node.major || facts.node.minor !== node.minor) {
		throw new DeviceError(
			"ERR_DEVICE_NOT_OURS",
			`${name}: ${path} is not the device ${node.major}:${node.minor} that it was`,
		);
	}
	if (!options.readOnly && sys.isReadOnly(device)) {
		throw new DeviceError(
			"ERR_DEVICE_READ_ONLY_FILE",
			`${name}: ${path} can only be read. Open it for writing, or set read-only: true`,
			{ pointer: "/read-only" },
		);
	}
	const sizeBytes = sys.blockSizeBytes(device);
	opened.move();
	return { device, path, node, sizeBytes };
}

/**
 * Opens the file with a detached header, beneath the tree.
 *
 * @returns `undefined` where the header is on the parent.
 * @throws {@link DeviceError} `ERR_DEVICE_FILE` it is missing, or neither a regular file nor a block device.
 * @throws {@link DeviceError} `ERR_DEVICE_PERMISSION` it may not be read.
 */
export function openHeaderFile(
	sys: LuksSys,
	{ name, tree }: OpenContext,
	{ header }: Luks2Options,
): Handle | undefined {
	if (header === undefined) return undefined;
	try {
		using found = sys.findFile(tree, header);
		// Before it is opened: no FIFO waits, no tape rewinds.
		const { type } = sys.statFile(found);
		if (type !== "file" && type !== "block") {
			throw new DeviceError(
				"ERR_DEVICE_FILE",
				`${name}: header ${header}: expected a regular file or a block device`,
				{ pointer: "/header" },
			);
		}
		return sys.openFile(found);
	} catch (error) {
		if (!isSysError(error) || !Object.hasOwn(fileErrors, error.code)) throw error;
		const isForbidden = error.code === "EACCES" || error.code === "EPERM";
		throw new DeviceError(
			isForbidden ? "ERR_DEVICE_PERMISSION" : "ERR_DEVICE_FILE",
			`${name}: header ${header}: ${fileErrors[error.code]}`,
			{ pointer: "/header", cause: error },
		);
	}
}

const fileErrors: Readonly<Record<string, string>> = {
	ENOENT: "no such file",
	ENOTDIR: "no such file, a part of the path is no directory",
	ELOOP: "its symbolic links lead nowhere",
	ENAMETOOLONG: "the path is too long",
	ENXIO: "no such device",
	EACCES: "it may not be opened",
	EPERM: "it may not be opened",
};
