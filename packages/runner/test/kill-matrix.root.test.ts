import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { describeAsRoot } from "@devhost/tools/testing";
import { Project } from "./devhost.ts";
import { describeMatrix, hasHit, KillPoints } from "./kill-matrix/kill-matrix.ts";

/** Every step once takes half a minute; all victims and signals for each (`DEVHOST_KILL_MATRIX=full`) take minutes. */
const timeoutMs = process.env["DEVHOST_KILL_MATRIX"] === "full" ? 3_600_000 : 180_000;

describeAsRoot("whatever is killed after whichever step of a run", () => {
	let points: KillPoints;
	beforeAll(() => void (points = new KillPoints()));
	afterAll(() => points[Symbol.dispose]());

	test(
		"nothing is left of a loop device a second later",
		{ timeout: timeoutMs },
		async ({ annotate, expect }) => {
			using project = new Project();
			project.image("disk.img");
			const manifest = project.manifest({
				devices: { disk: { type: "devhost.loopback", options: { filename: "disk.img" } } },
				stages: [{ name: "write", run: ["sh", "-c", "echo written > {devices.disk}"] }],
			});
			const args = ["run", "--backend=native", manifest];

			const result = await points.matrix({ folder: project.folder, args });

			await annotate(describeMatrix(result));
			expect(result.failures).toEqual([]);
			expect(result.steps.length).toBeGreaterThanOrEqual(40);
			expect(hasHit(result)).toBe(true);
		},
	);

	test(
		"nothing is left of file systems that are mounted, one in the other",
		{ timeout: timeoutMs },
		async ({ annotate, expect }) => {
			using project = new Project();
			for (const name of ["root.img", "boot.img"]) {
				const image = project.image(name, 8 * 2 ** 20);
				execFileSync("mkfs.ext4", ["-q", image], { env: { PATH: "/usr/sbin:/usr/bin" } });
			}
			const loop = (filename: string): object => {
				return { type: "devhost.loopback", options: { filename } };
			};
			const manifest = project.manifest({
				devices: { root: loop("root.img"), boot: loop("boot.img") },
				mounts: {
					"root-fs": { type: "ext4", source: "root", target: "/" },
					"boot-fs": { type: "ext4", source: "boot", target: "/boot" },
				},
				stages: [
					{ name: "write", uses: ["boot-fs"], run: ["touch", "{mounts.boot-fs}/file"] },
				],
			});
			const args = ["run", "--backend=native", manifest];

			const result = await points.matrix(
				{ folder: project.folder, args },
				// Of half a second each.
				{ every: 8, first: 3 },
			);

			await annotate(describeMatrix(result));
			expect(result.failures).toEqual([]);
			expect(result.steps.length).toBeGreaterThanOrEqual(40);
			expect(hasHit(result)).toBe(true);
		},
	);

	test(
		"nothing is left of partitions by label, and of a file system on one",
		{ timeout: timeoutMs },
		async ({ annotate, expect }) => {
			using project = new Project();
			const [disk, root] = [
				project.image("disk.img", 16 * 2 ** 20),
				project.image("root.img", 8 * 2 ** 20),
			];
			const env = { PATH: "/usr/sbin:/usr/bin" };
			execFileSync("mkfs.ext4", ["-q", root], { env });
			execFileSync("sfdisk", ["--quiet", disk], {
				env,
				input: 'label: gpt\nstart=2048, size=2048, name="boot"\nstart=4096, size=16384, name="root"\n',
			});
			execFileSync("dd", [
				`if=${root}`,
				`of=${disk}`,
				"bs=1M",
				"seek=2",
				"conv=notrunc,sparse",
				"status=none",
			]);
			const partition = (label: string): object => {
				return { type: "devhost.partition", parent: "disk", options: { label } };
			};
			const manifest = project.manifest({
				devices: {
					disk: { type: "devhost.loopback", options: { filename: "disk.img" } },
					boot: partition("boot"),
					root: partition("root"),
				},
				mounts: { "root-fs": { type: "ext4", source: "root", target: "/" } },
				stages: [
					{
						name: "write",
						run: ["sh", "-c", "touch {mounts.root-fs}/file; echo > {devices.boot}"],
					},
				],
			});
			const args = ["run", "--backend=native", manifest];

			const result = await points.matrix(
				{ folder: project.folder, args },
				// Of half a second each.
				{ every: 8, first: 5 },
			);

			await annotate(describeMatrix(result));
			expect(result.failures).toEqual([]);
			expect(result.steps.length).toBeGreaterThanOrEqual(60);
			expect(hasHit(result)).toBe(true);
		},
	);

	test(
		"nothing is left of a program that hosts one by the library",
		{ timeout: timeoutMs },
		async ({ annotate, expect }) => {
			using project = new Project();
			project.image("disk.img");
			const file = join(import.meta.dirname, "fixtures", "host-of-loop.mjs");

			const result = await points.matrix({ folder: project.folder, file, args: [] });

			await annotate(describeMatrix(result));
			expect(result.failures).toEqual([]);
			expect(result.steps.length).toBeGreaterThanOrEqual(40);
			expect(hasHit(result)).toBe(true);
		},
	);
});
