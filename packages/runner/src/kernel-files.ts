import { existsSync, readFileSync } from "node:fs";

/** What of the kernel's own file systems a stage does not get as it is. */
export interface KernelFiles {
	/** Paths that stay, read-only. What is not there is no error. */
	readonly readOnly: readonly string[];
	/** Files that read as empty. */
	readonly emptyFiles: readonly string[];
	/** Directories with nothing in them. */
	readonly emptyFolders: readonly string[];
}

/**
 * What is in `/proc` beside processes, as far as it can be written, and what of `/proc` and `/sys` is nobody's business.
 *
 * The kernel asks for no capability there: whoever is user 0 writes core_pattern, and has a program run as root on the
 * host. bubblewrap covers `/proc/sys` only where access(2) calls it writable, and for a directory of sysctls it never does
 * (`proc_sys_permission` knows no CAP_DAC_OVERRIDE).
 *
 * What is hidden is what container runtimes hide or make read-only. Source: oci/defaults.go in moby. Directories are hidden
 * also where read-only would do: a tmpfs takes 0.03 ms, a bind 0.3 (bubblewrap reads /proc/self/mountinfo for each).
 */
export function kernelFiles(): KernelFiles {
	return {
		readOnly: [
			"/proc/exitcode", // with sysemu, of User Mode Linux
			"/proc/sysemu",
			"/proc/sysrq-trigger",
		],
		// Only those that are there: bubblewrap would want to make what it mounts on.
		emptyFiles: [
			"/proc/kcore",
			"/proc/keys",
			"/proc/latency_stats",
			"/proc/sched_debug",
			"/proc/timer_list",
			"/proc/timer_stats",
		].filter(existsSync),
		emptyFolders: [
			"/proc/acpi",
			"/proc/asound",
			"/proc/bus",
			"/proc/cpu",
			"/proc/driver",
			"/proc/dynamic_debug",
			"/proc/fs",
			"/proc/irq",
			"/proc/pressure",
			"/proc/scsi",
			"/proc/xen",
			"/sys/devices/virtual/powercap",
			"/sys/firmware",
		].filter(existsSync),
	};
}

/**
 * The kernel's own file systems that are mounted in a tree, as before a chroot: with a writable tree they would be, too.
 *
 * Shape of a line of mountinfo: `36 35 98:0 /root /where rw,noatime shared:1 - ext3 /dev/root rw`, with a space in a path as
 * `\040`; the optional fields end at `-`.
 *
 * @returns Where they are mounted.
 *
 * Source: proc_pid_mountinfo(5).
 */
export function kernelMountsIn(
	tree: string,
	mountinfo: string = readFileSync("/proc/self/mountinfo", "utf8"),
): string[] {
	const beneath = tree === "/" ? "/" : `${tree}/`;
	const mounts: string[] = [];
	for (const line of mountinfo.split("\n")) {
		const [fields = "", type = ""] = line.split(" - ");
		if (!kernelFileSystems.has(type.slice(0, type.indexOf(" ")))) continue;
		const target = unescape(fields.split(" ")[4] ?? "");
		if (target === tree || target.startsWith(beneath)) mounts.push(target);
	}
	return mounts;
}

function unescape(path: string): string {
	return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
		String.fromCodePoint(Number.parseInt(octal, 8)),
	);
}

const kernelFileSystems: ReadonlySet<string> = new Set([
	"binfmt_misc",
	"bpf",
	"cgroup",
	"cgroup2",
	"configfs",
	"debugfs",
	"devpts",
	"devtmpfs",
	"efivarfs",
	"fusectl",
	"mqueue",
	"nfsd",
	"proc",
	"pstore",
	"resctrl",
	"rpc_pipefs",
	"securityfs",
	"selinuxfs",
	"smackfs",
	"sysfs",
	"tracefs",
]);
