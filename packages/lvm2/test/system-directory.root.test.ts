import { execFileSync, spawnSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeAsRoot, descriptorCount } from "@devhost/tools/testing";
import { test } from "vitest";
import { lvmConfiguration, makeSystemDirectory } from "../src/system-directory.ts";

describeAsRoot("the lvm tools' directory", () => {
	test("is gone with its descriptor, and has nodes of the devices and no others", ({
		expect,
	}) => {
		const before = descriptorCount();
		const directory = makeSystemDirectory([
			{ major: 7, minor: 1000 },
			{ major: 254, minor: 3 },
		]);

		const nodes = readdirSync(join(directory.path, "dev")).toSorted();
		const [first, second] = directory.devicePaths.map((path) => statSync(path).rdev);
		directory[Symbol.dispose]();

		expect(nodes).toEqual(["mapper", "pv0", "pv1"]);
		expect(first).toBe(((1000 & ~0xff) << 12) | (7 << 8) | (1000 & 0xff));
		expect(second).toBe((254 << 8) | 3);
		expect(descriptorCount()).toBe(before);
		expect(existsSync(join(directory.path, "lvm.conf"))).toBe(false);
	});

	test("has settings that the tools know, each of them", ({ expect }) => {
		const folder = mkdtempSync(join(tmpdir(), "devhost-lvm2-"));
		try {
			for (const name of ["dev", "lock"]) mkdirSync(join(folder, name));
			writeFileSync(join(folder, "lvm.conf"), lvmConfiguration(folder));
			const environment = {
				...process.env,
				LVM_SYSTEM_DIR: folder,
				LVM_SUPPRESS_FD_WARNINGS: "1",
			};

			const { stdout, stderr, status } = spawnSync("lvm", ["lvmconfig", "--validate"], {
				encoding: "utf8",
				env: environment,
			});
			const shown = execFileSync("lvm", ["lvmconfig", "global/locking_dir"], {
				encoding: "utf8",
				env: environment,
			});

			expect([stdout, stderr, status]).toEqual(["  LVM configuration valid.\n", "", 0]);
			expect(shown.trim()).toBe(`locking_dir="${folder}/lock"`);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});
