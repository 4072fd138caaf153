import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot, type OsbuildAnswer, OsbuildHost } from "@devhost/tools/testing";
import { test } from "vitest";
import { backingFile, executable, loopsOf, megabyte, Place, sysfsNumber } from "./place.ts";

const loopback = [executable("loopback")];

interface LoopReply {
	readonly path: string;
	readonly node: { readonly major: number; readonly minor: number };
}

const timeout = 60_000;

describeAsRoot("devhost-loopback at osbuild's host", () => {
	test(
		"opens a file as osbuild's does, and closes it while it stays",
		{ timeout },
		async ({ expect }) => {
			const place = new Place();
			const image = place.image("image.img", megabyte);
			const host = await place.start(loopback, "device/disk");
			const options = { filename: "/image.img", start: 2, size: 8 };

			const answer = await host.call("open", place.open(options));
			const { path, node } = answer.reply as LoopReply;

			expect(answer).toMatchObject({ type: "reply", signals: [] });
			expect(answer.reply).toEqual({
				path: `loop${node.minor}`,
				node: { major: 7, minor: node.minor },
			});
			expect(lstatSync(join(place.dev, path)).rdev).toBe(
				7 * 256 + (node.minor % 256) + ((node.minor >> 8) << 20),
			);
			expect(backingFile(path)).toBe(image);
			expect(sysfsNumber(`${path}/size`)).toBe(8);
			writeFileSync(join(place.dev, path), "written");

			expect(await host.call("close", null)).toMatchObject({ type: "reply", reply: null });
			expect(backingFile(path)).not.toBe(image);
			expect(readdirSync(place.dev)).toEqual([]);
			expect(readFileSync(image).subarray(1024, 1031).toString()).toBe("written");
			expect(await host.call("close", null)).toMatchObject({ type: "reply", reply: null });
			expect(await host.stop()).toEqual({
				status: 0,
				output: `${path} acquired (locked: False)\n`,
			});
		},
	);

	test("closes when the host's end is closed", { timeout }, async ({ expect }) => {
		const place = new Place();
		const image = place.image("image.img", megabyte);
		const host = await place.start(loopback, "device/disk");
		const options = { filename: "image.img", lock: true, "read-only": true };
		const { path } = (await host.call("open", place.open(options))).reply as LoopReply;
		expect(sysfsNumber(`${path}/ro`)).toBe(1);

		const { status, output } = await host.stop();

		expect({ status, output }).toEqual({
			status: 0,
			output: `${path} acquired (locked: True)\n`,
		});
		expect(backingFile(path)).not.toBe(image);
	});

	test("stays open through what is no call", { timeout }, async ({ expect }) => {
		const place = new Place();
		const image = place.image("image.img", megabyte);
		const host = await place.start(loopback, "device/disk");
		const opening = await host.call("open", place.open({ filename: "image.img" }));
		const { path } = opening.reply as LoopReply;

		for (const text of ["5", '{"type": "method"}', '{"type": "signal", "data": 1}']) {
			await host.send(text, { fds: ["unused"] });
			expect((await host.receive()).document).toMatchObject({ type: "exception" });
		}

		expect(backingFile(path)).toBe(image);
		expect(await host.call("close")).toMatchObject({ type: "reply", reply: null });
		expect(backingFile(path)).not.toBe(image);
		expect(await host.stop()).toMatchObject({ status: 0 });
	});

	test.for([
		["an empty message", "{}", 0],
		["what is no JSON", "{", 1],
		["the marker without a descriptor", "<args-via-fd>", 1],
	] as const)("closes at %s", { timeout }, async ([, text, status], { expect }) => {
		const place = new Place();
		const image = place.image("image.img", megabyte);
		const host = await place.start(loopback, "device/disk");
		const opening = await host.call("open", place.open({ filename: "image.img" }));
		const { path } = opening.reply as LoopReply;

		await host.send(text);

		expect(await host.receive()).toEqual({ end: "end" });
		expect(await host.stop()).toMatchObject({ status });
		expect(backingFile(path)).not.toBe(image);
		expect(readdirSync(place.dev)).toEqual([]);
	});

	test("shows bytes that another shows, too", { timeout }, async ({ expect }) => {
		const place = new Place();
		const image = place.image("disk.img", megabyte);
		const whole = await place.start(loopback, "device/disk");
		const slice = await place.start(loopback, "device/root");
		await whole.call("open", place.open({ filename: "disk.img" }));

		const answer = await slice.call("open", place.open({ filename: "disk.img", start: 8 }));

		expect(answer).toMatchObject({ type: "reply" });
		expect(loopsOf(image)).toHaveLength(2);
	});

	test("closes what its host did not wait for", { timeout }, async ({ expect }) => {
		const place = new Place();
		const image = place.image("image.img", megabyte);
		const host = await place.start(loopback, "device/disk");
		const args = place.open({ filename: "image.img" });

		await host.send(JSON.stringify({ type: "method", data: { name: "open", args } }));
		await host.stop();

		expect(readdirSync(place.dev)).toEqual([]);
		expect(loopsOf(image)).toEqual([]);
	});

	test("makes a node of each partition", { timeout }, async ({ expect }) => {
		const place = new Place();
		const image = place.image("disk.img", 64 * megabyte);
		const script = "label: gpt\nsize=8MiB\nsize=16MiB\n";
		execFileSync("sfdisk", ["--quiet", image], { input: script });
		const host = await place.start(loopback, "device/disk");

		const opening = await host.call(
			"open",
			place.open({ filename: "disk.img", partscan: true }),
		);
		const { path } = opening.reply as LoopReply;

		expect(Object.keys(opening.reply as object)).toEqual(["path", "node"]);
		expect(readdirSync(place.dev).toSorted()).toEqual([path, `${path}p1`, `${path}p2`]);
		expect(readFileSync(join(place.dev, `${path}p2`)).length).toBe(16 * megabyte);
		await host.stop();
		expect(readdirSync(place.dev)).toEqual([]);
		expect(existsSync(`/sys/block/${path}/${path}p1`)).toBe(false);
	});

	test("answers what is wrong with our codes, and lives", { timeout }, async ({ expect }) => {
		const place = new Place();
		place.image("image.img", megabyte);
		const host = await place.start(loopback, "device/disk");
		const { dev, tree } = place;
		const open = (args: unknown): Promise<OsbuildAnswer> => host.call("open", args);

		expect(await open(place.open({ filename: "missing" }))).toMatchObject({
			type: "exception",
			name: "DeviceError",
			value: expect.stringMatching(/^ERR_DEVICE_FILE: .*missing/) as string,
		});
		for (const [args, value] of [
			[place.open({}), /^ERR_DEVICE_OPTIONS: .*filename/],
			[place.open(null), /^ERR_DEVICE_OPTIONS: .*filename/],
			[place.open({ filename: "image.img", start: 1.5 }), /^ERR_DEVICE_OPTIONS: .*start/],
			[place.open({ filename: "../../x" }), /^ERR_DEVICE_FILE: /],
			[place.open({ filename: "image.img" }, "loop0"), /^ERR_DEVICE_PARENT: /],
			[
				{ ...place.open({ filename: "image.img" }), dev: "/nowhere" },
				/^ERR_DEVICE_SYSTEM: disk: .*ENOENT/,
			],
			[{ tree, options: {} }, /^ERR_DEVICE_SERVICE: .*'dev' is missing/],
			[{ dev, tree: 5, options: {} }, /^ERR_DEVICE_SERVICE: .*'tree' is no path/],
			[{ dev, tree, options: [] }, /^ERR_DEVICE_SERVICE: .*'options' is no object/],
			[[], /^ERR_DEVICE_SERVICE: .*are no object/],
		] as const) {
			const { type, value: said } = await open(args);
			expect(type, String(value)).toBe("exception");
			expect(said).toMatch(value);
		}
		expect(await host.call("mount", {})).toMatchObject({
			name: "ProtocolError",
			value: "Unknown method",
		});
		expect(readdirSync(dev)).toEqual([]);

		expect(await open(place.open({ filename: "image.img" }))).toMatchObject({ type: "reply" });
		expect((await open(place.open({ filename: "image.img" }))).value).toMatch(
			/^ERR_DEVICE_NAME: disk: open already/,
		);
		await host.call("close");
		expect(await open(place.open({ filename: "image.img" }))).toMatchObject({ type: "reply" });
	});

	test("gives up what could not be closed, with a status", { timeout }, async ({ expect }) => {
		const place = new Place();
		place.image("image.img", 64 * megabyte);
		const host = await place.start(loopback, "device/disk");
		const opening = await host.call("open", place.open({ filename: "image.img" }));
		const { path } = opening.reply as LoopReply;
		const node = join(place.dev, path);
		execFileSync("mkfs.ext4", ["-q", node]);
		execFileSync("mkdir", [place.root]);
		execFileSync("mount", [node, place.root]);

		try {
			expect((await host.call("close")).value).toMatch(/^ERR_DEVICE_BUSY: .*a mount at/);
		} finally {
			execFileSync("umount", [place.root]);
		}
		const { status } = await host.stop();
		expect(status).toBe(0);
		await expect.poll(() => backingFile(path)).not.toBe(join(place.tree, "image.img"));
	});

	test("leaves no device when it is killed, or its host is", { timeout }, async ({ expect }) => {
		const place = new Place();
		const image = place.image("image.img", megabyte);
		const host = new OsbuildHost(loopback);
		const pid = await host.start({ id: "device/disk" });
		const opened = await host.call("open", place.open({ filename: "image.img" }));
		const { path } = opened.reply as LoopReply;

		process.kill(pid, "SIGKILL");
		await host.stop();

		await expect.poll(() => backingFile(path)).not.toBe(image);
		await host[Symbol.asyncDispose]();

		const other = new OsbuildHost(loopback);
		const otherPid = await other.start({ id: "device/disk" });
		const again = await other.call("open", place.open({ filename: "image.img" }));
		await other.kill();

		await expect.poll(() => existsSync(`/proc/${otherPid}`), { timeout: 20_000 }).toBe(false);
		expect(backingFile((again.reply as LoopReply).path)).not.toBe(image);
	});
});
