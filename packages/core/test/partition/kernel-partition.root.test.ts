import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, existsSync, readSync, writeSync } from "node:fs";
import {
	addPartition,
	AT_FDCWD,
	blockReadOnly,
	ioctl,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_PARTSCAN,
	loopStatus,
	openat2,
} from "@devhost/linux";
import { describeAsRoot, descriptorCount, slowness } from "@devhost/tools/testing";
import { test } from "vitest";
import { linuxPartitions } from "../../src/partition/kernel-linux.ts";
import { openPartitions } from "../../src/partition/kernel-partition.ts";
import { shownPartitions, TestDisk } from "./machine.ts";

const megabyte = 1 << 20;
const sys = linuxPartitions();

function range(number: number, startMegabytes: number = number) {
	return { number, startBytes: startMegabytes * megabyte, sizeBytes: megabyte };
}

function read(fd: number, offsetBytes: number): string {
	const bytes = Buffer.alloc(16);
	readSync(fd, bytes, 0, 16, offsetBytes);
	return bytes.toString("latin1").replace(/\0.*$/s, "");
}

function write(fd: number, text: string, offsetBytes: number): void {
	writeSync(fd, Buffer.from(text), 0, text.length, offsetBytes);
}

async function until(isSo: () => boolean): Promise<void> {
	while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describeAsRoot("partitions of a loop device", () => {
	test("are there while they are held, with nodes of theirs, and then not any more", async ({
		expect,
	}) => {
		using disk = await TestDisk.make();
		const before = descriptorCount();
		const partitions = [range(1), range(2), range(7, 20)];

		{
			await using open = await openPartitions(sys, disk.request({ partitions }));

			const name = `loop${disk.number}`;
			expect(open.partitions).toMatchObject([
				{ ...range(1), name: `${name}p1`, path: `${name}p1`, sectorBytes: 512 },
				{ ...range(2), name: `${name}p2`, path: `${name}p2`, readOnly: false },
				{ ...range(7, 20), name: `${name}p7`, path: `${name}p7` },
			]);
			expect(disk.shown()).toEqual([1, 2, 7]);
			expect(disk.nodes().toSorted()).toEqual([`${name}p1`, `${name}p2`, `${name}p7`]);
			expect(loopStatus(disk.disk)).toMatchObject({
				flags: LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN,
				tag: "devhost:core-test:disk",
			});
		}

		expect(disk.shown()).toEqual([]);
		expect(disk.nodes()).toEqual([]);
		expect(descriptorCount()).toBe(before);
	});

	test("show what was written to the disk before, and the disk what was written to them", async ({
		expect,
	}) => {
		using disk = await TestDisk.make();
		read(disk.disk.fd, 3 * megabyte); // has the disk cache it
		write(disk.disk.fd, "before", 2 * megabyte);

		{
			const partitions = [range(2), range(3)];
			await using open = await openPartitions(sys, disk.request({ partitions }));
			const [second, third] = open.partitions.map(({ path }) =>
				openat2(disk.devices, path, { flags: constants.O_RDWR }),
			);
			using _second = second;
			using _third = third;
			expect(read(second?.fd as number, 0)).toBe("before");
			write(third?.fd as number, "within", 0);
		}

		expect(read(disk.disk.fd, 3 * megabyte)).toBe("within");
		expect(read(disk.file.fd, 3 * megabyte)).toBe("within");
	});

	test("refuse writes where they are to be read only, and their disk does not", async ({
		expect,
	}) => {
		using disk = await TestDisk.make();
		const request = disk.request({ partitions: [range(1)], readOnly: true });

		await using open = await openPartitions(sys, request);

		expect(open.partitions[0]).toMatchObject({ readOnly: true });
		using partition = disk.open(1);
		expect(blockReadOnly(partition)).toBe(true);
		expect(blockReadOnly(disk.disk)).toBe(false);
	});

	test("can be read from a disk that can only be read, and not written", async ({ expect }) => {
		using disk = await TestDisk.make({ readOnly: true });
		const partitions = [range(1)];

		await expect(openPartitions(sys, disk.request({ partitions }))).rejects.toMatchObject({
			code: "ERR_DEVICE_READ_ONLY_FILE",
		});
		await using open = await openPartitions(sys, disk.request({ partitions, readOnly: true }));

		expect(open.partitions[0]).toMatchObject({ readOnly: true });
	});

	test("replace those that somebody left on the loop device", async ({ expect }) => {
		using disk = await TestDisk.make();
		addPartition(disk.disk, range(1, 5));
		addPartition(disk.disk, { number: 9, startBytes: megabyte, sizeBytes: megabyte / 2 });

		{
			const partitions = [range(1), range(2)];
			await using open = await openPartitions(sys, disk.request({ partitions }));

			expect(open.partitions).toMatchObject([range(1), range(2)]);
			expect(disk.shown()).toEqual([1, 2]);
		}

		expect(disk.shown()).toEqual([]);
	});

	test("wait for who has one open that is in the way, and name who stays", async ({ expect }) => {
		using disk = await TestDisk.make();
		const partitions = [range(1)];
		{
			// Else the kernel drops what is there when it is told to look for partitions.
			await using _ = await openPartitions(sys, disk.request({ partitions: [range(2)] }));
		}
		addPartition(disk.disk, range(1, 5));
		using other = disk.open(1);

		const request = disk.request({ partitions, closeTimeoutMs: 50 });
		await expect(openPartitions(sys, request)).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			holders: [{ kind: "process", pid: process.pid }],
		});
		const opening = openPartitions(sys, disk.request({ partitions }));
		setTimeout(() => other.close(), 30);
		await using open = await opening;

		expect(open.partitions).toMatchObject([range(1)]);
	});

	test("can be held twice, and go with the last one", async ({ expect }) => {
		using disk = await TestDisk.make();
		const request = disk.request({ partitions: [range(1)] });
		const first = await openPartitions(sys, request);
		const second = await openPartitions(sys, request);

		await first[Symbol.asyncDispose]();

		expect(disk.shown()).toEqual([1]);
		expect(second.partitions).toMatchObject([range(1)]);
		await second[Symbol.asyncDispose]();
		expect(disk.shown()).toEqual([]);
	});

	test("are opened and closed by several at once", async ({ expect }) => {
		using disk = await TestDisk.make();

		const rounds = Array.from({ length: 24 }, async (_, index) => {
			const partitions = [range(1 + (index % 8)), range(20 + index)];
			await using open = await openPartitions(sys, disk.request({ partitions }));
			return open.partitions.length;
		});

		expect(await Promise.all(rounds)).toEqual(rounds.map(() => 2));
		expect(disk.shown()).toEqual([]);
		expect(disk.nodes()).toEqual([]);
	});

	test("on which something stands are waited for, and then named", async ({ expect }) => {
		using disk = await TestDisk.make();
		const request = disk.request({ partitions: [range(1), range(2)], closeTimeoutMs: 100 });
		const open = await openPartitions(sys, request);
		using second = disk.open(2);
		using claim = openat2(AT_FDCWD, `/proc/self/fd/${second.fd}`, {
			flags: constants.O_RDONLY | constants.O_EXCL,
		});

		await expect(open[Symbol.asyncDispose]()).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message: expect.stringContaining(`disk: loop${disk.number}p2: still in use by pid`),
		});

		expect(disk.shown()).toEqual([2]);
		expect(disk.nodes()).toEqual([]);
		claim.close();
	});

	test("which others have open for a moment are gone all the same", async ({ expect }) => {
		using disk = await TestDisk.make();
		const open = await openPartitions(sys, disk.request({ partitions: [range(1), range(2)] }));
		const other = disk.open(2);
		setTimeout(() => other.close(), 60);

		await open[Symbol.asyncDispose]();

		expect(disk.shown()).toEqual([]);
	});

	test("stay when somebody has the kernel look for partitions", async ({ expect }) => {
		using disk = await TestDisk.make();
		await using _ = await openPartitions(sys, disk.request({ partitions: [range(3)] }));
		const look = { request: 0x125f, name: "BLKRRPART" };

		expect(() => ioctl(disk.disk, look)).toThrow(expect.objectContaining({ code: "EBUSY" }));

		expect(disk.shown()).toEqual([3]);
	});

	test("that somebody has changed are told of", async ({ expect }) => {
		using disk = await TestDisk.make();
		const open = await openPartitions(sys, disk.request({ partitions: [range(1)] }));
		const path = `/proc/${process.pid}/fd/${disk.disk.fd}`;
		execFileSync("resizepart", [path, "1", "1024"]);

		await expect(open[Symbol.asyncDispose]()).rejects.toMatchObject({
			code: "ERR_DEVICE_NOT_OURS",
			message: expect.stringContaining("has 524288 bytes from byte 1048576 on"),
		});

		expect(disk.shown()).toEqual([]);
	});

	test.for([
		[
			"leaves the disk",
			{ number: 1, startBytes: 63 * megabyte, sizeBytes: 2 * megabyte },
			512,
			"ERR_DEVICE_OUT_OF_RANGE",
		],
		[
			"is not whole sectors",
			{ number: 1, startBytes: 512, sizeBytes: megabyte },
			4096,
			"ERR_DEVICE_UNALIGNED",
		],
		["has a number that the kernel has not", range(256, 1), 512, "ERR_DEVICE_UNSUPPORTED"],
	] as const)(
		"are refused where one %s",
		async ([, partition, sectorBytes, code], { expect }) => {
			using disk = await TestDisk.make({ sectorBytes });
			const partitions = [range(2), partition];

			await expect(openPartitions(sys, disk.request({ partitions }))).rejects.toMatchObject({
				code,
			});

			expect(disk.shown()).toEqual([]);
			expect(disk.nodes()).toEqual([]);
		},
	);

	test(
		"go with the process that holds them, and with the disk, by kill -9",
		async ({ expect }) => {
			const program = new URL("fixtures/hold-partitions.ts", import.meta.url).pathname;
			const child = spawn(process.execPath, [program], {
				stdio: ["ignore", "pipe", "inherit"],
			});
			const [output] = (await once(child.stdout, "data")) as [Buffer];
			const number = Number(output);
			const before = shownPartitions(number);

			child.kill("SIGKILL");
			await once(child, "exit");

			await until(() => !existsSync(`/sys/block/loop${number}/loop`));
			expect(before).toEqual([1, 2, 3]);
			expect(shownPartitions(number)).toEqual([]);
		},
		10_000 * slowness,
	);
});
