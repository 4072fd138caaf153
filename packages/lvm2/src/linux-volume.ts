import { constants, readdirSync, readFileSync, stat } from "node:fs";
import { findTool } from "@devhost/core/command";
import { linuxMappings } from "@devhost/core/mapping";
import {
	AT_FDCWD,
	DeviceMapper,
	flock,
	openat2,
	RESOLVE_BENEATH,
	RESOLVE_NO_SYMLINKS,
	statFd,
} from "@devhost/linux";
import { sourceOf } from "./source.ts";
import { makeSystemDirectory } from "./system-directory.ts";
import type { VolumeSys } from "./volume-sys.ts";

/** This machine: one or two system calls for each method of {@link VolumeSys}. */
export function linuxVolume(): VolumeSys {
	const mappings = linuxMappings();
	return {
		mappings,
		prepare() {
			mappings.prepare();
			// Any call starts the threads of the pool, which then read: 10 ms and more in a guest.
			stat("/", () => {});
		},
		openNode: (devices, path) =>
			openat2(devices, path, {
				flags: constants.O_RDONLY | constants.O_NONBLOCK,
				resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
			}),
		nodeOf(device) {
			const { type, node } = statFd(device.fd);
			return type === "block" ? node : undefined;
		},
		sourceOf: (device, name) => sourceOf(device.fd, name),
		findLvm: (subject) => findTool("lvm", { subject, install: "apt-get install lvm2" }),
		makeSystemDirectory,
		devicesBeneath(node) {
			const folder = `/sys/dev/block/${node.major}:${node.minor}/slaves`;
			return readdirSync(folder).map((name) => {
				const [major, minor] = readFileSync(`${folder}/${name}/dev`, "utf8").split(":");
				return { major: Number(major), minor: Number(minor) };
			});
		},
		async loadTarget(name) {
			using mapper = DeviceMapper.open();
			await mapper.targetVersion(name);
		},
		lockTools() {
			// The device of device-mapper's control node: whoever can make mappings has it, and locks it nowhere else.
			const flags = constants.O_RDONLY | constants.O_DIRECTORY;
			using acquired = new DisposableStack();
			const fd = acquired.use(
				openat2(AT_FDCWD, "/sys/devices/virtual/misc/device-mapper", { flags }),
			);
			if (!flock(fd, "exclusive")) return undefined;
			acquired.move();
			return fd;
		},
	};
}
