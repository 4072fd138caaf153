import { execFileSync } from "node:child_process";
import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OsbuildHost } from "@devhost/tools/testing";
import { onTestFinished } from "vitest";

export const megabyte: number = 2 ** 20;

/** An executable of this package. */
export function executable(name: string): string {
	return new URL(`../../dist/devhost-${name}.cjs`, import.meta.url).pathname;
}

/** What osbuild's host has: a directory of devices, one of files, one of mounts. */
export class Place {
	readonly folder: string = mkdtempSync(join(tmpdir(), "devhost-osbuild-"));
	readonly dev: string = join(this.folder, "dev");
	readonly tree: string = join(this.folder, "tree");
	/** Nobody has made it yet. */
	readonly root: string = join(this.folder, "mounts");

	constructor() {
		// As on a machine with systemd: who makes a mount namespace meanwhile, in another test, keeps no copy of what is unmounted here.
		execFileSync("mount", ["--bind", this.folder, this.folder]);
		// Apart from the machine's, where that is shared itself.
		execFileSync("mount", ["--make-private", this.folder]);
		execFileSync("mount", ["--make-shared", this.folder]);
		for (const path of [this.dev, this.tree]) mkdirSync(path);
		// As osbuild does: temporary files may be where no device can be opened.
		execFileSync("mount", ["-t", "tmpfs", "-o", "nosuid", "none", this.dev]);
		onTestFinished(() => {
			execFileSync("umount", ["--lazy", this.dev]);
			execFileSync("umount", [this.folder]);
			rmSync(this.folder, { recursive: true });
		});
	}

	/** A file of zeroes in the tree. */
	image(name: string, sizeBytes: number): string {
		const path = join(this.tree, name);
		writeFileSync(path, "");
		truncateSync(path, sizeBytes);
		return path;
	}

	/** A started service, which ends with the test. */
	async start(
		program: readonly string[],
		id: string,
		environment: Record<string, string> = {},
	): Promise<OsbuildHost> {
		const host = new OsbuildHost(program);
		onTestFinished(() => host[Symbol.asyncDispose]());
		await host.start({ id, environment });
		return host;
	}

	/** The arguments of `open`. */
	open(options: object | null, parent: string | null = null): object {
		return { dev: this.dev, tree: this.tree, parent, options };
	}

	/** The arguments of `mount`. */
	mount(source: string | null, target: string, options: object = {}): object {
		const { tree, root } = this;
		return { source, target, root, tree, options };
	}
}

/** The file that a loop device of the machine shows; undefined when it shows none. */
export function backingFile(loop: string): string | undefined {
	try {
		return readFileSync(`/sys/block/${loop}/loop/backing_file`, "utf8").trimEnd();
	} catch {
		return undefined;
	}
}

/** The loop devices of the machine that show a file. */
export function loopsOf(file: string): string[] {
	return readdirSync("/sys/block").filter((name) => backingFile(name) === file);
}

/** A number that sysfs has. */
export function sysfsNumber(path: string): number {
	return Number(readFileSync(`/sys/block/${path}`, "utf8"));
}

/** The mounts beneath a folder, but those that every {@link Place} has: `source target type options` of each. */
export function mountsIn(folder: string): string[] {
	return readFileSync("/proc/self/mounts", "utf8")
		.split("\n")
		.filter((line) => {
			const [, target = ""] = line.split(" ");
			return target.startsWith(folder) && !/\/devhost-osbuild-\w+(\/dev)?$/.test(target);
		});
}
