import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { executable, megabyte, Place } from "./place.ts";

interface Reply {
	readonly path: string;
	readonly name?: string;
	readonly node: { readonly major: number; readonly minor: number };
	readonly lvm?: object;
}

/** What device-mapper has of ours. */
function mappings(): string[] {
	const listed = execFileSync("dmsetup", ["ls"], { encoding: "utf8" });
	return listed.split("\n").filter((line) => line.startsWith("devhost-osbuild"));
}

function numberOf({ node: { major, minor } }: Reply): number {
	return (major << 8) + minor;
}

test("a volume on a container on a loop device, as osbuild opens them", async ({ expect }) => {
	const place = new Place();
	const image = place.image("disk.img", 64 * megabyte);
	const passphrase = "osbuild";
	const format = ["-q", "luksFormat", "--type", "luks2", "--pbkdf", "pbkdf2"];
	format.push("--pbkdf-force-iterations", "1000", image);
	execFileSync("cryptsetup", format, { input: passphrase });

	const loopback = await place.start([executable("loopback")], "device/disk");
	const loop = (await loopback.call("open", place.open({ filename: "disk.img" }))).reply as Reply;
	const luks = [executable("luks2")];
	const container = await place.start(luks, "device/luks");
	const wrong = await container.call("open", place.open({ passphrase: "other" }, loop.path));
	expect(wrong.value).toMatch(/^ERR_DEVICE_KEY: luks: /);
	expect(JSON.stringify(wrong)).not.toContain("other");
	const orphan = await container.call("open", place.open({ passphrase }, null));
	expect(orphan.value).toMatch(/^ERR_DEVICE_PARENT: /);
	expect(readdirSync(place.dev)).toEqual([loop.path]);

	const opened = await container.call("open", place.open({ passphrase }, loop.path));
	const crypt = opened.reply as Reply;
	expect(Object.keys(crypt)).toEqual(["path", "name", "node"]);
	expect(crypt.path).toBe(`mapper/${crypt.name}`);
	expect(lstatSync(join(place.dev, crypt.path)).rdev).toBe(numberOf(crypt));
	const node = join(place.dev, crypt.path);
	const folder = join(place.folder, "lvm");
	mkdirSync(folder);
	writeFileSync(
		join(folder, "lvm.conf"),
		"activation { udev_sync=0 udev_rules=0 monitoring=0 }\nbackup { backup=0 archive=0 }\n" +
			`global { use_lvmpolld=0 locking_dir="${folder}" }\n` +
			`devices { hints="none" scan="${place.dev}" dir="${place.dev}" }\n`,
	);
	const environment = { ...process.env, LVM_SYSTEM_DIR: folder, DM_DISABLE_UDEV: "1" };
	const lvm = (...argv: string[]) =>
		execFileSync("lvm", argv, { env: environment, stdio: "pipe" });
	lvm("vgcreate", "vg-1", node);
	lvm("lvcreate", "-an", "-Wn", "-Zn", "-L", "16M", "-n", "lv-root", "vg-1");

	const volume = await place.start([executable("lvm2")], "device/root");
	const missing = await volume.call("open", place.open({ volume: "other" }, crypt.path));
	expect(missing.value).toMatch(/^ERR_DEVICE_\w+: .*other/);
	const root = (await volume.call("open", place.open({ volume: "lv-root" }, crypt.path)))
		.reply as Reply;
	expect(root).toEqual({
		path: "vg-1/lv-root",
		node: root.node,
		lvm: { vg_name: "vg-1", lv_name: "lv-root" },
	});
	for (const path of [root.path, "mapper/vg--1-lv--root"]) {
		expect(lstatSync(join(place.dev, path)).rdev).toBe(numberOf(root));
	}
	writeFileSync(join(place.dev, root.path), "in the volume");
	expect(mappings()).toHaveLength(2);

	expect(await volume.call("close")).toMatchObject({ type: "reply", reply: null });
	expect(await volume.stop()).toMatchObject({ status: 0 });
	expect(await container.stop()).toMatchObject({ status: 0 });
	expect(await loopback.stop()).toMatchObject({ status: 0 });
	expect(mappings()).toEqual([]);
	// The lvm command of this test has made its `control` there.
	expect(readdirSync(place.dev, { recursive: true })).toEqual(["mapper", "mapper/control"]);

	// Killed: who keeps the mapping for it takes it down.
	const again = await place.start([executable("loopback")], "device/disk");
	const { path } = (await again.call("open", place.open({ filename: "disk.img" })))
		.reply as Reply;
	const victim = await place.start(luks, "device/luks");
	expect(await victim.call("open", place.open({ passphrase }, path))).toMatchObject({
		type: "reply",
	});
	await victim.signal(9);
	await victim.stop();
	await expect.poll(mappings, { timeout: 20_000 }).toEqual([]);
	expect(await again.stop()).toMatchObject({ status: 0 });
	expect(readFileSync(image).includes("in the volume")).toBe(false);
});
