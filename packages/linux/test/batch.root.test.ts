import { constants, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import {
	AT_FDCWD,
	blockSizeBytes,
	detachedMount,
	type Fd,
	isSysError,
	LO_FLAGS_AUTOCLEAR,
	loopConfigure,
	loopGetFree,
	openat2,
	performInOrder,
} from "../src/index.ts";
import { describeAsRoot } from "@devhost/tools/testing";

let folder: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-linux-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function create(name: string): Fd {
	return openat2(AT_FDCWD, join(folder, name), {
		flags: constants.O_RDWR | constants.O_CREAT,
		mode: 0o600,
	});
}

test("makes every call in order, also after one that failed", async ({ expect }) => {
	using directory = openat2(AT_FDCWD, folder, { flags: constants.O_RDONLY });
	const file = create("a");
	const number = file.fd;

	const results = await performInOrder([
		{ call: "fsync", fd: file },
		{
			call: "ioctl",
			fd: directory,
			request: 0x1268,
			name: "BLKSSZGET",
			argument: new Uint8Array(4),
		},
		{ call: "sync_file_range", fd: number },
		{ call: "close", fd: file },
		{ call: "fsync", fd: number },
	]);

	expect(results).toEqual([
		0,
		expect.objectContaining({ name: "SysError", syscall: "BLKSSZGET", code: "ENOTTY" }),
		0,
		0,
		expect.objectContaining({ syscall: "fsync", code: "EBADF" }),
	]);
	expect(file.isOpen).toBe(false);
});

test("says whether there is something at a path", async ({ expect }) => {
	const found = create("found");
	const inFile = join(folder, "found", "below");

	const results = await performInOrder([
		{ call: "exists", path: join(folder, "found") },
		{ call: "exists", path: join(folder, "missing") },
		{ call: "exists", path: inFile },
		{ call: "exists", path: `/${"x".repeat(300)}` },
		{ call: "close", fd: found },
	]);

	expect(results).toEqual([
		1,
		0,
		0,
		expect.objectContaining({ syscall: "access", code: "ENAMETOOLONG" }),
		0,
	]);
});

test("makes many batches at once, and none at all", async ({ expect }) => {
	const files = Array.from({ length: 50 }, (_, i) => create(String(i)));

	const results = await Promise.all(
		files.map((fd) =>
			performInOrder([
				{ call: "fsync", fd },
				{ call: "close", fd },
			]),
		),
	);

	expect(results).toEqual(files.map(() => [0, 0]));
	expect(await performInOrder([])).toEqual([]);
});

describeAsRoot("a batch on a block device", () => {
	test("has structures filled in, and tells of writes that failed", async ({ expect }) => {
		using disk = detachedMount("tmpfs", { size: "1M" });
		const flags = constants.O_RDWR | constants.O_CREAT;
		using file = openat2(disk, "disk.img", { flags, mode: 0o600 });
		truncateSync(`/proc/self/fd/${file.fd}`, 8 << 20);
		const loop = await bind(file);
		writeFileSync(`/proc/self/fd/${loop.fd}`, new Uint8Array(4 << 20), { flag: "r+" });
		const size = new Uint8Array(8);

		const bytes = blockSizeBytes(loop);
		const [sized, lost, closed] = await performInOrder([
			{ call: "ioctl", fd: loop, request: 0x80081272, name: "BLKGETSIZE64", argument: size },
			{ call: "sync_file_range", fd: loop },
			{ call: "close", fd: loop },
		]);

		expect(bytes).toBe(8 << 20);
		expect(new DataView(size.buffer).getBigUint64(0, true)).toBe(BigInt(bytes));
		expect([sized, closed]).toEqual([0, 0]);
		expect(lost).toMatchObject({ syscall: "sync_file_range", code: "EIO" });
	});
});

async function bind(file: Fd): Promise<Fd> {
	using control = openat2(AT_FDCWD, "/dev/loop-control", { flags: constants.O_RDWR });
	for (let attempt = 0; ; attempt++) {
		const number = await loopGetFree(control);
		const loop = openat2(AT_FDCWD, `/dev/loop${number}`, { flags: constants.O_RDWR });
		try {
			const tag = "devhost:linux-test";
			const config = { file, offsetBytes: 0, sizeBytes: 0, sectorBytes: 512 };
			await loopConfigure(loop, { ...config, flags: LO_FLAGS_AUTOCLEAR, tag });
			return loop;
		} catch (error) {
			loop.close();
			// Tests beside this one bind loop devices too.
			if (!isSysError(error, "EBUSY") || attempt === 50) throw error;
		}
	}
}
