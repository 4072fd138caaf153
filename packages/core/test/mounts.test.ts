import { openSync, closeSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT_FDCWD, type Fd, type FdLike, fdNumber, openat2 } from "@devhost/linux";
import { describe, test } from "vitest";
import { DeviceManager } from "../src/device-manager.ts";
import { deviceService } from "../src/device-service.ts";
import type { DeviceDriver, OpenContext } from "../src/driver.ts";
import { isDeviceError } from "../src/error.ts";
import { resolveGraph } from "../src/graph.ts";
import { mountKey, parseKey } from "../src/mount-key.ts";
import { inProcess } from "./in-process.ts";

const O_PATH = 0o10000000;

function openDirectory(path: string): Fd {
	return openat2(AT_FDCWD, path, { flags: O_PATH });
}

/** What is in `disk.img` of a device's tree. */
function contentIn(tree: FdLike): string {
	return readFileSync(`/proc/self/fd/${fdNumber(tree)}/disk.img`, "utf8");
}

/** Devices that say what is in their files, and mounts of a directory, with a log of what happens. */
function scene(log: string[] = []) {
	const folder = mkdtempSync(join(tmpdir(), "devhost-mounts-"));
	const tree = mkdtempSync(join(tmpdir(), "devhost-tree-"));
	writeFileSync(join(folder, "disk.img"), "in the mount");
	writeFileSync(join(tree, "disk.img"), "in the tree");
	const contexts = new Map<string, OpenContext>();
	const common = { schema: {}, parseOptions: (value: unknown) => value };
	const closing = (name: string) => async () => void log.push(`close ${name}`);
	const device: DeviceDriver = {
		...common,
		types: ["test.disk"],
		parent: "optional",
		async open(_, context) {
			const { name, tree: files } = context;
			contexts.set(name, context);
			log.push(`open ${name}`);
			return {
				path: name,
				node: { major: 7, minor: 1 },
				nodes: [{ path: `${name}p1`, node: { major: 259, minor: 0 } }],
				details: { content: contentIn(files) },
				[Symbol.asyncDispose]: closing(name),
			};
		},
	};
	const mount: DeviceDriver = {
		...common,
		types: ["test.fs"],
		parent: "required",
		async open(_, context) {
			const { name, mount: place } = context;
			contexts.set(mountKey(name), context);
			log.push(`mount ${name}`);
			return {
				path: place?.target === "/" ? "." : (place?.target ?? "").slice(1),
				directory: () => openDirectory(folder),
				[Symbol.asyncDispose]: closing(`mount ${name}`),
			};
		},
	};
	const client = inProcess(deviceService([device, mount]));
	const treeFd = openSync(tree, "r");
	const manager = new DeviceManager({
		service: () => client,
		run: "r1",
		tree: treeFd,
		devices: treeFd,
		mounts: "/dev/.mounts",
	});
	return {
		manager,
		contexts,
		log,
		[Symbol.asyncDispose]: async () => {
			await manager.close();
			closeSync(treeFd);
			for (const each of [folder, tree]) rmSync(each, { recursive: true });
		},
	};
}

const disk = { type: "test.disk" };
const fs = { type: "test.fs", parent: "disk", mount: { target: "/" } };

describe("mounts in a graph", () => {
	test("are known by keys that no device has", ({ expect }) => {
		expect(mountKey("root")).toBe("mounts/root");
		expect(parseKey("mounts/root")).toEqual({ name: "root", isMount: true });
		expect(parseKey("root")).toEqual({ name: "root", isMount: false });
	});

	test("have a device's name beside the device", async ({ expect }) => {
		await using made = scene();

		const opened = await made.manager.open({ disk, "mounts/disk": fs });

		expect(opened.names).toEqual(["disk", "mounts/disk"]);
		expect(opened.getMount("disk")).toMatchObject({ path: ".", parents: ["disk"] });
		expect(opened.getMount("disk")).not.toHaveProperty("node");
		expect(() => opened.get("mounts/disk")).toThrow("mounts/disk: a mount, which has no node");
		expect(opened.get("disk")).toMatchObject({
			nodes: [{ path: "diskp1", node: { major: 259, minor: 0 } }],
		});
	});

	test("tell the driver where, which partition, and its plain name", async ({ expect }) => {
		await using made = scene();
		const place = { target: "/boot", partition: 2 };

		await made.manager.open({ disk, "mounts/boot": { ...fs, mount: place } });

		const context = made.contexts.get("mounts/boot");
		expect(context).toMatchObject({
			name: "boot",
			mount: { root: "/dev/.mounts", target: "/boot", partition: 2 },
			parent: { path: "disk" },
		});
		expect(made.contexts.get("disk")).not.toHaveProperty("mount");
	});

	test("are opened after, and closed before, what they say", async ({ expect }) => {
		await using made = scene();

		const opened = await made.manager.open({
			"mounts/boot": { ...fs, mount: { target: "/boot" }, after: ["mounts/root"] },
			"mounts/root": fs,
			disk,
		});
		expect(opened.getMount("boot").parents).toEqual(["disk"]);
		await opened.close("mounts/root");

		expect(made.log).toEqual([
			"open disk",
			"mount root",
			"mount boot",
			"close mount boot",
			"close mount root",
		]);
	});

	test("are the trees of devices that say so, which are closed first", async ({ expect }) => {
		await using made = scene();

		const opened = await made.manager.open({
			inner: { ...disk, tree: "mounts/root" },
			"mounts/root": fs,
			disk,
		});

		expect(opened.get("disk").details).toEqual({ content: "in the tree" });
		expect(opened.get("inner").details).toEqual({ content: "in the mount" });
		await made.manager.close("mounts/root");
		expect(made.log.slice(3)).toEqual(["close inner", "close mount root"]);
	});

	test("are complained of where they are missing", ({ expect }) => {
		const { problems } = resolveGraph({
			inner: { ...disk, tree: "mounts/rot" },
			"mounts/root": { ...fs, parent: "inner" },
		});

		expect(problems.map(({ message, pointer }) => [pointer, message])).toEqual([
			[
				"/devices/inner",
				'inner: it needs "mounts/rot", which is not here, did you mean "mounts/root"?',
			],
		]);
	});

	test("cannot stand on what stands on them", ({ expect }) => {
		const { problems } = resolveGraph({
			inner: { ...disk, tree: "mounts/root" },
			"mounts/root": { ...fs, parent: "inner" },
		});

		expect(problems).toMatchObject([
			{
				code: "ERR_DEVICE_CYCLE",
				pointer: "/devices/inner",
				message: "inner: is its own ancestor: inner on mounts/root on inner",
			},
		]);
	});

	test("are refused where nothing can be mounted", async ({ expect }) => {
		const client = inProcess(deviceService({ ...driverOf("test.fs"), parent: "none" }));
		const manager = new DeviceManager({
			service: () => client,
			run: "r1",
			tree: 0,
			devices: 0,
		});

		const error = await manager.open({ "mounts/a": { type: "test.fs", mount: {} } }).then(
			() => undefined,
			(reason: unknown) => reason,
		);

		expect(isDeviceError(error, "ERR_DEVICE_SERVICE")).toBe(true);
	});

	test("have a directory while they are open", async ({ expect }) => {
		const client = inProcess(deviceService(driverOf("test.fs")));

		await expect(client.call("directory", { name: "mounts/a" }, {})).rejects.toThrow(
			"mounts/a is not open, or no mount",
		);
	});
});

function driverOf(type: string): DeviceDriver {
	return {
		types: [type],
		parent: "required",
		schema: {},
		parseOptions: (value) => value,
		open: () => Promise.reject(new Error("not reached")),
	};
}
