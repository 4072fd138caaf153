import { DeviceError } from "@devhost/core";
import { whatToOpen } from "./mount-error.ts";
import type { MountSys, SourceDevice } from "./mount-sys.ts";
import { isKernelType, type KernelType, kernelTypes } from "./types.ts";

/**
 * Finds out what file system is on a device.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_FORMAT` none that can be mounted, or more than one; `ERR_DEVICE_TOOL` there is no blkid.
 */
export async function detectType(
	sys: MountSys,
	source: SourceDevice,
	{ subject, signal }: { readonly subject: string; readonly signal: AbortSignal | undefined },
): Promise<KernelType> {
	const probed = await sys.probe(source, subject, signal);
	const fail = (text: string): DeviceError =>
		new DeviceError("ERR_DEVICE_FORMAT", `${subject}: auto on ${source.path}: ${text}`);
	if (probed.kind === "nothing")
		throw fail("there is nothing that blkid knows. Was it made, by a stage before?");
	if (probed.kind === "ambivalent") {
		throw fail(
			`more than one thing is on it: ${probed.types.join(", ")}. Name the type; wipefs removes what was there before`,
		);
	}
	const found = probed.tags.get("TYPE") ?? probed.tags.get("PTTYPE") ?? "nothing";
	// The driver of ext4 mounts the older ones, too.
	const type = found === "ext2" || found === "ext3" ? "ext4" : found;
	if (isKernelType(type)) return type;
	const hint =
		probed.tags.get("USAGE") === "filesystem"
			? `There are ${kernelTypes.join(", ")}`
			: whatToOpen(found);
	throw fail(`it has ${found}. ${hint}`);
}
