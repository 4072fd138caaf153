import { spawnSync } from "node:child_process";
import {
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describeAsRoot, type FencedBlock, fencedBlocks } from "@devhost/tools/testing";
import { onTestFinished, test } from "vitest";
import { checkout } from "./service/checkout.ts";
import { loopsOf } from "./service/place.ts";

const document = new URL("../../../docs/coming-from-osbuild.md", import.meta.url).pathname;
const devhost = new URL("../../../node_modules/.bin/devhost", import.meta.url).pathname;
const dist = new URL("../dist", import.meta.url).pathname;

/** A folder with the files of the document, in which its commands are run. */
class Reader {
	readonly folder: string = mkdtempSync(join(tmpdir(), "devhost-coming-"));
	readonly #environment: NodeJS.ProcessEnv;

	/** @param osbuild - The directory of osbuild's modules, or one that stands in for it. */
	constructor(osbuild: string) {
		onTestFinished(() => rmSync(this.folder, { recursive: true }));
		const bin = join(this.folder, "bin");
		mkdirSync(bin);
		symlinkSync(devhost, join(bin, "devhost"));
		symlinkSync(process.execPath, join(bin, "node"));
		for (const name of ["devhost-loopback", "devhost-mount"])
			symlinkSync(join(dist, `${name}.cjs`), join(bin, name));
		// As it is installed.
		const command = `#!/bin/sh\nexec python3 -m osbuild --libdir "$OSBUILD" "$@"\n`;
		writeFileSync(join(bin, "osbuild"), command, { mode: 0o755 });
		this.#environment = {
			...process.env,
			PATH: `${bin}:${process.env["PATH"]}`,
			PYTHONPATH: osbuild,
			OSBUILD: osbuild,
		};
		for (const block of blocks) {
			const [, name] = /^file: (\S+)$/.exec(block.directive ?? "") ?? [];
			if (name !== undefined) writeFileSync(join(this.folder, name), `${block.text}\n`);
		}
	}

	/** Runs a block. Returns its exit status, and all that it printed. */
	run({ text }: FencedBlock): { readonly status: number | null; readonly output: string } {
		const { status, stdout, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", text], {
			cwd: this.folder,
			env: this.#environment,
			encoding: "utf8",
		});
		return { status, output: `${text}\n${stdout}${stderr}` };
	}

	/** What an image has. */
	image(path: string): Image {
		const file = join(this.folder, path);
		const print = (program: string, ...argv: string[]): string =>
			spawnSync(program, argv, { encoding: "utf8" }).stdout;
		const table = print("sfdisk", "--dump", file).replaceAll(file, "disk.img");
		// debugfs takes no offset: the file system by itself.
		const root = join(this.folder, "root.img");
		const range = ["bs=512", "skip=18432", "count=98304"];
		spawnSync("dd", [`if=${file}`, `of=${root}`, ...range], { stdio: "ignore" });
		return {
			table,
			label: print("e2label", root).trim(),
			fstab: print("debugfs", "-R", "cat /etc/fstab", root),
			isClean: spawnSync("e2fsck", ["-f", "-n", root]).status === 0,
		};
	}
}

interface Image {
	readonly table: string;
	readonly label: string;
	readonly fstab: string;
	readonly isClean: boolean;
}

const blocks = fencedBlocks(document, readFileSync(document, "utf8"));
const commands = (who: string): FencedBlock[] =>
	blocks.filter(
		({ directive }) => directive?.startsWith("run by ") && directive.endsWith(`: ${who}`),
	);

/** Stages of ours under osbuild's names, and a device. */
function standIn(): string {
	const folder = mkdtempSync(join(tmpdir(), "devhost-library-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	cpSync(join(import.meta.dirname, "fixtures/library"), folder, { recursive: true });
	// A program that speaks as osbuild's does.
	const device = join(folder, "devices/org.osbuild.loopback");
	mkdirSync(dirname(device));
	const program = join(dist, "devhost-loopback.cjs");
	writeFileSync(device, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
	chmodSync(device, 0o755);
	const schema = { required: ["filename"], properties: { filename: { type: "string" } } };
	const meta = { summary: "Stands in for osbuild's", description: ["For tests."], schema };
	writeFileSync(`${device}.meta.json`, JSON.stringify(meta));
	// It is found outside of this folder, too.
	chmodSync(folder, 0o755);
	return folder;
}

const timeout = 240_000;
const wanted = {
	label: "root",
	fstab: "UUID=0c0ffee0-0000-4000-8000-000000000004\t/\text4\tdefaults\t0\t0\n",
	isClean: true,
};

describeAsRoot("docs/coming-from-osbuild.md", () => {
	test("has commands of both", ({ expect }) => {
		expect(commands("osbuild")).toHaveLength(2);
		expect(commands("devhost")).toHaveLength(4);
	});

	test("devhost's part, with stages that stand in for osbuild's", { timeout }, ({ expect }) => {
		const reader = new Reader(standIn());

		for (const block of commands("devhost")) {
			const { status, output } = reader.run(block);
			expect(status, output).toBe(0);
		}

		const theirs = reader.image("image/disk.img");
		expect(theirs).toMatchObject(wanted);
		expect(theirs.table).toMatch(/disk\.img2 : start= +18432, size= +98304, .*name="root"/);
		expect(reader.image("tree/disk.img")).toEqual(theirs);
		expect(loopsOf(join(reader.folder, "tree/disk.img"))).toEqual([]);
	});

	test("both parts, and they make the same", { timeout }, ({ expect, skip }) => {
		skip(checkout === "", "impossible here: no OSBUILD_CHECKOUT");
		const needs = ["/etc/containers", "/usr/bin/systemd-sysusers", "/usr/bin/systemd-tmpfiles"];
		const missing = needs.filter((path) => !existsSync(path));
		skip(missing.length > 0, `impossible here: osbuild needs ${missing.join(", ")}`);
		const reader = new Reader(checkout);

		for (const block of [...commands("osbuild"), ...commands("devhost")]) {
			const { status, output } = reader.run(block);
			expect(status, output).toBe(0);
		}

		const made = reader.image("out/image/disk.img");
		expect(made).toMatchObject(wanted);
		expect(reader.image("out-1/image/disk.img")).toEqual(made);
		expect(reader.image("image/disk.img")).toEqual(made);
		expect(reader.image("tree/disk.img")).toEqual(made);
	});
});
