import {
	constants,
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import {
	type Fd,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_READ_ONLY,
	addPartition,
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
	setBlockReadOnly,
	statFd,
} from "../src/index.ts";
import { describeAsRoot } from "@devhost/tools/testing";

let folder: string;
let nodes: Fd;
let control: Fd;
let file: Fd;
const O_PATH = 0o10000000; // asm-generic/fcntl.h; Node has no name for it

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

describeAsRoot("a node", () => {
	test.for([0o600, 0o660, 0o666])("has mode %o, whatever the umask", (mode, { expect }) => {
		const before = process.umask(0o077);
		try {
			mknodat(nodes, "node", "char", { major: 1, minor: 3 }, mode);
		} finally {
			process.umask(before);
		}

		using node = openat2(nodes, "node", { flags: O_PATH });
		expect(statFd(node)).toMatchObject({ type: "char", node: { major: 1, minor: 3 }, mode });
	});
});

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

	test("get partitions and lose them, of which the file knows nothing", async ({ expect }) => {
		await using loop = await bind({});
		for (const number of [1, 2]) {
			const startBytes = 32768 * number;
			addPartition(loop, { number, startBytes, sizeBytes: 32768 });
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

	test("show as a partition the bytes that it was told to have, also to others than its opener", async ({
		expect,
	}) => {
		await using loop = await bind({ sectorBytes: 4096 });
		const { number } = loopStatus(loop);

		addPartition(loop, { number: 255, startBytes: 65536, sizeBytes: 8192 });

		const [major, minor] = readFileSync(`/sys/class/block/loop${number}p255/dev`, "utf8")
			.split(":")
			.map(Number) as [number, number];
		mknodat(nodes, "partition", "block", { major, minor }, 0o600);
		{
			using partition = openat2(nodes, "partition", { flags: constants.O_RDWR });
			writeSync(partition.fd, "in the partition", 0);
			await fsync(partition);
			expect(blockSizeBytes(partition)).toBe(8192);
			expect(blockSectorBytes(partition)).toBe(4096);
			expect(diskSequence(partition)).toBe(diskSequence(loop));
			expect(() => deletePartition(loop, 255)).toThrow(
				expect.objectContaining({ code: "EBUSY", syscall: "BLKPG_DEL_PARTITION" }),
			);
		}
		deletePartition(loop, 255);
		const content = readFileSync(join(folder, "disk.img"));
		expect(content.toString("latin1", 65536, 65552)).toBe("in the partition");
	});

	test("can have one partition refuse writes, and another take them", async ({ expect }) => {
		await using loop = await bind({});
		const { number } = loopStatus(loop);
		for (const each of [1, 2])
			addPartition(loop, { number: each, startBytes: 65536 * each, sizeBytes: 65536 });
		const open = (partition: number): Fd => {
			const dev = readFileSync(`/sys/class/block/loop${number}p${partition}/dev`, "utf8");
			const [major, minor] = dev.split(":").map(Number) as [number, number];
			mknodat(nodes, `p${partition}`, "block", { major, minor }, 0o600);
			return openat2(nodes, `p${partition}`, { flags: constants.O_RDONLY });
		};
		{
			using first = open(1);
			using second = open(2);

			setBlockReadOnly(first, true);

			expect(blockReadOnly(first)).toBe(true);
			expect(blockReadOnly(second)).toBe(false);
			expect(blockReadOnly(loop)).toBe(false);
		}
		for (const each of [1, 2]) deletePartition(loop, each);
	});

	test.for([
		["there is one of its number", { number: 1, startBytes: 131072, sizeBytes: 512 }, "EBUSY"],
		[
			"it shares a sector with another",
			{ number: 2, startBytes: 66048, sizeBytes: 512 },
			"EBUSY",
		],
		["it is not whole sectors", { number: 2, startBytes: 131073, sizeBytes: 512 }, "EINVAL"],
		["it is empty", { number: 2, startBytes: 131072, sizeBytes: 0 }, "EINVAL"],
		["it has no number", { number: 0, startBytes: 131072, sizeBytes: 512 }, "EINVAL"],
		["its number is too large", { number: 256, startBytes: 131072, sizeBytes: 512 }, "EINVAL"],
	] as const)("refuse a partition where %s", async ([, partition, code], { expect }) => {
		await using loop = await bind({});
		addPartition(loop, { number: 1, startBytes: 65536, sizeBytes: 4096 });

		expect(() => addPartition(loop, partition)).toThrow(
			expect.objectContaining({ code, syscall: "BLKPG_ADD_PARTITION" }),
		);
		deletePartition(loop, 1);
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
