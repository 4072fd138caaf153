import { constants } from "node:fs";
import { linuxPartitions } from "@devhost/core/partition";
import { openat2, RESOLVE_NO_SYMLINKS, statFd } from "@devhost/linux";
import type { DiskSys } from "./disk-sys.ts";

/** This machine: one or two system calls for each method of {@link DiskSys}. */
export function linuxDisk(): DiskSys {
	return {
		partitions: linuxPartitions(),
		async loadMappings() {
			const { linuxMappings } = await import("@devhost/core/mapping");
			return linuxMappings();
		},
		openNode: (devices, path) =>
			openat2(devices, path, {
				flags: constants.O_RDONLY | constants.O_NONBLOCK,
				resolve: RESOLVE_NO_SYMLINKS,
			}),
		nodeOf(device) {
			const { type, node } = statFd(device.fd);
			return type === "block" ? node : undefined;
		},
		content: (device) => device.fd,
	};
}
