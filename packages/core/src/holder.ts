/** Somebody who uses a block device or a file system, so that it cannot go. */
export type Holder = ProcessHolder | MountHolder | SwapHolder | DeviceHolder;

/** A process that has the device, or something on the file system, open. */
export interface ProcessHolder {
	readonly kind: "process";
	readonly pid: number;
	/** The process's short name, at most 15 bytes, from `/proc/PID/comm`; of Node, which has `MainThread` there, its program's. */
	readonly command: string;
	/** The path by which it was opened, as that process sees it. */
	readonly path: string;
	/**
	 * Of a file system, what the path is to the process: a directory that it works in or that is its root, its program, or a
	 * file that it has mapped into its memory.
	 *
	 * @default it is open
	 */
	readonly use?: "cwd" | "root" | "program" | "mapping";
}

/** A mounted file system on the device. */
export interface MountHolder {
	readonly kind: "mount";
	/** The mount point, as the processes of its namespace see it. */
	readonly target: string;
	/** The mount namespace, as `mnt:[4026531841]`. */
	readonly namespace: string;
	/** One process of the namespace, through which the mount can be reached: `nsenter -t PID -m`. */
	readonly pid: number;
	/** That process's short name. */
	readonly command: string;
}

/** Swap space on the device. */
export interface SwapHolder {
	readonly kind: "swap";
	/** As `/proc/swaps` has it. */
	readonly path: string;
}

/** Another block device on top of this one: device-mapper, md, or a loop device. */
export interface DeviceHolder {
	readonly kind: "device";
	/** The kernel's name: `dm-0`, `loop4`. */
	readonly device: string;
}

/**
 * Who uses a device beside its owner, which is this process and has it open itself. This process where nobody else is found: then
 * it has the device open for more than that.
 */
export function otherHolders(holders: readonly Holder[]): readonly Holder[] {
	const others = holders.filter(
		(holder) => holder.kind !== "process" || holder.pid !== process.pid,
	);
	return others.length > 0 ? others : holders;
}

/** One holder as an error message names it: `pid 4711 (qemu) with /dev/loop3 open`. */
export function describeHolder(holder: Holder): string {
	switch (holder.kind) {
		case "process":
			return `pid ${holder.pid} (${holder.command}) ${usePhrases[holder.use ?? "open"](holder.path)}`;
		case "mount":
			return `a mount at ${holder.target} in ${holder.namespace} (of pid ${holder.pid}, ${holder.command})`;
		case "swap":
			return `swap space ${holder.path}`;
		case "device":
			return `device ${holder.device}`;
	}
}

const usePhrases: Readonly<
	Record<"open" | NonNullable<ProcessHolder["use"]>, (path: string) => string>
> = {
	open: (path) => `with ${path} open`,
	cwd: (path) => `working in ${path}`,
	root: (path) => `with ${path} as its root`,
	program: (path) => `running ${path}`,
	mapping: (path) => `with ${path} in its memory`,
};
