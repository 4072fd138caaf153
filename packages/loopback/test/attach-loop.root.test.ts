import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
	chmodSync,
	closeSync,
	constants,
	existsSync,
	mkdirSync,
	openSync,
	readFileSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import {
	AT_FDCWD,
	blockReadOnly,
	blockSectorBytes,
	blockSizeBytes,
	type Fd,
	flock,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_DIRECT_IO,
	LO_FLAGS_PARTSCAN,
	LO_FLAGS_READ_ONLY,
	loopConfigure,
	loopStatus,
	mknodat,
	openat2,
	statFd,
} from "@devhost/linux";
import { afterEach, beforeEach, test } from "vitest";
import { attachLoop } from "../src/attach-loop.ts";
import { linuxLoop } from "../src/linux-loop.ts";
import { attribute, deviceDirectory, Folder, openDescriptors, pattern } from "./machine.ts";
import { describeAsRoot, slowness } from "@devhost/tools/testing";

const megabyte = 1 << 20;
let folder: Folder;

beforeEach(() => {
	folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

function openDevice(path: string, flags: number = constants.O_RDWR): Fd {
	return openat2(AT_FDCWD, path, { flags });
}

async function write(path: string, bytes: Uint8Array, offset = 0): Promise<void> {
	await using file = await openFile(path, "r+");
	await file.write(bytes, 0, bytes.length, offset);
}

function canDoDirectIo(file: string): boolean {
	try {
		closeSync(openSync(file, constants.O_RDWR | constants.O_DIRECT));
		return true;
	} catch {
		return false;
	}
}

describeAsRoot("an attached file", () => {
	test("is a loop device as asked for, and goes", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);

		const loop = await attachLoop({ file, run: "r1", name: "root" });
		using device = openDevice(loop.path);
		const status = loopStatus(device);
		const opened = statFd(device);
		device.close();
		await loop.close();

		expect(status).toMatchObject({
			inode: BigInt(statSync(file).ino),
			offsetBytes: 0n,
			sizeBytes: BigInt(megabyte),
			flags: LO_FLAGS_AUTOCLEAR,
			tag: "devhost:r1:root",
		});
		expect(loop.path).toBe(`/dev/${loop.name}`);
		expect(opened).toMatchObject({ type: "block", node: loop.node });
		expect(folder.boundLoops()).toEqual([]);
	});

	test("can be seen in sysfs with its file", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);

		await using loop = await attachLoop({ file });

		expect(attribute(`/sys/block/${loop.name}/loop/backing_file`)).toBe(file);
		expect(attribute(`/sys/block/${loop.name}/loop/autoclear`)).toBe("1");
		expect(attribute(`/sys/block/${loop.name}/diskseq`)).toBe(String(loop.diskSequence));
	});

	test("shows a range of it, in sectors of its own", async ({ expect }) => {
		const content = pattern(megabyte, 1);
		const file = folder.file("disk.img", content);

		await using loop = await attachLoop({
			file,
			startSectors: 8,
			sizeSectors: 16,
			sectorBytes: 4096,
		});
		using device = openDevice(loop.path);

		expect(blockSectorBytes(device)).toBe(4096);
		expect(blockSizeBytes(device)).toBe(65536);
		expect(readFileSync(loop.path)).toEqual(
			Buffer.from(content.subarray(32768, 32768 + 65536)),
		);
	});

	test.for([512, 1024, 2048, 4096])(
		"has sectors of %i bytes when asked (H-8)",
		async (sectorBytes, { expect }) => {
			const file = folder.file("disk.img", megabyte);

			await using loop = await attachLoop({ file, sectorBytes });
			using device = openDevice(loop.path);

			expect(blockSectorBytes(device)).toBe(sectorBytes);
		},
	);

	test("has in the end what was written to the device and never synced", async ({ expect }) => {
		const file = folder.file("disk.img", 8 * megabyte);
		const first = pattern(3 * megabyte, 1);
		const second = pattern(megabyte, 2);

		const loop = await attachLoop({ file, startBytes: megabyte });
		await write(loop.path, first);
		await write(loop.path, second, 5 * megabyte);
		await loop.close();

		const content = readFileSync(file);
		expect(content.subarray(megabyte, 4 * megabyte).equals(first)).toBe(true);
		expect(content.subarray(6 * megabyte, 7 * megabyte).equals(second)).toBe(true);
	});

	test("has what was written before a flush", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		const bytes = pattern(megabyte, 3);

		await using loop = await attachLoop({ file });
		await write(loop.path, bytes);
		await loop.flush();

		expect(readFileSync(file).equals(bytes)).toBe(true);
	});

	test("cannot be written when it is read-only", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		chmodSync(file, 0o444);

		await using loop = await attachLoop({ file, readOnly: true });
		using device = openDevice(loop.path, constants.O_RDONLY);

		expect(blockReadOnly(device)).toBe(true);
		expect(loopStatus(device).flags & LO_FLAGS_READ_ONLY).toBe(LO_FLAGS_READ_ONLY);
		await expect(write(loop.path, new Uint8Array(512))).rejects.toThrow(/EPERM|EACCES|EROFS/);
	});

	test("is read and written directly when asked", async ({ expect, skip }) => {
		const file = folder.file("disk.img", megabyte);
		skip(!canDoDirectIo(file), "impossible here: no direct I/O where temporary files are");
		const bytes = pattern(megabyte, 4);

		const loop = await attachLoop({ file, directIo: true, sectorBytes: 4096 });
		using device = openDevice(loop.path);
		const { flags } = loopStatus(device);
		device.close();
		await write(loop.path, bytes);
		await loop.close();

		expect(flags & LO_FLAGS_DIRECT_IO).toBe(LO_FLAGS_DIRECT_IO);
		expect(readFileSync(file).equals(bytes)).toBe(true);
	});

	test("is looked at for partitions when asked", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);

		await using loop = await attachLoop({
			file,
			partscan: true,
			sectorBytes: 4096,
			sizeBytes: 65536,
		});
		using device = openDevice(loop.path);

		expect(loopStatus(device)).toMatchObject({
			flags: LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN,
			sizeBytes: 65536n,
		});
		expect(blockSectorBytes(device)).toBe(4096);
		expect(attribute(`/sys/block/${loop.name}/diskseq`)).toBe(String(loop.diskSequence));
	});

	test("is locked for its whole life when asked, and not otherwise", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);

		await using free = await attachLoop({ file });
		using freeNode = openDevice(free.path);
		const locked = await attachLoop({ file: folder.file("other.img", megabyte), lock: true });
		using lockedNode = openDevice(locked.path);

		expect(flock(freeNode, "exclusive")).toBe(true);
		expect(flock(lockedNode, "exclusive")).toBe(false);
		lockedNode.close();
		await locked.close();
		using again = openDevice(locked.path);
		expect(flock(again, "exclusive")).toBe(true);
	});

	test("is refused by a device that is bound already", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		using other = openDevice(folder.file("other.img", megabyte));

		await using loop = await attachLoop({ file });
		using device = openDevice(loop.path);
		const config = {
			file: other,
			offsetBytes: 0,
			sizeBytes: 0,
			sectorBytes: 512,
			flags: 0,
			tag: "",
		};

		await expect(loopConfigure(device, config)).rejects.toMatchObject({ code: "EBUSY" });
	});

	test("may be an open file that stays the caller's", async ({ expect }) => {
		using file = openDevice(folder.file("disk.img", megabyte));

		const loop = await attachLoop({ file });
		await loop.close();

		expect(file.isOpen).toBe(true);
		expect(loop.sizeBytes).toBe(megabyte);
	});

	test("may not be an open file that can only be read", async ({ expect }) => {
		using file = openDevice(folder.file("disk.img", megabyte), constants.O_RDONLY);

		await expect(attachLoop({ file })).rejects.toMatchObject({
			code: "ERR_DEVICE_READ_ONLY_FILE",
		});
		await using loop = await attachLoop({ file, readOnly: true });
		expect(loop.readOnly).toBe(true);
	});

	test("may be a block device, such as another loop", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		const bytes = pattern(512, 5);

		const below = await attachLoop({ file });
		const above = await attachLoop({ file: below.path, startBytes: 4096 });
		await write(above.path, bytes);
		const { sizeBytes } = above;
		await above.close();
		await below.close();

		expect(sizeBytes).toBe(megabyte - 4096);
		expect(
			readFileSync(file)
				.subarray(4096, 4096 + 512)
				.equals(bytes),
		).toBe(true);
	});

	test(
		"keeps descriptors flat over 1,000 openings and closings",
		async ({ expect }) => {
			const file = folder.file("disk.img", megabyte);
			using devices = deviceDirectory();
			const cycle = async () => {
				await using _ = await attachLoop({ file, devices: devices.fd });
			};
			await cycle();
			const before = openDescriptors();

			for (let i = 0; i < 1_000; i++) await cycle();

			expect(openDescriptors()).toEqual(before);
			expect(folder.boundLoops()).toEqual([]);
		},
		60_000 * slowness,
	);

	test("can be many at once", async ({ expect }) => {
		const files = Array.from({ length: 24 }, (_, i) =>
			folder.file(`${i}.img`, pattern(4096, i)),
		);

		const loops = await Promise.all(files.map((file) => attachLoop({ file })));
		const contents = loops.map((loop) => readFileSync(loop.path));
		await Promise.all(loops.map((loop) => loop.close()));

		expect(new Set(loops.map(({ name }) => name)).size).toBe(24);
		for (const [i, content] of contents.entries()) {
			expect(content.equals(pattern(4096, i))).toBe(true);
		}
		expect(folder.boundLoops()).toEqual([]);
	});
});

describeAsRoot("a device directory", () => {
	test("gets a node of the device, and loses it", async ({ expect }) => {
		const file = folder.file("disk.img", pattern(4096, 1));
		mkdirSync(join(folder.path, "dev"));

		const loop = await attachLoop({ file, devices: join(folder.path, "dev") });
		const node = statSync(loop.path);
		const content = readFileSync(loop.path);
		await loop.close();

		expect(loop.path).toBe(join(folder.path, "dev", loop.name));
		expect(node.isBlockDevice()).toBe(true);
		expect(node.mode & 0o777).toBe(0o600);
		expect(content.equals(pattern(4096, 1))).toBe(true);
		expect(existsSync(loop.path)).toBe(false);
	});

	test("may have leftovers of the same names: they are replaced (H-12)", async ({ expect }) => {
		const file = folder.file("disk.img", pattern(4096, 1));
		using devices = deviceDirectory();
		for (let number = 0; number < 128; number++) {
			mknodat(devices.fd, `loop${number}`, "block", { major: 7, minor: number + 1 }, 0o600);
		}

		await using loop = await attachLoop({ file, devices: devices.fd });
		using node = openat2(devices.fd, loop.path, { flags: constants.O_RDONLY });

		expect(statFd(node).node).toEqual(loop.node);
	});

	test("locks both its own node and the kernel's", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		using devices = deviceDirectory();

		const loop = await attachLoop({ file, devices: devices.fd, lock: true });
		using inDirectory = openat2(devices.fd, loop.path, { flags: constants.O_RDONLY });
		using inDev = openDevice(`/dev/${loop.name}`, constants.O_RDONLY);
		const locks = [flock(inDirectory, "exclusive"), flock(inDev, "exclusive")];
		inDirectory.close();
		await Promise.all([
			loop.close(),
			new Promise((resolve) => setTimeout(resolve, 20)).then(() => inDev.close()),
		]);
		using again = openDevice(`/dev/${loop.name}`, constants.O_RDONLY);

		expect(locks).toEqual([false, false]);
		expect(flock(again, "exclusive")).toBe(true);
	});

	test("is refused where device nodes cannot be used", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		const dev = join(folder.path, "dev");
		mkdirSync(dev);
		execFileSync("mount", ["-t", "tmpfs", "-o", "nodev", "none", dev]);

		await expect(attachLoop({ file, devices: dev })).rejects.toMatchObject({
			code: "ERR_DEVICE_PERMISSION",
			message: expect.stringContaining("nodev"),
		});
		await expect(attachLoop({ file, devices: join(dev, "none") })).rejects.toMatchObject({
			code: "ERR_DEVICE_FILE",
		});
	});
});

describeAsRoot("a device that others lock", () => {
	test("is left to them", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		const sys = linuxLoop();
		const number = sys.getFree();
		using devices = deviceDirectory();
		using node = openDevice(`/dev/loop${number}`, constants.O_RDONLY);
		flock(node, "exclusive");

		await using loop = await attachLoop({ file });
		const other = folder.file("other.img", megabyte);
		await using inDirectory = await attachLoop({ file: other, devices: devices.fd });

		expect(loop.name).not.toBe(`loop${number}`);
		expect(inDirectory.name).not.toBe(`loop${number}`);
	});
});

describeAsRoot("bytes that a device of another process shows", () => {
	/** It has no descriptor in common with this one's devices. */
	const sys = linuxLoop();

	test("are refused if one of the two can write them, and it is said who has them", async ({
		expect,
	}) => {
		const file = folder.file("disk.img", megabyte);
		symlinkSync("disk.img", join(folder.path, "link.img"));
		const half = { file, sizeSectors: 1024, closeTimeoutMs: 20 };

		await using first = await attachLoop(half);
		const same = attachLoop({
			...half,
			file: join(folder.path, "link.img"),
			startSectors: 1023,
			sys,
		});

		await expect(same).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message:
				`${join(folder.path, "link.img")}: its bytes 523776 to 1048063 are in use by ${first.name}, ` +
				"and one of the two can write them. Wait until that is closed, or use a copy",
			holders: [{ kind: "device", device: first.name }],
		});
		await expect(attachLoop({ ...half, readOnly: true, sys })).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
		});
		await using second = await attachLoop({ ...half, startSectors: 1024, sys });
		expect(second.name).not.toBe(first.name);
	});

	test("can be read by several", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);

		await using first = await attachLoop({ file, readOnly: true });
		await using second = await attachLoop({ file, readOnly: true, sys });

		expect(second.name).not.toBe(first.name);
		await expect(
			attachLoop({ file, closeTimeoutMs: 20, sys: linuxLoop() }),
		).rejects.toMatchObject({
			holders: [{ device: first.name }, { device: second.name }],
		});
	});

	test("are waited for", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);

		const first = await attachLoop({ file });
		const waiting = attachLoop({ file, sys });
		await first.close();
		await using second = await waiting;

		expect(second.sizeBytes).toBe(megabyte);
	});

	test("stay refused while one of this process shows them, whichever was the first", async ({
		expect,
	}) => {
		const file = folder.file("disk.img", megabyte);
		const part = (startSectors: number) => ({
			file,
			startSectors,
			sizeSectors: 8,
			closeTimeoutMs: 20,
		});
		const busy = { code: "ERR_DEVICE_BUSY" };

		const whole = await attachLoop({ file });
		const inside = await attachLoop(part(100));
		const within = await attachLoop({ ...part(102), sizeSectors: 2 });
		await whole.close();
		await expect(attachLoop({ ...part(107), sys })).rejects.toMatchObject(busy);
		await (await attachLoop({ ...part(108), sys })).close();
		await (await attachLoop({ ...part(92), sys })).close();
		await inside.close();
		await expect(attachLoop({ ...part(101), sys })).rejects.toMatchObject(busy);
		await (await attachLoop({ ...part(104), sys })).close();
		const again = await attachLoop({ file });
		await within.close();
		await expect(attachLoop({ ...part(102), sys })).rejects.toMatchObject(busy);
		await again.close();
		await using theirs = await attachLoop({ file, closeTimeoutMs: 20, sys });

		expect(theirs.sizeBytes).toBe(megabyte);
		await theirs.close();
		expect(openDescriptors().filter((path) => path === file)).toEqual([]);
	});

	test("have no descriptor left of a device that is closed, while others of the file are open", async ({
		expect,
	}) => {
		const file = folder.file("disk.img", megabyte);
		const part = (startSectors: number, sizeSectors = 8) =>
			attachLoop({ file, startSectors, sizeSectors });
		const count = (): number => openDescriptors().filter((path) => path === file).length;

		const middle = await part(100);
		const ofOne = count();
		const first = await part(0);
		const last = await part(200);
		await first.close();
		await last.close();
		expect(count()).toBe(ofOne);
		await using _firstAgain = await part(0, 4);
		await using _lastAgain = await part(204, 4);
		await middle.close();

		expect(count()).toBe(2 * ofOne);
	});

	test("are refused where one of this process shows others of them", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);
		const part = { file, sizeSectors: 8, closeTimeoutMs: 20 };

		await using whole = await attachLoop({ file });
		await using inside = await attachLoop({ ...part, startSectors: 100 });
		expect(inside.name).not.toBe(whole.name);
		await whole.close();
		await using _theirs = await attachLoop({ ...part, startSectors: 0, sys });
		await using _next = await attachLoop({ ...part, startSectors: 104 });

		await expect(attachLoop({ file, closeTimeoutMs: 20 })).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
		});
	});
});

describeAsRoot("bad files", () => {
	test.for<[string, () => string, string]>([
		["missing", () => join(folder.path, "none.img"), "ERR_DEVICE_FILE"],
		["beneath a file", () => join(folder.file("a", 1), "b"), "ERR_DEVICE_FILE"],
		["a directory", () => folder.path, "ERR_DEVICE_FILE"],
		["a character device", () => "/dev/null", "ERR_DEVICE_FILE"],
		["empty", () => folder.file("empty.img", 0), "ERR_DEVICE_FILE"],
		["smaller than a sector", () => folder.file("small.img", 100), "ERR_DEVICE_FILE"],
		["not whole sectors", () => folder.file("odd.img", 1000), "ERR_DEVICE_UNALIGNED"],
		["a name that is too long", () => join(folder.path, "x".repeat(300)), "ERR_DEVICE_FILE"],
		[
			"a FIFO",
			() => {
				const path = join(folder.path, "fifo");
				execFileSync("mkfifo", [path]);
				return path;
			},
			"ERR_DEVICE_FILE",
		],
		[
			"a link to itself",
			() => {
				const path = join(folder.path, "link");
				symlinkSync("link", path);
				return path;
			},
			"ERR_DEVICE_FILE",
		],
		[
			"without write permission for anybody",
			() => {
				const path = folder.file("read-only.img", megabyte);
				chmodSync(path, 0o444);
				return path;
			},
			"ERR_DEVICE_READ_ONLY_FILE",
		],
		[
			"on a file system that is mounted read-only",
			() => {
				const path = join(folder.path, "ro");
				mkdirSync(path);
				execFileSync("mount", ["-t", "tmpfs", "none", path]);
				writeFileSync(join(path, "disk.img"), new Uint8Array(megabyte));
				execFileSync("mount", ["-o", "remount,ro", path]);
				return join(path, "disk.img");
			},
			"ERR_DEVICE_READ_ONLY_FILE",
		],
	])("%s: refused, and nothing is left", async ([, make, code], { expect }) => {
		const file = make();
		const before = openDescriptors();

		await expect(attachLoop({ file })).rejects.toMatchObject({ name: "DeviceError", code });

		expect(openDescriptors()).toEqual(before);
		expect(folder.boundLoops()).toEqual([]);
	});

	test("a descriptor that is not open is refused", async ({ expect }) => {
		await expect(attachLoop({ file: 9_999 })).rejects.toMatchObject({
			code: "ERR_DEVICE_FILE",
		});
	});

	test("a range past the end of the file is refused", async ({ expect }) => {
		const file = folder.file("disk.img", megabyte);

		await expect(
			attachLoop({ file, startSectors: 2000, sizeSectors: 49 }),
		).rejects.toMatchObject({
			code: "ERR_DEVICE_OUT_OF_RANGE",
		});
		expect(folder.boundLoops()).toEqual([]);
	});

	test("neither .. nor a link leaves the tree (H-15)", async ({ expect }) => {
		folder.file("outside.img", pattern(4096, 1));
		const tree = join(folder.path, "tree");
		mkdirSync(join(tree, "etc"), { recursive: true });
		symlinkSync("../outside.img", join(tree, "up.img"));
		symlinkSync(join(folder.path, "outside.img"), join(tree, "absolute.img"));
		symlinkSync("/etc/inside.img", join(tree, "link.img"));
		symlinkSync(`/proc/${process.pid}/cwd`, join(tree, "magic"));
		writeFileSync(join(tree, "etc", "inside.img"), pattern(4096, 2));

		for (const file of [
			"../outside.img",
			"up.img",
			"absolute.img",
			"magic",
			"/../../outside.img",
		]) {
			await expect(attachLoop({ file, tree })).rejects.toMatchObject({
				code: "ERR_DEVICE_FILE",
			});
		}
		await using loop = await attachLoop({ file: "link.img", tree });
		expect(readFileSync(loop.path).equals(pattern(4096, 2))).toBe(true);
	});
});

describeAsRoot("a machine that lacks something", () => {
	/** Attaches in a process of its own, and says what became of it. */
	async function attachElsewhere(argv: readonly string[], options: object): Promise<unknown> {
		const fixture = join(import.meta.dirname, "fixtures", "attach.ts");
		const [file, ...rest] = [...argv, process.execPath, fixture, JSON.stringify(options)];
		const child = spawn(file, rest, { stdio: ["ignore", "pipe", "inherit"] });
		let output = "";
		child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
		await once(child, "close");
		return JSON.parse(output);
	}

	test.for([
		[
			"/nonexistent",
			"ERR_DEVICE_UNSUPPORTED",
			"/nonexistent: ENOENT, there are no loop devices here.",
		],
		["/dev/null", "ERR_DEVICE_UNSUPPORTED", "there are no loop devices here."],
	] as const)("no loop-control, but %s", async ([control, code, message], { expect }) => {
		const file = folder.file("disk.img", megabyte);

		await expect(attachLoop({ file, sys: linuxLoop({ control }) })).rejects.toMatchObject({
			code,
			message: expect.stringContaining(message),
		});
	});

	test(
		"no root",
		async ({ expect }) => {
			const file = folder.file("disk.img", megabyte);
			chmodSync(folder.path, 0o755);
			chmodSync(file, 0o666);

			const result = await attachElsewhere(["setpriv", "--reuid=65534", "--clear-groups"], {
				file,
			});

			expect(result).toMatchObject({
				code: "ERR_DEVICE_PERMISSION",
				message: expect.stringContaining("loop devices need root. Run as root"),
			});
		},
		10_000 * slowness,
	);

	test(
		"no node in a static /dev",
		async ({ expect }) => {
			const file = folder.file("disk.img", pattern(4096, 7));
			const script =
				"mount -t tmpfs none /dev && mknod /dev/loop-control c 10 237 && mknod /dev/null c 1 3 && " +
				'exec "$@"';

			const result = await attachElsewhere(["unshare", "--mount", "sh", "-c", script, "sh"], {
				file,
			});

			expect(result).toEqual({
				path: expect.stringMatching(/^\/proc\/\d+\/fd\/\d+$/),
				content: Buffer.from(pattern(4096, 7)).toString("base64"),
				dev: ["loop-control", "null"],
				bound: false,
			});
		},
		10_000 * slowness,
	);

	test(
		"a file in /dev where the node should be",
		async ({ expect }) => {
			const file = folder.file("disk.img", pattern(4096, 8));
			const script =
				"mount -t tmpfs none /dev && mknod /dev/loop-control c 10 237 && mknod /dev/null c 1 3 && " +
				'for i in $(seq 0 99); do echo > /dev/loop$i; done && exec "$@"';

			const result = await attachElsewhere(["unshare", "--mount", "sh", "-c", script, "sh"], {
				file,
			});

			expect(result).toMatchObject({
				content: Buffer.from(pattern(4096, 8)).toString("base64"),
			});
		},
		10_000 * slowness,
	);
});
