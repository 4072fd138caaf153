import { constants } from "node:fs";
import {
	type Fd,
	isSysError,
	makeMountNamespace,
	MS_BIND,
	MS_NOEXEC,
	MS_NOSUID,
	MS_REC,
	type MountStep,
	type SysError,
} from "@devhost/linux";
import { RunError } from "./error.ts";

/** The mount namespace of a run: services and sandboxes live in it, and the kernel drops it with the last of them. */
export interface RunNamespace extends Disposable {
	/** To enter it, by `spawn`. */
	readonly namespace: Fd;
	/** The run's device directory, `/dev` in the namespace: services make their nodes here. */
	readonly devices: Fd;
	/** What the next stage will see as `/dev`: the runner makes the nodes of the stage's devices here. */
	readonly stageDevices: Fd;
}

/** Where the next stage's `/dev` is, in the run's namespace: read-only, whatever {@link RunNamespace.stageDevices} does. */
export const stageDevicesPath = "/dev/.stage";

/** Where mounts are, in the namespace of the service that makes them: in the run's own it is empty. */
export const mountsPath = "/dev/.mounts";

/**
 * Makes the mount namespace of a run, with a `/dev` of its own.
 *
 * - `/dev` is a small tmpfs without `nodev`, so that device nodes work in it: null, zero, full, random, urandom, tty,
 *   loop-control, mapper/control, and the host's `shm`, `pts` and `mqueue` where it has them, for the tools that services run.
 * - `/dev/.stage` is another one, for stages: without what makes devices, with terminals of its own.
 * - `/dev/.mounts` is a third one, on which file systems are mounted.
 *
 * Nothing of it is visible on the host.
 *
 * @throws {@link RunError} `ERR_RUN_NOT_ROOT` this process may not make a mount namespace.
 * @throws {@link RunError} `ERR_RUN_NAMESPACE` a step failed, such as making device nodes in a user namespace.
 */
export function makeRunNamespace(): RunNamespace {
	try {
		const { namespace, opened } = makeMountNamespace(namespaceSteps());
		const [devices, stageDevices] = opened as [Fd, Fd];
		return {
			namespace,
			devices,
			stageDevices,
			[Symbol.dispose]() {
				stageDevices.close();
				devices.close();
				namespace.close();
			},
		};
	} catch (error) {
		if (isSysError(error)) throw explain(error);
		throw error;
	}
}

/** The steps of {@link makeRunNamespace}. */
export function namespaceSteps(): MountStep[] {
	return [
		// Kept before the new /dev hides them.
		{ op: "clone", path: "/dev/shm", optional: true },
		{ op: "clone", path: "/dev/pts", optional: true },
		{ op: "clone", path: "/dev/mqueue", optional: true },

		tmpfs("/dev", "mode=0755,size=16m,nr_inodes=16k"),
		...standardNodes("/dev"),
		{ op: "mknod", path: "/dev/loop-control", ...char(10, 237), mode: 0o600 },
		{ op: "mkdir", path: "/dev/mapper", mode: 0o755 },
		{ op: "mknod", path: "/dev/mapper/control", ...char(10, 236), mode: 0o600 },
		...standardLinks("/dev"),
		{ op: "attach", clone: 0, target: "/dev/shm" },
		{ op: "attach", clone: 1, target: "/dev/pts" },
		{ op: "attach", clone: 2, target: "/dev/mqueue" },
		{ op: "open", path: "/dev", flags: O_PATH | constants.O_DIRECTORY },

		// What is mounted in it is in the namespace of the service that mounts: see RunServices.
		{ op: "mkdir", path: mountsPath, mode: 0o755 },
		tmpfs(mountsPath, "mode=0755,size=1m,nr_inodes=1k"),

		{ op: "mkdir", path: stageDevicesPath, mode: 0o755 },
		tmpfs(stageDevicesPath, "mode=0755,size=256k,nr_inodes=16k"),
		...standardNodes(stageDevicesPath),
		...standardLinks(stageDevicesPath),
		{ op: "mkdir", path: `${stageDevicesPath}/shm`, mode: 0o755 },
		{ op: "mkdir", path: `${stageDevicesPath}/pts`, mode: 0o755 },
		{
			op: "mount",
			source: "devpts",
			target: `${stageDevicesPath}/pts`,
			type: "devpts",
			flags: MS_NOSUID | MS_NOEXEC,
			data: "newinstance,ptmxmode=0666,mode=0620,gid=5",
		},
		{ op: "open", path: stageDevicesPath, flags: O_PATH | constants.O_DIRECTORY },
		// The descriptor above stays writable; what stands at the path, and is bound from there into sandboxes, is not.
		{
			op: "mount",
			source: stageDevicesPath,
			target: stageDevicesPath,
			flags: MS_BIND | MS_REC,
		},
		{
			op: "mount",
			target: stageDevicesPath,
			flags: MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC,
		},
	];
}

function tmpfs(target: string, data: string): MountStep {
	return {
		op: "mount",
		source: "devhost",
		target,
		type: "tmpfs",
		flags: MS_NOSUID | MS_NOEXEC,
		data,
	};
}

/** Source: Documentation/admin-guide/devices.txt in Linux. */
function standardNodes(folder: string): MountStep[] {
	const numbers = { null: 3, zero: 5, full: 7, random: 8, urandom: 9 };
	const nodes = Object.entries(numbers).map(([name, minor]): MountStep => ({
		op: "mknod",
		path: `${folder}/${name}`,
		...char(1, minor),
		mode: 0o666,
	}));
	return [...nodes, { op: "mknod", path: `${folder}/tty`, ...char(5, 0), mode: 0o666 }];
}

function standardLinks(folder: string): MountStep[] {
	return Object.entries({
		fd: "/proc/self/fd",
		stdin: "/proc/self/fd/0",
		stdout: "/proc/self/fd/1",
		stderr: "/proc/self/fd/2",
		ptmx: "pts/ptmx",
	}).map(([name, target]) => ({ op: "symlink", target, path: `${folder}/${name}` }));
}

function char(major: number, minor: number): { kind: "char"; major: number; minor: number } {
	return { kind: "char", major, minor };
}

function explain(cause: SysError): RunError {
	if (cause.syscall === "unshare" && cause.code === "EPERM") return notRoot(cause);
	if (cause.syscall === "mknod" && cause.code === "EPERM") {
		const message =
			`${cause.path}: device nodes may not be made here: this is root of a user namespace or without CAP_MKNOD. ` +
			"Run devhost as the machine's root, in a container with CAP_MKNOD and CAP_SYS_ADMIN";
		return new RunError("ERR_RUN_NAMESPACE", message, { cause });
	}
	const where = cause.path === undefined ? "" : `${cause.path}: `;
	const message = `${where}${cause.syscall} failed with ${cause.code} while the run's mount namespace was made`;
	return new RunError("ERR_RUN_NAMESPACE", message, { cause });
}

/** What to say where root is missing, found out by asking or by trying. */
export function notRoot(cause?: Error): RunError {
	const message =
		"opening devices and isolating stages needs root with CAP_SYS_ADMIN. Run it with sudo; devhost check needs no root";
	return new RunError("ERR_RUN_NOT_ROOT", message, { cause });
}

// Source: asm-generic/fcntl.h (the same on x86-64 and arm64), linux/mount.h.
const O_PATH = 0o10000000;
const MS_RDONLY = 0x1;
const MS_REMOUNT = 0x20;
