import { execFileSync } from "node:child_process";
import {
	mkdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	unlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describeAsRoot, type OsbuildHost } from "@devhost/tools/testing";
import { test } from "vitest";
import { executable, megabyte, mountsIn, Place } from "./place.ts";

const ext4 = [executable("mount"), "org.osbuild.ext4"];

/** A loop device in the place, with ext4 on it. */
async function fileSystem(place: Place): Promise<{ host: OsbuildHost; source: string }> {
	const image = place.image("root.img", 16 * megabyte);
	execFileSync("mkfs.ext4", ["-q", image]);
	const host = await place.start([executable("loopback")], "device/disk");
	const { reply } = await host.call("open", place.open({ filename: "root.img" }));
	return { host, source: join(place.dev, (reply as { path: string }).path) };
}

const timeout = 60_000;

describeAsRoot("devhost-mount at osbuild's host", () => {
	test(
		"mounts where osbuild's does, and unmounts at the end",
		{ timeout },
		async ({ expect }) => {
			const place = new Place();
			const { source, host: device } = await fileSystem(place);
			const host = await place.start(ext4, "mount/root");

			expect(await host.call("mount", place.mount(source, "/"))).toMatchObject({
				type: "reply",
				reply: `${place.root}/`,
			});
			writeFileSync(join(place.root, "file"), "text");
			expect(mountsIn(place.root)).toHaveLength(1);
			expect((await host.call("umount")).value).toBe("Unknown method");
			expect((await host.call("mount", place.mount(source, "/"))).value).toMatch(
				/^ERR_DEVICE_NAME: root: open already/,
			);

			const { status, output } = await host.stop();

			expect(output).toBe(`mounted ${source} at /\n`);
			expect(status).toBe(0);
			expect(mountsIn(place.root)).toEqual([]);
			expect(await device.stop()).toMatchObject({ status: 0 });
			expect(readFileSync(join(place.tree, "root.img")).includes("text")).toBe(true);
		},
	);

	test("makes the directories on the way, and takes options", { timeout }, async ({ expect }) => {
		const place = new Place();
		const { source } = await fileSystem(place);
		const host = await place.start(ext4, "mount/root");
		const options = { readonly: true };

		const answer = await host.call("mount", place.mount(source, "/boot/efi", options));

		expect(answer.reply).toBe(`${place.root}/boot/efi`);
		expect(mountsIn(place.root)[0]).toMatch(/ ext4 ro,/);
		expect(() => writeFileSync(join(place.root, "boot/efi/file"), "")).toThrow("EROFS");
	});

	test("has its type by the name that it is called by", { timeout }, async ({ expect }) => {
		const place = new Place();
		const { source } = await fileSystem(place);
		const link = join(place.folder, "org.osbuild.ext4");
		symlinkSync(executable("mount"), link);
		const host = await place.start([link], "mount/root");

		expect((await host.call("mount", place.mount(source, "/"))).type).toBe("reply");
		expect(mountsIn(place.root)[0]).toContain(" ext4 ");
	});

	test("is told what is wrong with our codes, and lives", { timeout }, async ({ expect }) => {
		const place = new Place();
		const { source } = await fileSystem(place);
		const host = await place.start(ext4, "mount/root");

		for (const [args, value] of [
			[place.mount(null, "/"), /^ERR_DEVICE_PARENT: /],
			[place.mount("/dev/nothing", "/"), /^ERR_DEVICE_PARENT: .*no such device/],
			[place.mount(source, "/a/../.."), /^ERR_DEVICE_FILE: /],
			[place.mount(source, "/", { readonly: "yes" }), /^ERR_DEVICE_OPTIONS: .*readonly/],
			[{ source, target: "/" }, /^ERR_DEVICE_SERVICE: .*'root' is missing/],
		] as const) {
			const answer = await host.call("mount", args);
			expect(answer.type, String(value)).toBe("exception");
			expect(answer.value).toMatch(value);
		}
		expect(mountsIn(place.root)).toEqual([]);
		expect((await host.call("mount", place.mount(source, "/"))).type).toBe("reply");
	});

	test("refuses a type that there is not", { timeout }, async ({ expect }) => {
		const place = new Place();
		const { source } = await fileSystem(place);
		const host = await place.start([executable("mount"), "org.osbuild.zfs"], "mount/root");

		expect((await host.call("mount", place.mount(source, "/"))).value).toMatch(
			/^ERR_DEVICE_TYPE: .*org\.osbuild\.zfs/,
		);
	});

	test("finds a partition that has no node", { timeout }, async ({ expect }) => {
		const place = new Place();
		const image = place.image("disk.img", 32 * megabyte);
		execFileSync("sfdisk", ["--quiet", image], { input: "label: gpt\nsize=16MiB\n" });
		execFileSync("mkfs.ext4", ["-q", "-E", "offset=1048576", image, "16M"]);
		const device = await place.start([executable("loopback")], "device/disk");
		const options = { filename: "disk.img", partscan: true };
		const { path } = (await device.call("open", place.open(options))).reply as { path: string };
		const node = `/dev/${path}p1`;
		rmSync(node, { force: true }); // as in a container whose /dev follows nobody
		const host = await place.start(ext4, "mount/root");

		expect((await host.call("mount", place.mount(node, "/"))).type).toBe("reply");
		expect(mountsIn(place.root)[0]).toContain(`${node} `);
		await host.stop();

		expect(statSync(node, { throwIfNoEntry: false })).toBeUndefined();
	});

	test("binds the mounts to the tree, and tells no path", { timeout }, async ({ expect }) => {
		const place = new Place();
		mkdirSync(join(place.root, "data"), { recursive: true });
		writeFileSync(join(place.root, "data/file"), "text");
		const bind = [executable("mount"), "org.osbuild.bind"];
		const host = await place.start(bind, "mount/bind");
		const options = { source: "mount://data" };

		expect(await host.call("mount", place.mount(null, "tree://", options))).toMatchObject({
			type: "reply",
			reply: null,
		});
		expect(readFileSync(join(place.tree, "file"), "utf8")).toBe("text");
		expect(await host.stop()).toMatchObject({ status: 0 });
		expect(mountsIn(place.tree)).toEqual([]);
	});

	test("unbinds what has mounts in it, and only that", { timeout }, async ({ expect }) => {
		const place = new Place();
		const { source } = await fileSystem(place);
		const inner = await place.start(ext4, "mount/inner");
		await inner.call("mount", place.mount(source, "/data"));
		const bind = [executable("mount"), "org.osbuild.bind"];
		const host = await place.start(bind, "mount/bind");
		const options = { source: "mount://" };
		await host.call("mount", place.mount(null, "tree://", options));
		expect(mountsIn(place.folder)).toHaveLength(3);

		expect(await host.stop()).toMatchObject({ status: 0 });

		expect(mountsIn(place.tree)).toEqual([]);
		expect(mountsIn(place.root)).toHaveLength(1);
		expect(await inner.stop()).toMatchObject({ status: 0 });
	});

	test("mounts nothing as a noop, which keeps its directory", { timeout }, async ({ expect }) => {
		const place = new Place();
		const noop = [executable("mount"), "org.osbuild.noop"];
		const host = await place.start(noop, "mount/nothing");

		expect((await host.call("mount", place.mount(null, "/mnt"))).reply).toBe(
			`${place.root}/mnt`,
		);
		expect(statSync(`${place.root}/mnt`).isDirectory()).toBe(true);
		expect(await host.stop()).toMatchObject({ status: 0 });
	});

	test("has a status when it could not unmount", { timeout }, async ({ expect }) => {
		const place = new Place();
		const { source } = await fileSystem(place);
		const host = await place.start(ext4, "mount/root");
		await host.call("mount", place.mount(source, "/"));
		const held = execFileSync("sh", [
			"-c",
			'cd "$1" && (sleep 60 >/dev/null 2>&1 & echo $!)',
			"sh",
			place.root,
		]);

		const { status, output } = await host.stop();
		process.kill(Number(held), "SIGKILL");

		expect(status).toBe(1);
		expect(output).toMatch(/\nERR_DEVICE_BUSY: .*sleep/);
		execFileSync("umount", [place.root]);
		unlinkSync(join(place.tree, "root.img"));
	});
});
