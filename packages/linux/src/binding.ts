import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { LinuxError } from "./error.ts";

/** The native half, as `native/*.c` defines it: results are the system call's, or -errno. */
export interface Binding {
	socketpair(type: number, out: Int32Array): number;
	listenUnix(type: number, path: string, backlog: number): number;
	connectUnix(type: number, path: string): number;
	accept(fd: number): number;
	getsockopt(fd: number, level: number, name: number): number;
	setsockopt(fd: number, level: number, name: number, value: number): number;
	sendmsg(
		fd: number,
		head: Uint8Array,
		headStart: number,
		headEnd: number,
		tail: Uint8Array | undefined,
		tailStart: number,
		fds: Int32Array | undefined,
		fdCount: number,
	): number;
	recvmsg(fd: number, into: Uint8Array, start: number, end: number, control: Int32Array): number;
	close(fd: number): number;
	fcntl(fd: number, command: number, argument: number | Uint8Array): number;
	read(fd: number, into: Uint8Array, start: number, end: number): number;
	seekEnd(fd: number): number;
	pipe(out: Int32Array, flags: number): number;
	openat2(dir: number, path: string, flags: number, mode: number, resolve: number): number;
	mknodat(dir: number, path: string, mode: number, major: number, minor: number): number;
	mkdirat(dir: number, path: string, mode: number): number;
	unlinkat(dir: number, path: string, flags: number): number;
	flock(fd: number, operation: number): number;
	memfdCreate(name: string, flags: number): number;
	fstat(fd: number, out: Float64Array): number;
	fsmount(type: string, options: readonly (string | null)[], attributes: number): number;
	createMount(
		type: string,
		options: readonly (string | null)[],
		attributes: number,
		out: Int32Array,
		log: Uint8Array,
	): Promise<number> | number;
	unmount(path: string, flags: number): Promise<number> | number;
	moveMount(mount: number, directory: number): number;
	openTree(directory: number, flags: number): number;
	mountSetattr(
		mount: number,
		flags: number,
		set: number,
		clear: number,
		propagation: number,
	): number;
	ioctl(
		fd: number,
		request: number,
		argument: number | Uint8Array | undefined,
		pointers: readonly (number | Uint8Array)[] | undefined,
	): number;
	blocking(
		kind: number,
		fd: number,
		request: number,
		argument: number | Uint8Array | undefined,
		pointers: readonly (number | Uint8Array)[] | undefined,
	): Promise<number>;
	blockingBatch(
		calls: Int32Array,
		structures: readonly (Uint8Array | undefined)[],
	): Promise<number>;
	addKey(type: string, description: string, payload: Uint8Array, keyring: number): number;
	requestKey(type: string, description: string): number;
	keyctl(operation: number, ...args: readonly (number | string | Uint8Array)[]): number;
	pollOpen(fd: number, callback: PollCallback, receiver: object): object | number;
	pollSet(poller: object, events: number): number;
	pollRef(poller: object, keepAlive: number): void;
	pollClose(poller: object): void;
	spawn(
		file: string | undefined,
		argv: readonly string[],
		environment: readonly string[],
		map: Int32Array,
		stepNumbers: Int32Array,
		stepStrings: readonly (string | null)[],
		out: Int32Array,
	): number;
	reserveDescriptors(count: number): number;
	pidfdSignal(pidfd: number, signal: number): number;
	pidfdWait(pidfd: number, out: Int32Array): number;
	exitNow(code: number): never;
}

/**
 * `events` is a set of `READABLE` and `WRITABLE`; `status` is 0, or -errno for an error condition of the descriptor. Nothing is
 * waited for after that, until `set(0)` and another `set`.
 */
export type PollCallback = (events: number, status: number) => void;

const packageName = "@devhost/linux";

/**
 * The native half, loaded on import from one fixed path.
 *
 * @throws {@link LinuxError} `ERR_LINUX_UNSUPPORTED_PLATFORM` on anything but Linux.
 * @throws {@link LinuxError} `ERR_LINUX_NO_BINARY` when no file fits this machine or it does not load.
 */
export const binding: Binding = loadBinding({
	platform: process.platform,
	arch: process.arch,
	libc: libcName,
	root: packageRoot,
	load(file) {
		// What require() does for such a file, without a module loader to be made for it.
		const module = { exports: {} };
		process.dlopen(module, file);
		return module.exports as Binding;
	},
});

/** What {@link loadBinding} needs to know of the world. Tests pass another one. */
export interface LoadContext {
	readonly platform: string;
	readonly arch: string;
	readonly libc: () => "glibc" | "musl";
	readonly root: () => string;
	readonly load: (file: string) => Binding;
}

/** Loads the addon that was built here, else the prebuilt one for this machine. */
export function loadBinding({ platform, arch, libc, root, load }: LoadContext): Binding {
	if (platform !== "linux") {
		throw new LinuxError(
			"ERR_LINUX_UNSUPPORTED_PLATFORM",
			`${packageName}: this is ${platform}, but loop devices and mount namespaces are Linux's; ` +
				"run it on Linux, or in a Linux virtual machine or container",
		);
	}
	const folder = root();
	const tried: string[] = [];
	const causes: unknown[] = [];
	for (const file of [
		join(folder, "build", "Release", "devhost_linux.node"),
		join(folder, "prebuilds", `linux-${arch}-${libc()}`, "devhost_linux.node"),
	]) {
		if (!existsSync(file)) {
			tried.push(`${file}: missing`);
			continue;
		}
		try {
			return load(file);
		} catch (cause) {
			tried.push(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`);
			causes.push(cause);
		}
	}
	throw new LinuxError(
		"ERR_LINUX_NO_BINARY",
		`${packageName}: no native file for linux ${arch} ${libc()} loads. Tried:\n  ${tried.join("\n  ")}\n` +
			`Build it with a C compiler, make and python3: npx node-gyp rebuild --directory ${folder}`,
		{ cause: causes[0] },
	);
}

/** Path of the static helper `exec-checked`, for the machine that this process runs on. See native/exec-checked.c. */
export function execCheckedPath(): string {
	return helperPath("exec-checked");
}

/** Path of the static helper `keep-mapping`, for the machine that this process runs on. See native/keep-mapping.c. */
export function keepMappingPath(): string {
	return helperPath("keep-mapping");
}

function helperPath(name: string): string {
	const folder = packageRoot();
	const candidates = [
		join(folder, "build", "Release", name),
		join(folder, "prebuilds", `linux-${process.arch}-${libcName()}`, name),
	];
	const found = candidates.find((file) => existsSync(file));
	if (found !== undefined) return found;
	throw new LinuxError(
		"ERR_LINUX_NO_BINARY",
		`${packageName}: ${name} is missing. Tried: ${candidates.join(", ")}. ` +
			`Build it with a C compiler, make and python3: npx node-gyp rebuild --directory ${folder}`,
	);
}

/** The folder above `dist`; a bundle of this code has the right one put in. */
function packageRoot(): string {
	return join(import.meta.dirname, "..");
}

/** The libc that Node itself was made for: its file names the loader. (process.report would tell too, in 20 ms.) */
function libcName(): "glibc" | "musl" {
	const muslArch = { x64: "x86_64", arm64: "aarch64" }[process.arch as string] ?? process.arch;
	// Most machines have no loader of musl's. Debian with musl-tools and Alpine with gcompat have both.
	if (!existsSync(`/lib/ld-musl-${muslArch}.so.1`)) return "glibc";
	return isForMusl(process.execPath) ? "musl" : "glibc";
}

/** Whether an executable asks for musl's loader: PT_INTERP, elf(5), which linkers put behind the headers. */
export function isForMusl(file: string): boolean {
	const fd = openSync(file, "r");
	try {
		const head = Buffer.alloc(4096);
		return head.subarray(0, readSync(fd, head)).includes("/ld-musl-");
	} finally {
		closeSync(fd);
	}
}
