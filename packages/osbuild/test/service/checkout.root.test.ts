import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { checkout, describeWithOsbuild, manage } from "./checkout.ts";
import { backingFile, executable, megabyte, mountsIn, Place } from "./place.ts";

const timeout = 120_000;

describeWithOsbuild("osbuild's own managers with ours", () => {
	test("open loop devices, mount what is on them, and close", { timeout }, ({ expect }) => {
		const place = new Place();
		const files = join(place.folder, "files");
		mkdirSync(join(files, "sub"), { recursive: true });
		const makers = {
			ext4: ["mkfs.ext4", "-q"],
			xfs: ["mkfs.xfs", "-q"],
			btrfs: ["mkfs.btrfs", "-q"],
		};
		const types = Object.keys(makers);
		for (const [type, [program = "", ...argv]] of Object.entries(makers)) {
			const image = place.image(`${type}.img`, 320 * megabyte);
			execFileSync(program, [...argv, image], { stdio: "pipe" });
		}
		const compressed = ["squashfs", "erofs"];
		execFileSync("mksquashfs", [files, join(place.tree, "squashfs.img")], { stdio: "pipe" });
		execFileSync("mkfs.erofs", [join(place.tree, "erofs.img"), files], { stdio: "pipe" });
		const disk = place.image("disk.img", 64 * megabyte);
		execFileSync("sfdisk", ["--quiet", disk], { input: "label: gpt\nsize=8MiB\nsize=16MiB\n" });
		execFileSync("mkfs.ext4", ["-q", "-E", "offset=9437184", disk, "16M"], { stdio: "pipe" });

		const loop = (name: string, options: object = {}) => ({
			name,
			type: "org.osbuild.loopback",
			options: { filename: `${name}.img`, ...options },
		});
		const mount = (name: string, target: string) => {
			return { name, type: `org.osbuild.${name}`, source: name, target };
		};
		const { devices, mounts, ran, log } = manage(place, {
			devices: [
				...[...types, ...compressed].map((type) => loop(type)),
				loop("disk", { partscan: true }),
			],
			mounts: [
				mount("ext4", "/"),
				mount("xfs", "/xfs"),
				mount("btrfs", "/btrfs/here"),
				mount("squashfs", "/squashfs"),
				mount("erofs", "/erofs"),
				{
					name: "second",
					type: "org.osbuild.ext4",
					source: "disk",
					partition: 2,
					target: "/second",
					options: { readonly: true },
				},
				{ name: "none", type: "org.osbuild.noop", source: "disk", target: "/none" },
				{
					name: "bind",
					type: "org.osbuild.bind",
					target: "tree://",
					options: { source: "mount://" },
				},
			],
			script:
				'ls "$2"; cd "$1"; echo text >file; echo text >xfs/file; echo text >btrfs/here/file; ' +
				'ls squashfs erofs; ! echo text >second/file; cat "$3/file"; ls -d none',
		});

		expect(ran.status, ran.output).toBe(0);
		expect(ran.output).toMatch(/sub[^]*sub[^]*Read-only file system\ntext\nnone\n$/);
		const { path } = devices["disk"] ?? { path: "" };
		expect(ran.output).toMatch(new RegExp(`${path}\n${path}p1\n${path}p2\n`));
		expect(mounts).toEqual({
			ext4: { path: "." },
			xfs: { path: "xfs" },
			btrfs: { path: "btrfs/here" },
			squashfs: { path: "squashfs" },
			erofs: { path: "erofs" },
			second: { path: "second" },
			none: { path: "none" },
			bind: {},
		});
		expect(log[0]).toMatch(/^device\/ext4 \(org\.osbuild\.loopback\): loop\d+ acquired/);
		expect(log.join("\n")).not.toContain("ERR_");
		expect(mountsIn(place.folder)).toEqual([]);
		expect(readdirSync(place.dev)).toEqual([]);
		for (const each of Object.values(devices))
			expect(backingFile(each.path) ?? "").not.toContain(place.tree);
	});

	const pytest = spawnSync("python3", ["-c", "import jsonschema, pytest"]).status === 0;
	const isRunnable = pytest && existsSync(join(checkout, "test/run"));
	const tests = ["test/run/test_devices.py", "test/run/test_mount.py"];

	test("pass osbuild's own tests", { timeout }, ({ expect, skip }) => {
		skip(!isRunnable, "impossible here: no pytest, or a checkout without tests");
		const place = new Place();
		const copy = join(place.folder, "osbuild");
		for (const folder of ["devices", "mounts", "osbuild", "schemas", "stages"])
			cpSync(join(checkout, folder), join(copy, folder), { recursive: true });
		for (const each of ["test/__init__.py", "test/conftest.py", "test/test.py", "test/run"])
			cpSync(join(checkout, each), join(copy, each), { recursive: true });
		const put = (target: string, path: string): void => {
			unlinkSync(join(copy, path));
			symlinkSync(executable(target), join(copy, path));
		};
		put("loopback", "devices/org.osbuild.loopback");
		for (const type of ["ext4", "fat"]) put("mount", `mounts/org.osbuild.${type}`);

		// What the kernel cannot mount, osbuild's own cannot either.
		const fat = spawnSync("grep", ["-qw", "vfat", "/proc/filesystems"]).status === 0;
		const deselect = fat ? [] : ["--deselect", "test/run/test_mount.py::test_without_options"];
		if (!fat) deselect.push("--deselect", "test/run/test_mount.py::test_all_options");
		const base = `--basetemp=${join(place.folder, "pytest")}`;
		const { status, stdout } = spawnSync(
			"python3",
			["-m", "pytest", "-q", "-p", "no:cacheprovider", base, ...deselect, ...tests],
			{ cwd: copy, encoding: "utf8" },
		);

		expect(status, stdout).toBe(0);
		expect(stdout).toMatch(fat ? /\n4 passed/ : /\n2 passed, 2 deselected/);
		expect(mountsIn(place.folder)).toEqual([]);
	});
});
