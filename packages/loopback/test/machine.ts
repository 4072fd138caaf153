import { execFileSync } from "node:child_process";
import {
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detachedMount, type Fd } from "@devhost/linux";

/** A folder of a test, gone after it. Everything that is mounted in it is unmounted first. */
export class Folder implements Disposable {
	readonly path: string = mkdtempSync(join(tmpdir(), "devhost-loopback-"));

	/** Makes a file: sparse, or with content. */
	file(name: string, content: number | Uint8Array): string {
		const path = join(this.path, name);
		writeFileSync(path, typeof content === "number" ? "" : content);
		if (typeof content === "number") truncateSync(path, content);
		return path;
	}

	/** Loop devices that are bound to a file in this folder: `loop3`. Those of others are not looked at. */
	boundLoops(): string[] {
		return readdirSync("/sys/block").filter((name) =>
			attribute(`/sys/block/${name}/loop/backing_file`).startsWith(`${this.path}/`),
		);
	}

	[Symbol.dispose](): void {
		const mounts = readFileSync("/proc/self/mounts", "utf8")
			.split("\n")
			.map((line) => line.split(" ")[1] ?? "")
			.filter((target) => target.startsWith(`${this.path}/`));
		for (const target of mounts) execFileSync("umount", ["--lazy", target]);
		rmSync(this.path, { recursive: true });
	}
}

/** A directory for device nodes that appears nowhere, with its path for this process. */
export function deviceDirectory(): Disposable & { readonly fd: Fd; readonly path: string } {
	const fd = detachedMount("tmpfs", { mode: "0755" });
	return { fd, path: `/proc/${process.pid}/fd/${fd.fd}`, [Symbol.dispose]: () => fd.close() };
}

/** A text of sysfs; empty when there is none, or not any more. */
export function attribute(path: string): string {
	try {
		return readFileSync(path, "utf8").trimEnd();
	} catch {
		return "";
	}
}

/** Descriptors that this process has open: what they lead to. */
export function openDescriptors(): string[] {
	return readdirSync("/proc/self/fd").flatMap((fd) => {
		try {
			return [readlinkSync(`/proc/self/fd/${fd}`)];
		} catch {
			return []; // the one by which the directory was read
		}
	});
}

/** Looks every few milliseconds until it is so. */
export async function until(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
	const endMs = performance.now() + timeoutMs;
	while (!isSo()) {
		if (performance.now() > endMs) return false;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	return true;
}

/** Bytes that no other call returns. */
export function pattern(sizeBytes: number, seed: number): Uint8Array {
	const bytes = new Uint8Array(sizeBytes);
	let state = seed * 2654435761 + 1;
	for (let i = 0; i < sizeBytes; i++) {
		state = (Math.imul(state, 1103515245) + 12345) >>> 0;
		bytes[i] = state >>> 24;
	}
	return bytes;
}
