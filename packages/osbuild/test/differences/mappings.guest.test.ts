import { execFileSync } from "node:child_process";
import {
	closeSync,
	copyFileSync,
	existsSync,
	lstatSync,
	mkdirSync,
	openSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { OsbuildHost } from "@devhost/tools/testing";
import { describe } from "vitest";
import { executable, megabyte, type Place } from "../service/place.ts";
import { difference, pathOf, refusal } from "./difference.ts";

const luks2 = "org.osbuild.luks2";
const lvm2 = "org.osbuild.lvm2.lv";
const passphrase = "osbuild";

/** A loop device with a file on it, opened by ours for both. Returns its path beneath `dev`. */
async function loop(place: Place, filename: string): Promise<string> {
	const host = await place.start([executable("loopback")], `device/${filename}`);
	return pathOf(await host.call("open", place.open({ filename })));
}

/** A loop device with a container on it. */
function container(place: Place, type: string = "luks2"): Promise<string> {
	const image = place.image("luks.img", 32 * megabyte);
	const argv = ["-q", "luksFormat", "--type", type, "--pbkdf-force-iterations", "1000"];
	if (type === "luks2") argv.push("--pbkdf", "pbkdf2");
	execFileSync("cryptsetup", [...argv, image], { input: passphrase });
	return loop(place, "luks.img");
}

/** Runs one of LVM's commands on what is in a place, and nothing else. */
function lvm(place: Place, ...argv: readonly string[]): void {
	const folder = join(place.folder, "lvm");
	mkdirSync(folder, { recursive: true });
	const config =
		"activation { udev_sync=0 udev_rules=0 monitoring=0 }\nbackup { backup=0 archive=0 }\n" +
		`global { use_lvmpolld=0 locking_dir="${folder}" }\n` +
		`devices { hints="none" scan="${place.dev}" dir="${place.dev}" }\n`;
	writeFileSync(join(folder, "lvm.conf"), config);
	const environment = { ...process.env, LVM_SYSTEM_DIR: folder, DM_DISABLE_UDEV: "1" };
	execFileSync("lvm", argv, { env: environment, stdio: "pipe" });
}

/** A loop device with a group of one volume, `root`, on it. */
async function group(place: Place): Promise<string> {
	place.image("lvm.img", 32 * megabyte);
	const path = await loop(place, "lvm.img");
	lvm(place, "vgcreate", "vg", join(place.dev, path));
	lvm(place, "lvcreate", "-an", "-Wn", "-Zn", "-L", "16M", "-n", "root", "vg");
	return path;
}

function mappings(): string[] {
	const listed = execFileSync("dmsetup", ["ls"], { encoding: "utf8" });
	return listed.startsWith("No devices") ? [] : listed.trim().split("\n");
}

describe("mappings", () => {
	difference("luks2-version", {
		async devhost({ side, place, expect }) {
			const { answer } = await side.open(
				luks2,
				{ passphrase },
				await container(place, "luks1"),
			);
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_VERSION: .*LUKS1/));
		},
		async osbuild({ side, place, expect }) {
			const { answer } = await side.open(
				luks2,
				{ passphrase },
				await container(place, "luks1"),
			);
			expect(answer).toMatchObject({ type: "reply" });
		},
	});

	difference("luks2-name", {
		async devhost({ side, place, expect }) {
			const { host, answer } = await side.open(luks2, { passphrase }, await container(place));
			expect(pathOf(answer)).toMatch(/^mapper\/devhost-osbuild\./);
			// Not in the machine's directory, whatever is there.
			expect(existsSync(`/dev/${pathOf(answer)}`)).toBe(false);
			expect(lstatSync(join(place.dev, pathOf(answer))).isBlockDevice()).toBe(true);
			await host.stop();
		},
		async osbuild({ side, place, expect }) {
			const { host, answer } = await side.open(luks2, { passphrase }, await container(place));
			expect(pathOf(answer)).toMatch(/^mapper\/osbuild-luks-/);
			expect(existsSync(`/dev/${pathOf(answer)}`)).toBe(true);
			await host.stop();
		},
	});

	/** A parent whose node is in `dev`, and not in the machine's directory. */
	const elsewhere = async (place: Place): Promise<string> => {
		const { rdev } = lstatSync(join(place.dev, await container(place)));
		const minor = String((rdev & 0xff) | ((rdev >> 12) & 0xfff00));
		execFileSync("mknod", [join(place.dev, "elsewhere"), "b", "7", minor]);
		return "elsewhere";
	};

	difference("parent-node", {
		async devhost({ side, place, expect }) {
			const { answer } = await side.open(luks2, { passphrase }, await elsewhere(place));
			expect(answer).toMatchObject({ type: "reply" });
		},
		async osbuild({ side, place, expect }) {
			const { answer } = await side.open(luks2, { passphrase }, await elsewhere(place));
			expect(answer).toMatchObject(refusal(expect, /\/dev\/elsewhere/));
		},
	});

	difference("luks2-log", {
		async devhost({ side, place, expect }) {
			const { host } = await side.open(luks2, { passphrase }, await container(place));
			expect(mappings()).toHaveLength(1);
			await host.kill();
			await expect.poll(mappings, { timeout: 60_000 }).toEqual([]);
		},
		async osbuild({ side, place, expect }) {
			const { host, answer } = await side.open(luks2, { passphrase }, await container(place));
			const service = serviceOf(host);
			await host.kill();
			await expect
				.poll(() => existsSync(`/proc/${service}`), { timeout: 60_000 })
				.toBe(false);
			expect(mappings()).toHaveLength(1);
			execFileSync("dmsetup", ["remove", pathOf(answer).replace("mapper/", "")]);
		},
	});

	difference("luks2-busy", {
		async devhost({ side, place, expect }) {
			const { host, answer } = await side.open(luks2, { passphrase }, await container(place));
			const fd = openSync(join(place.dev, pathOf(answer)), "r");
			const closed = await host.call("close");
			closeSync(fd);
			expect(closed).toMatchObject(refusal(expect, /^ERR_DEVICE_BUSY: .*node/));
			await host.stop();
		},
		async osbuild({ side, place, expect }) {
			const { host, answer } = await side.open(luks2, { passphrase }, await container(place));
			const fd = openSync(join(place.dev, pathOf(answer)), "r");
			const closed = await host.call("close");
			closeSync(fd);
			expect(closed).toMatchObject({ name: "CalledProcessError" });
			execFileSync("cryptsetup", ["close", pathOf(answer).replace("mapper/", "")]);
			await host.stop();
		},
	});

	/** LVM's own programs are not on this path. */
	const withoutTools = (place: Place): Record<string, string> => {
		const folder = join(place.folder, "bin");
		mkdirSync(folder);
		symlinkSync(process.execPath, join(folder, "node"));
		return { PATH: folder };
	};

	difference("lvm2-tools", {
		async devhost({ side, place, expect }) {
			const parent = await group(place);
			const environment = withoutTools(place);
			const host = await side.start(`devices/${lvm2}`, "device/root", environment);
			const answer = await host.call("open", place.open({ volume: "root" }, parent));
			expect(answer).toMatchObject({ reply: { path: "vg/root" } });
		},
		async osbuild({ side, place, expect }) {
			const parent = await group(place);
			const environment = withoutTools(place);
			const host = await side.start(`devices/${lvm2}`, "device/root", environment);
			const answer = await host.call("open", place.open({ volume: "root" }, parent));
			expect(answer).toMatchObject({ name: "FileNotFoundError" });
		},
	});

	difference("lvm2-copies", {
		async devhost({ side, place, expect }) {
			const parent = await group(place);
			copyFileSync(join(place.tree, "lvm.img"), join(place.tree, "copy.img"));
			const copy = await loop(place, "copy.img");
			const { answer } = await side.open(lvm2, { volume: "root" }, parent);
			const { answer: other } = await side.open(lvm2, { volume: "root" }, copy);
			expect(answer).toMatchObject({ type: "reply" });
			expect(other).toMatchObject({ type: "reply" });
			expect(other.reply).not.toEqual(answer.reply);
		},
		async osbuild({ side, place, expect }) {
			const parent = await group(place);
			copyFileSync(join(place.tree, "lvm.img"), join(place.tree, "copy.img"));
			await loop(place, "copy.img");
			const { answer } = await side.open(lvm2, { volume: "root" }, parent);
			expect(answer).toMatchObject({ type: "exception" });
		},
	});

	difference("lvm2-no-group", {
		async devhost({ side, place, expect }) {
			place.image("pv.img", 32 * megabyte);
			const parent = await loop(place, "pv.img");
			lvm(place, "pvcreate", join(place.dev, parent));
			const { answer } = await side.open(lvm2, { volume: "root" }, parent);
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_/));
		},
		async osbuild({ side, place, expect }) {
			place.image("pv.img", 32 * megabyte);
			const parent = await loop(place, "pv.img");
			lvm(place, "pvcreate", join(place.dev, parent));
			// It asks for ever.
			const folder = join(place.folder, "bin");
			mkdirSync(folder);
			const asked = join(place.folder, "asked");
			const script = `#!/bin/sh\necho >>${asked}\nexec /usr/sbin/pvdisplay "$@"\n`;
			writeFileSync(join(folder, "pvdisplay"), script, { mode: 0o755 });
			const environment = { PATH: `${folder}:${process.env["PATH"]}` };
			const host = await side.start(`devices/${lvm2}`, "device/root", environment);
			const service = serviceOf(host);
			const ended = host.call("open", place.open({ volume: "root" }, parent));
			const count = (): number => readFileSync(asked, { flag: "a+" }).length;
			await expect.poll(count, { timeout: 60_000 }).toBeGreaterThan(12);
			process.kill(service, "SIGKILL");
			expect(await ended).toHaveProperty("end");
		},
	});

	difference("lvm2-partnum", {
		async devhost({ side, place, expect }) {
			const parent = await group(place);
			const host = await side.start(`devices/${lvm2}`);
			const args = JSON.stringify(place.open({ volume: "root", vg_partnum: 0 }, parent));
			const data = `{"name": "open", "args": ${args.replace('"vg_partnum":0', '"vg_partnum":1.0')}}`;
			await host.send(`{"type": "method", "data": ${data}}`);
			expect((await host.receive()).document).toMatchObject({
				data: { value: expect.stringMatching(/its partition 1\. /) as string },
			});
		},
		async osbuild({ side, place, expect }) {
			const parent = await group(place);
			const folder = join(place.folder, "bin");
			mkdirSync(folder);
			// What it asks for.
			writeFileSync(
				join(folder, "pvdisplay"),
				`#!/bin/sh\necho "$@" >>${place.folder}/asked\nexit 1\n`,
				{
					mode: 0o755,
				},
			);
			const environment = { PATH: `${folder}:${process.env["PATH"]}` };
			const host = await side.start(`devices/${lvm2}`, "device/root", environment);
			const args = JSON.stringify(place.open({ volume: "root", vg_partnum: 0 }, parent));
			const data = `{"name": "open", "args": ${args.replace('"vg_partnum":0', '"vg_partnum":1.0')}}`;
			await host.send(`{"type": "method", "data": ${data}}`);
			expect((await host.receive()).document).toMatchObject({ type: "exception" });
			expect(readFileSync(join(place.folder, "asked"), "utf8")).toContain(`${parent}p1.0`);
		},
	});
});

/** The process of the only service that a host has. */
function serviceOf(host: OsbuildHost): number {
	const children = readFileSync(`/proc/${host.pid}/task/${host.pid}/children`, "utf8");
	return Number(children.trim());
}
