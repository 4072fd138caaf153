import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { devhost, killStarted, Project } from "./devhost.ts";
import { boundLoops, processesIn } from "./leftovers.ts";

const examples = new URL("../../../examples", import.meta.url).pathname;

let project: Project;
beforeEach(() => void (project = new Project()));
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** Copies an example to where it can make files; returns the folder. */
function copyOf(name: string): string {
	cpSync(join(examples, name), project.folder, {
		recursive: true,
		filter: (source) => !source.endsWith(".img"),
	});
	return project.folder;
}

/** Those with devices that this kernel may not have are in a guest there, which takes a while. */
const timeout = 240_000;

describeAsRoot("examples", () => {
	test("are all tried here", ({ expect }) => {
		const folders = readdirSync(examples, { withFileTypes: true })
			.filter((entry) => entry.isDirectory())
			.map(({ name }) => name);

		expect(folders.toSorted()).toEqual([
			"encrypted-disk",
			"library",
			"partitioned-disk",
			"two-disks",
		]);
	});

	test(
		"an encrypted disk is made, opened again, and holds every file",
		{ timeout },
		async ({ expect }) => {
			const folder = copyOf("encrypted-disk");
			const options = {
				env: { PASSPHRASE: "correct horse", PATH: process.env["PATH"] ?? "" },
			};

			const made = await devhost(["run", join(folder, "manifest.yaml")], options);
			const readBack = await devhost(["run", join(folder, "read-back.yaml")], options);

			expect(made).toMatchObject({ code: 0, stderr: "" });
			expect(readBack).toMatchObject({ code: 0, stderr: "" });
			const found = readFileSync(join(folder, "tree", "found.sha256"), "utf8");
			expect(found.match(/\.\/etc\/\w+/g)).toEqual(["./etc/fstab", "./etc/hostname"]);
			expect(boundLoops(folder)).toEqual([]);
			expect(processesIn(folder)).toEqual([]);
		},
	);

	test("a volume is striped over two disks", { timeout }, async ({ expect }) => {
		const folder = copyOf("two-disks");

		const result = await devhost(["run", join(folder, "manifest.yaml")]);

		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(boundLoops(folder)).toEqual([]);
	});

	test("a partitioned disk is made", { timeout }, async ({ expect }) => {
		const folder = copyOf("partitioned-disk");
		mkdirSync(join(folder, "tree", "esp", "docs"), { recursive: true });
		mkdirSync(join(folder, "tree", "root"));
		cpSync(join(examples, "README.md"), join(folder, "tree", "esp", "LICENSE"));

		const result = await devhost(["run", join(folder, "manifest.yaml")]);

		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(
			execFileSync("sfdisk", ["--json", join(folder, "tree", "disk.img")], {
				encoding: "utf8",
			}),
		).toContain('"name": "root"');
	});

	test("a program opens devices by the library", { timeout }, ({ expect }) => {
		const image = join(project.folder, "disk.img");
		const program = join(examples, "library", "format-image.ts");

		const said = execFileSync(process.execPath, [program, image], { encoding: "utf8" });

		expect(said).toContain("from byte 1048576 on");
		expect(readFileSync(image).readUInt16LE(1024 * 1024 + 1024 + 56)).toBe(0xef53);
		expect(boundLoops(project.folder)).toEqual([]);
	});
});
