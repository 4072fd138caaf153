import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkManifestFile, type CheckFileOptions } from "../src/check.ts";
import { formatProblem } from "../src/problem.ts";

/** A folder with manifests, a tree and files in it, for one test. */
export class ManifestFolder implements Disposable {
	readonly path: string = mkdtempSync(join(tmpdir(), "devhost-manifest-"));

	constructor() {
		mkdirSync(join(this.path, "tree"));
		this.file("tree/disk.img", 64 * 1024 * 1024);
	}

	/** Writes a file with this text, or of this many zero bytes. Returns its path. */
	file(name: string, content: string | number): string {
		const path = join(this.path, name);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, typeof content === "string" ? content : "");
		if (typeof content === "number") truncateSync(path, content);
		return path;
	}

	/** What `check` says of a manifest, as people read it, without the folder's name. */
	async check(
		text: string,
		options: CheckFileOptions & { name?: string } = {},
	): Promise<string[]> {
		const { name = "manifest.yaml", ...rest } = options;
		const problems = await checkManifestFile(this.file(name, text), rest);
		return problems.map((problem) =>
			formatProblem(problem).replaceAll(`${this.path}/`, "").replaceAll(this.path, "."),
		);
	}

	[Symbol.dispose](): void {
		rmSync(this.path, { recursive: true, force: true });
	}
}

/** A manifest around devices, stages or both, in YAML. */
export function manifestWith({
	devices = "{}",
	stages = "[{ name: only, run: [ls] }]",
}: {
	readonly devices?: string;
	readonly stages?: string;
}): string {
	return `version: 1\ntree: tree\ndevices: ${devices}\nstages: ${stages}\n`;
}

/** The example of the documentation. */
export const exampleYaml = `version: 1
tree: ./tree                # device file names are beneath it; relative to the manifest
devices:                    # shared: opened before the first stage that uses them, closed after the last
  root:
    type: devhost.loopback  # or org.osbuild.loopback
    options: { filename: disk.img, start: 2048, size: 40960 }
stages:
  - name: partition
    uses: []                # shared devices of this stage; without it, all of them
    devices:                # of this stage alone
      disk: { type: devhost.loopback, options: { filename: disk.img } }
    run: [sfdisk, "{devices.disk}"]
    stdin: "label: gpt\\nstart=2048, size=40960, type=linux\\n"
  - name: format
    run: [mkfs.ext4, -q, "{devices.root}"]
    environment: { E2FSPROGS_FAKE_TIME: "1" }
    timeout: 60             # seconds, wall clock
`;

/** The same in JSON, with what JSON alone does not allow: comments, and commas after the last item. */
export const exampleJson = `// The example.
{
	"version": 1,
	"tree": "./tree",
	"devices": {
		/* shared */
		"root": {
			"type": "devhost.loopback",
			"options": { "filename": "disk.img", "start": 2048, "size": 40960 },
		},
	},
	"stages": [
		{
			"name": "partition",
			"uses": [],
			"devices": { "disk": { "type": "devhost.loopback", "options": { "filename": "disk.img" } } },
			"run": ["sfdisk", "{devices.disk}"],
			"stdin": "label: gpt\\nstart=2048, size=40960, type=linux\\n",
		},
		{
			"name": "format",
			"run": ["mkfs.ext4", "-q", "{devices.root}"],
			"environment": { "E2FSPROGS_FAKE_TIME": "1" },
			"timeout": 60, // seconds
		},
	],
}
`;
