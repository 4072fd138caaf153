import { existsSync } from "node:fs";

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
 * What is masked is what container runtimes mask. Source: oci/defaults.go in moby.
 */
export function kernelFiles(): KernelFiles {
	return {
		readOnly: [
			"/proc/bus",
			"/proc/cpu",
			"/proc/driver",
			"/proc/dynamic_debug",
			"/proc/exitcode", // with sysemu, of User Mode Linux
			"/proc/fs",
			"/proc/irq",
			"/proc/mtrr",
			"/proc/pressure",
			"/proc/sysemu",
			"/proc/sysrq-trigger",
			"/proc/tty",
			"/proc/xen",
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
			"/proc/scsi",
			"/sys/devices/virtual/powercap",
			"/sys/firmware",
		].filter(existsSync),
	};
}
