import { readFileSync } from "node:fs";

/** Capability sets of a process, a bit for each capability. */
export interface Capabilities {
	readonly effective: bigint;
	readonly permitted: bigint;
	readonly inheritable: bigint;
	readonly bounding: bigint;
}

/**
 * The capability sets of this process, or of another.
 *
 * Source: /proc/PID/status, proc(5).
 */
export function capabilities(pid: number | "self" = "self"): Capabilities {
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	const set = (name: string): bigint => {
		const match = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status);
		return BigInt(`0x${match?.[1] ?? "0"}`);
	};
	return {
		effective: set("CapEff"),
		permitted: set("CapPrm"),
		inheritable: set("CapInh"),
		bounding: set("CapBnd"),
	};
}

/** Number of each capability. Source: linux/capability.h, Linux 6.12. */
export const capabilityNumbers = {
	CAP_CHOWN: 0,
	CAP_DAC_OVERRIDE: 1,
	CAP_DAC_READ_SEARCH: 2,
	CAP_FOWNER: 3,
	CAP_FSETID: 4,
	CAP_KILL: 5,
	CAP_SETGID: 6,
	CAP_SETUID: 7,
	CAP_SETPCAP: 8,
	CAP_LINUX_IMMUTABLE: 9,
	CAP_NET_BIND_SERVICE: 10,
	CAP_NET_BROADCAST: 11,
	CAP_NET_ADMIN: 12,
	CAP_NET_RAW: 13,
	CAP_IPC_LOCK: 14,
	CAP_IPC_OWNER: 15,
	CAP_SYS_MODULE: 16,
	CAP_SYS_RAWIO: 17,
	CAP_SYS_CHROOT: 18,
	CAP_SYS_PTRACE: 19,
	CAP_SYS_PACCT: 20,
	CAP_SYS_ADMIN: 21,
	CAP_SYS_BOOT: 22,
	CAP_SYS_NICE: 23,
	CAP_SYS_RESOURCE: 24,
	CAP_SYS_TIME: 25,
	CAP_SYS_TTY_CONFIG: 26,
	CAP_MKNOD: 27,
	CAP_LEASE: 28,
	CAP_AUDIT_WRITE: 29,
	CAP_AUDIT_CONTROL: 30,
	CAP_SETFCAP: 31,
	CAP_MAC_OVERRIDE: 32,
	CAP_MAC_ADMIN: 33,
	CAP_SYSLOG: 34,
	CAP_WAKE_ALARM: 35,
	CAP_BLOCK_SUSPEND: 36,
	CAP_AUDIT_READ: 37,
	CAP_PERFMON: 38,
	CAP_BPF: 39,
	CAP_CHECKPOINT_RESTORE: 40,
} as const;

/** Name of a capability. */
export type CapabilityName = keyof typeof capabilityNumbers;

/** The set of the named capabilities. */
export function capabilitySet(names: Iterable<CapabilityName>): bigint {
	let set = 0n;
	for (const name of names) set |= 1n << BigInt(capabilityNumbers[name]);
	return set;
}
