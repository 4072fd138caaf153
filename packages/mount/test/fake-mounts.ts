import type { Handle } from "@devhost/core";
import type { StepControl } from "@devhost/core/testing";
import { SysError } from "@devhost/linux";
import type { Lent, MountSys } from "../src/mount-sys.ts";

/** A kernel of mounts that can fail at every step, and what it holds. */
export interface FakeMounts {
	readonly sys: MountSys;
	/** Where something is mounted: `/root/boot`. */
	mounted(): readonly string[];
	/** Everything that is open, mounted or made. */
	leftovers(): readonly string[];
}

const ENOENT = 2;

/** @param control - Asked at every step. */
export function fakeMounts({ step }: Pick<StepControl, "step">): FakeMounts {
	const open = new Map<number, string>();
	const directories = new Set<string>();
	const mounts = new Map<number, { path: string; device: string }>();
	let isEverMounted = false;
	let last = 100;
	let now = 0;

	const handle = (what: string): Handle => {
		const fd = ++last;
		open.set(fd, what);
		const close = (): void => void open.delete(fd);
		return {
			fd,
			take() {
				close();
				return fd;
			},
			close,
			closeAsync: async () => close(),
			[Symbol.dispose]: close,
			[Symbol.asyncDispose]: async () => close(),
		};
	};
	const what = (fd: Lent): string => open.get(typeof fd === "number" ? fd : fd.fd) ?? "nothing";
	const entry = (fd: Lent, name: string): string =>
		name === "." ? what(fd) : `${what(fd)}/${name}`;

	const sys: MountSys = {
		nowMs: () => now,
		async delay(waitMs) {
			now += waitMs;
		},
		openDirectory(path) {
			step("openDirectory");
			return handle(path);
		},
		openEntry(directory, name) {
			const path = entry(directory, name);
			if (name !== "." && !directories.has(path)) throw new SysError("openat2", ENOENT, name);
			step("openEntry");
			return handle(path);
		},
		openBeneath(directory, path) {
			step("openBeneath");
			return handle(entry(directory, path));
		},
		openHere() {
			step("openHere");
			return handle("/tree");
		},
		makeDirectory(directory, name) {
			step("makeDirectory");
			directories.add(entry(directory, name));
		},
		removeDirectory(directory, name) {
			directories.delete(entry(directory, name));
			step("removeDirectory");
		},
		openSource(_, path) {
			step("openSource");
			const node = { major: 7, minor: 3 };
			return { handle: handle(path), path: `/dev/${path}`, node, readOnly: false };
		},
		readSource(_, __, lengthBytes) {
			step("readSource");
			return new Uint8Array(lengthBytes);
		},
		isClaimed() {
			step("isClaimed");
			return mounts.size > 0;
		},
		async create({ type }) {
			step("create");
			return handle(`detached ${type}`);
		},
		clone() {
			step("clone");
			return handle("detached bind");
		},
		setAttributes: () => step("setAttributes"),
		move(mount, directory) {
			step("move");
			isEverMounted = true;
			const found = [...open].find(([, text]) => text === `root of ${what(mount)}`);
			mounts.set(found?.[0] ?? 0, { path: what(directory), device: "7:3" });
		},
		openRoot(mount) {
			step("openRoot");
			return handle(`root of ${what(mount)}`);
		},
		mountIdOf(fd) {
			step("mountIdOf");
			return typeof fd === "number" ? fd : fd.fd;
		},
		mountIdAt: (path) => [...mounts].findLast(([, mount]) => mount.path === path)?.[0],
		fileSystemOf() {
			step("fileSystemOf");
			return { major: 7, minor: 3 };
		},
		mounts() {
			step("mounts");
			return [...mounts].map(([id, { path, device }]) => {
				return {
					id,
					parentId: 1,
					device,
					target: path,
					type: "ext4",
					source: "/dev/loop3",
				};
			});
		},
		async sync() {
			step("sync");
		},
		async unmount(path) {
			for (const [id, mount] of mounts) if (mount.path === path) mounts.delete(id);
			step("unmount");
		},
		fileSystemHolders: async () => [],
		holders: async () => [],
		followKernelLog: () => ({ read: () => [], [Symbol.dispose]() {} }),
		async probe() {
			step("probe");
			return { kind: "found", tags: new Map([["TYPE", "ext4"]]) };
		},
	};
	return {
		sys,
		mounted: () => [...mounts.values()].map(({ path }) => path),
		leftovers: () => [
			...[...open].map(([fd, text]) => `descriptor ${fd}, ${text}`),
			...[...mounts.values()].map(({ path }) => `a mount at ${path}`),
			// Those in which something was mounted are part of the image.
			...(isEverMounted ? [] : directories),
		],
	};
}
