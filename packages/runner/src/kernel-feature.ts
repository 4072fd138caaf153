import { constants } from "node:fs";
import { isSysError, openat2 } from "@devhost/linux";
import type { KernelFeature } from "./modules.ts";
import type { RunNamespace } from "./namespace.ts";

/**
 * Why this kernel does not offer a feature to this user; undefined when it does. Found by trying, which also has the kernel
 * load the module.
 */
export function missingFeature(
	feature: KernelFeature,
	{ devices }: Pick<RunNamespace, "devices">,
): string | undefined {
	try {
		openat2(devices, controlNodes[feature], { flags: constants.O_RDWR }).close();
		return undefined;
	} catch (error) {
		if (!isSysError(error)) throw error;
		const isForbidden = error.code === "EPERM" || error.code === "EACCES";
		return isForbidden
			? `this container may not use ${feature} devices (${error.code})`
			: `this kernel has no ${feature} devices (${error.code})`;
	}
}

/** The node in the run's device directory by which a feature is controlled. */
const controlNodes: Readonly<Record<KernelFeature, string>> = { loop: "loop-control" };
