import { mkdirSync, writeFileSync } from "node:fs";
import { detachedMount, type DeviceNumber, mknodat } from "@devhost/linux";
import type { SystemDirectory } from "./volume-sys.ts";

/**
 * A directory for the lvm tools: on a file system that is mounted nowhere, which only this process's descriptors lead to. The
 * machine's settings, device nodes and locks are none of theirs, nor is anything left of theirs on the machine.
 *
 * @param devices - Of which there are nodes; the tools know of no others.
 */
export function makeSystemDirectory(devices: readonly DeviceNumber[]): SystemDirectory {
	using acquired = new DisposableStack();
	const fd = acquired.use(detachedMount("tmpfs", { mode: "0700", size: "1M" }));
	const path = `/proc/${process.pid}/fd/${fd.fd}`;
	for (const folder of ["dev", "dev/mapper", "lock", "run"]) mkdirSync(`${path}/${folder}`);
	const devicePaths = devices.map((node, index) => {
		const name = `pv${index}`;
		mknodat(fd, `dev/${name}`, "block", node, 0o600);
		return `${path}/dev/${name}`;
	});
	writeFileSync(`${path}/lvm.conf`, lvmConfiguration(path));
	const owned = acquired.move();
	return { path, devicePaths, [Symbol.dispose]: () => owned.dispose() };
}

/**
 * What `lvm.conf` says: nothing outside of a directory is looked at or written, nobody is waited for, told or started.
 *
 * @param path - The directory's; it needs `dev` and `lock`.
 *
 * Source: lvm.conf(5), lvmconfig(8); lib/config/config_settings.h of lvm2 2.03.16.
 */
export function lvmConfiguration(path: string): string {
	const settings: Readonly<
		Record<string, Readonly<Record<string, string | number | readonly string[]>>>
	> = {
		devices: {
			dir: `${path}/dev`,
			scan: [`${path}/dev`],
			use_devicesfile: 0, // --devices takes its place
			hints: "none", // a file in /run/lvm
			obtain_device_list_from_udev: 0,
			external_device_info_source: "none",
			multipath_component_detection: 0,
			md_component_detection: 0,
			fw_raid_component_detection: 0,
			scan_lvs: 1, // a parent may be a logical volume
		},
		activation: {
			udev_sync: 0, // no cookie that nobody completes
			udev_rules: 0, // nodes are made here, in `dir`
			verify_udev_operations: 0,
			monitoring: 0, // no dmeventd
			auto_set_activation_skip: 0,
		},
		backup: { backup: 0, archive: 0 },
		global: {
			locking_dir: `${path}/lock`,
			use_lvmlockd: 0,
			use_lvmpolld: 0,
			event_activation: 0,
			notify_dbus: 0,
			system_id_source: "none",
			umask: 0o77,
		},
		log: { syslog: 0, journal: [] },
	};
	const shown = (value: string | number | readonly string[]): string =>
		typeof value === "object"
			? `[${value.map((each) => `"${each}"`).join(", ")}]`
			: typeof value === "string"
				? `"${value}"`
				: String(value);
	return Object.entries(settings)
		.map(([section, entries]) => {
			const lines = Object.entries(entries).map(
				([key, value]) => `\t${key} = ${shown(value)}\n`,
			);
			return `${section} {\n${lines.join("")}}\n`;
		})
		.join("");
}
