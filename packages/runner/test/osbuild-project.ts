import { chmodSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Project } from "./devhost.ts";

/** A directory of osbuild's modules, made for tests: stages in Python, and what they import. */
export const testLibdir: string = new URL("fixtures/osbuild", import.meta.url).pathname;

/** A folder with a manifest of osbuild and a tree. */
export class OsbuildProject extends Project {
	readonly tree: string = join(this.folder, "tree");

	constructor() {
		super();
		mkdirSync(this.tree);
	}

	/** Writes a manifest with one pipeline, `image`, of these stages. Returns its path. */
	stages(...stages: readonly object[]): string {
		return this.pipelines({ name: "image", stages });
	}

	/** Writes a manifest. Returns its path. */
	pipelines(...pipelines: readonly object[]): string {
		return this.write("osbuild.json", JSON.stringify({ version: "2", pipelines }));
	}

	/** Makes a sparse file in the tree. */
	disk(bytes: number = 8 << 20, name = "disk.img"): string {
		const file = join(this.tree, name);
		writeFileSync(file, "");
		truncateSync(file, bytes);
		return file;
	}

	/** What a stage wrote into a file of the tree. */
	written(name: string): unknown {
		return JSON.parse(readFileSync(join(this.tree, name), "utf8"));
	}

	/** Writes a module into a directory of modules of this project's own: `stages/org.test.x`. Returns that directory. */
	module(path: string, content: string, mode = 0o755): string {
		const libdir = join(this.folder, "lib");
		const file = join(libdir, path);
		mkdirSync(dirname(file), { recursive: true });
		writeFileSync(file, content);
		chmodSync(file, mode);
		return libdir;
	}
}

/** A loop device as osbuild's manifests have it. */
export function osbuildLoop(options: object = {}): object {
	return { type: "org.osbuild.loopback", options: { filename: "disk.img", ...options } };
}
