import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { describeWithOsbuild, manage } from "./checkout.ts";
import { megabyte, mountsIn, Place } from "./place.ts";

describeWithOsbuild("osbuild's own managers with ours, in a guest", () => {
	test(
		"open a volume on a container on a partition, mount it, and close",
		{ timeout: 240_000 },
		({ expect }) => {
			const place = new Place();
			const disk = place.image("disk.img", 128 * megabyte);
			execFileSync("sfdisk", ["--quiet", disk], {
				input: "label: gpt\nsize=8MiB\nsize=100MiB\n",
			});
			const passphrase = "osbuild";
			const format = ["-q", "luksFormat", "--type", "luks2", "--pbkdf", "pbkdf2"];
			format.push("--pbkdf-force-iterations", "1000");
			const folder = join(place.folder, "lvm");
			mkdirSync(folder);
			writeFileSync(
				join(folder, "lvm.conf"),
				"activation { udev_sync=0 udev_rules=0 monitoring=0 }\nbackup { backup=0 archive=0 }\n" +
					`global { use_lvmpolld=0 locking_dir="${folder}" }\n` +
					`devices { hints="none" scan="${place.dev}" dir="${place.dev}" }\n`,
			);
			const loop = (name: string, options: object = {}) => {
				return {
					name,
					type: "org.osbuild.loopback",
					options: { filename: "disk.img", ...options },
				};
			};
			// What partition 2 is: 100 MiB from 9 MiB on.
			const slice = loop("slice", { start: 18_432, size: 204_800, lock: true });
			const luks = (parent: string) => {
				return { name: "luks", type: "org.osbuild.luks2", parent, options: { passphrase } };
			};
			const options = { volume: "lv-root" };

			const formatted = manage(place, {
				devices: [slice],
				script: `printf ${passphrase} | cryptsetup ${format.join(" ")} "$2/$(ls "$2")"`,
			});
			expect(formatted.ran.status, formatted.ran.output).toBe(0);
			const made = manage(place, {
				devices: [slice, luks("slice")],
				script:
					`export LVM_SYSTEM_DIR="${folder}" DM_DISABLE_UDEV=1\n` +
					'cd "$2/mapper"; lvm vgcreate vg-1 "$2/mapper/$(ls | grep -v control)"; ' +
					"lvm lvcreate -an -Wn -Zn -L 64M -n lv-root vg-1; rm -f control",
			});
			expect(made.ran.status, made.ran.output).toBe(0);
			const { devices, mounts, ran, log } = manage(place, {
				devices: [
					slice,
					luks("slice"),
					{ name: "root", type: "org.osbuild.lvm2.lv", parent: "luks", options },
				],
				script: 'mkfs.ext4 -q "$2/vg-1/lv-root"; ls "$2" "$2/mapper"',
			});

			expect(ran.status, ran.output).toBe(0);
			expect(devices["root"]).toMatchObject({
				path: "vg-1/lv-root",
				lvm: { vg_name: "vg-1", lv_name: "lv-root" },
			});
			expect(mounts).toEqual({});
			expect(ran.output).toContain("vg--1-lv--root");

			const mounted = manage(place, {
				devices: [
					slice,
					luks("slice"),
					{ name: "root", type: "org.osbuild.lvm2.lv", parent: "luks", options },
				],
				mounts: [{ name: "root", type: "org.osbuild.ext4", source: "root", target: "/" }],
				script: 'echo text >"$1/file"; grep " $1 " /proc/self/mounts',
			});
			expect(mounted.ran.status, mounted.ran.output).toBe(0);
			expect(mounted.mounts).toEqual({ root: { path: "." } });

			expect([...log, ...mounted.log].join("\n")).not.toMatch(/ERR_|osbuild$/m);
			expect(mountsIn(place.folder)).toEqual([]);
			expect(readdirSync(place.dev)).toEqual([]);
			expect(execFileSync("dmsetup", ["ls"], { encoding: "utf8" })).not.toContain("devhost");
		},
	);
});
