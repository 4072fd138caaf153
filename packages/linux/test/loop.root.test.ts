import { execFileSync } from "node:child_process";
import { constants, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import {
	type Fd,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_READ_ONLY,
	blockReadOnly,
	blockSectorBytes,
	blockSizeBytes,
	deletePartition,
	detachedMount,
	diskSequence,
	flushBlock,
	fsync,
	isSysError,
	loopClear,
	loopConfigure,
	loopGetFree,
	loopSetStatus,
	loopStatus,
	maxLoopTagBytes,
	mknodat,
	openat2,
	statFd,
} from "../src/index.ts";
import { describeAsRoot } from "@devhost/tools/testing";

let folder: string;
let nodes: Fd;
let control: Fd;
let file: Fd;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-linux-"));
	writeFileSync(join(folder, "disk.img"), new Uint8Array(1 << 20));
	if (process.getuid?.() !== 0) return;
	nodes = detachedMount("tmpfs");
	mknodat(nodes, "loop-control", "char", { major: 10, minor: 237 }, 0o600);
	control = openat2(nodes, "loop-control", { flags: constants.O_RDWR });
	file = openat2(-100, join(folder, "disk.img"), { flags: constants.O_RDWR });
});

afterEach(() => {
	for (const fd of [nodes, control, file]) fd?.close();
	rmSync(folder, { recursive: true });
});

/** Binds a free loop device; others on this machine may take one between our asking and our binding. */
async function bind(config: {
	offsetBytes?: number;
	sizeBytes?: number;
	sectorBytes?: number;
	flags?: number;
}): Promise<Fd> {
	for (let attempt = 0; ; attempt++) {
		const number = await loopGetFree(control);
		const name = `loop-${number}-${attempt}`;
		mknodat(nodes, name, "block", { major: 7, minor: number }, 0o600);
		const loop = openat2(nodes, name, { flags: constants.O_RDWR });
		try {
			await loopConfigure(loop, {
				file,
				offsetBytes: config.offsetBytes ?? 0,
				sizeBytes: config.sizeBytes ?? 0,
				sectorBytes: config.sectorBytes ?? 512,
				flags: config.flags ?? LO_FLAGS_AUTOCLEAR,
				tag: "devhost:linux-test",
			});
			return loop;
		} catch (error) {
			loop.close();
			if (!isSysError(error, "EBUSY") || attempt > 50) throw error;
		}
	}
}

describeAsRoot("loop devices", () => {
	test("are bound to a range of a file in one call", async ({ expect }) => {
		await using loop = await bind({ offsetBytes: 4096, sizeBytes: 65536, sectorBytes: 4096 });

		expect(loopStatus(loop)).toMatchObject({
			inode: statFd(file).inode,
			offsetBytes: 4096n,
			sizeBytes: 65536n,
			flags: LO_FLAGS_AUTOCLEAR,
			tag: "devhost:linux-test",
		});
		expect(blockSizeBytes(loop)).toBe(65536);
		expect(blockSectorBytes(loop)).toBe(4096);
		expect(blockReadOnly(loop)).toBe(false);
	});

	test("can be read-only", async ({ expect }) => {
		await using loop = await bind({ flags: LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY });

		expect(blockReadOnly(loop)).toBe(true);
	});

	test("are unbound by closing, and the next binding is another one", async ({ expect }) => {
		const loop = await bind({});
		const { number } = loopStatus(loop);
		const sequence = diskSequence(loop);
		await flushBlock(loop);
		await fsync(file);
		using second = openat2(nodes, `loop-${number}-0`, { flags: constants.O_RDONLY });

		await loop.closeAsync();
		loopClear(second);

		expect(() => loopStatus(second)).toThrow(expect.objectContaining({ code: "ENXIO" }));
		expect(sequence).toBeTypeOf("bigint");
	});

	test("change their tag and flags later", async ({ expect }) => {
		await using loop = await bind({});

		await loopSetStatus(loop, {
			offsetBytes: 512,
			sizeBytes: 1024,
			flags: LO_FLAGS_AUTOCLEAR,
			tag: "changed",
		});

		expect(loopStatus(loop)).toMatchObject({ offsetBytes: 512n, tag: "changed" });
		expect(blockSizeBytes(loop)).toBe(1024);
	});

	test("lose a partition, of which the file knows nothing", async ({ expect }) => {
		await using loop = await bind({});
		const path = `/proc/${process.pid}/fd/${loop.fd}`;
		for (const number of [1, 2]) {
			execFileSync("addpart", [path, `${number}`, `${64 * number}`, "64"]);
		}
		const directory = `/sys/block/loop${loopStatus(loop).number}`;
		const partitions = (): string[] =>
			readdirSync(directory).filter((name) => existsSync(`${directory}/${name}/partition`));
		const found = partitions();

		deletePartition(loop, 1);

		expect(found.map((name) => name.replace(/^loop\d+/, ""))).toEqual(["p1", "p2"]);
		expect(partitions()).toEqual(found.slice(1));
		expect(() => deletePartition(loop, 1)).toThrow(expect.objectContaining({ code: "ENXIO" }));
		deletePartition(loop, 2);
		expect(partitions()).toEqual([]);
	});

	test("refuse a sector size that the kernel does not have, and a tag that does not fit", async ({
		expect,
	}) => {
		await expect(bind({ sectorBytes: 1000 })).rejects.toMatchObject({
			syscall: "LOOP_CONFIGURE",
			code: "EINVAL",
		});
		const tag = "x".repeat(maxLoopTagBytes + 1);
		const config = { file, offsetBytes: 0, sizeBytes: 0, sectorBytes: 512, flags: 0, tag };
		await expect(loopConfigure(file, config)).rejects.toThrow(RangeError);
	});
});
