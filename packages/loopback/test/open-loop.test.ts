import { test } from "vitest";
import type { LoopFacts, LoopSys } from "../src/loop.ts";
import type { LoopRequest } from "../src/loop-request.ts";
import { openLoop } from "../src/open-loop.ts";
import { type FakeFile, fakeLoop, type FakeOptions, oneMiB, sysError } from "./fake-loop.ts";

function request(changes: Partial<LoopRequest> = {}): LoopRequest {
	return {
		file: "disk.img",
		filename: "disk.img",
		tree: 10,
		startBytes: 0,
		sizeBytes: undefined,
		sectorBytes: 512,
		readOnly: false,
		lock: false,
		directIo: false,
		partscan: false,
		devices: 11,
		tag: "devhost:test:disk",
		closeTimeoutMs: 40,
		signal: undefined,
		...changes,
	};
}

/** What opening fails with, on a machine where afterwards nothing may be left. */
async function refusal(
	options: FakeOptions,
	changes: Partial<LoopRequest> = {},
): Promise<{ error: unknown; left: readonly string[] }> {
	const machine = fakeLoop(options);
	const error = await openLoop(machine.sys, request(changes)).then(
		() => undefined,
		(reason: unknown) => reason,
	);
	return { error, left: machine.leftovers() };
}

test("opens and closes in this order", async ({ expect }) => {
	const machine = fakeLoop();

	const loop = await openLoop(machine.sys, request());
	const opening = [...machine.log];
	await loop[Symbol.asyncDispose]();
	const closing = machine.log.slice(opening.length);

	expect(opening).toEqual([
		"findFile",
		"statFile",
		"openFile to write",
		"openFile to read",
		"close found file",
		"lockRange",
		"getFree",
		"openNode",
		"lock",
		"bind",
		"makeNode",
		"unlock",
	]);
	expect(closing).toEqual([
		"claim",
		"removeNode",
		"examine",
		"flush",
		"syncFile",
		"close loop",
		"close claim",
		"isBound",
		"close file to write",
		"close file to read",
	]);
	expect(machine.leftovers()).toEqual([]);
});

test("looks no further for a device that was seen to be gone", async ({ expect }) => {
	const machine = fakeLoop();
	const sys: LoopSys = {
		...machine.sys,
		unbind: async (...wanted) => ({ ...(await machine.sys.unbind(...wanted)), isGone: true }),
	};

	const loop = await openLoop(sys, request());
	await loop[Symbol.asyncDispose]();

	expect(machine.log).toContain("close claim");
	expect(machine.log).not.toContain("isBound");
	expect(machine.leftovers()).toEqual([]);
});

test("looks for partitions only once the device is bound (systemd#41425)", async ({ expect }) => {
	const machine = fakeLoop();

	await using _ = await openLoop(machine.sys, request({ partscan: true }));

	expect(machine.log.indexOf("setPartscan")).toBeGreaterThan(machine.log.indexOf("bind"));
});

test("writes nothing back from a device that nobody could write", async ({ expect }) => {
	const machine = fakeLoop();

	const loop = await openLoop(machine.sys, request({ readOnly: true }));
	await loop.flush();
	await loop[Symbol.asyncDispose]();

	expect(machine.log).not.toContain("flush");
	expect(machine.log).not.toContain("syncFile");
	expect(machine.leftovers()).toEqual([]);
});

test("replaces a node of the same name (H-12)", async ({ expect }) => {
	const machine = fakeLoop();
	machine.nodes.set("loop0", "foreign");

	await using loop = await openLoop(machine.sys, request());

	expect(loop.path).toBe("loop0");
	expect([...machine.nodes]).toEqual([["loop0", 0]]);
});

const file = (changes: Partial<FakeFile>): FakeOptions => ({
	files: { "disk.img": { type: "file", sizeBytes: 1 << 20, ...changes } },
});

test.for([
	["a missing file", { files: {} }, "ERR_DEVICE_FILE"],
	["a directory", file({ type: "directory" }), "ERR_DEVICE_FILE"],
	["a FIFO", file({ type: "fifo" }), "ERR_DEVICE_FILE"],
	["a socket", file({ type: "socket" }), "ERR_DEVICE_FILE"],
	["a character device", file({ type: "char" }), "ERR_DEVICE_FILE"],
	["an empty file", file({ sizeBytes: 0 }), "ERR_DEVICE_FILE"],
	["a file smaller than a sector", file({ sizeBytes: 511 }), "ERR_DEVICE_FILE"],
	["a file that is not whole sectors", file({ sizeBytes: 1025 }), "ERR_DEVICE_UNALIGNED"],
	["a file that nobody may write", file({ mode: 0o444 }), "ERR_DEVICE_READ_ONLY_FILE"],
	[
		"a read-only file system",
		file({ refuses: { writing: "EROFS" } }),
		"ERR_DEVICE_READ_ONLY_FILE",
	],
	["an immutable file", file({ refuses: { writing: "EPERM" } }), "ERR_DEVICE_READ_ONLY_FILE"],
	["a running program", file({ refuses: { writing: "ETXTBSY" } }), "ERR_DEVICE_READ_ONLY_FILE"],
	[
		"a file that may not be read",
		file({ refuses: { reading: "EACCES" } }),
		"ERR_DEVICE_PERMISSION",
	],
	[
		"a device without a driver",
		file({ type: "block", refuses: { reading: "ENXIO" } }),
		"ERR_DEVICE_FILE",
	],
	["a disk that fails", file({ refuses: { reading: "EIO" } }), "ERR_DEVICE_SYSTEM"],
] as const)("refuses %s", async ([, options, code], { expect }) => {
	const { error, left } = await refusal(options);

	expect(error).toMatchObject({ name: "DeviceError", code });
	expect((error as Error).message).toMatch(/^disk\.img: /);
	expect(left).toEqual([]);
});

test.for([
	["a file that nobody may write", file({ mode: 0o444 })],
	["a read-only file system", file({ refuses: { writing: "EROFS" } })],
] as const)("opens %s with read-only", async ([, options], { expect }) => {
	const machine = fakeLoop(options);

	await using loop = await openLoop(machine.sys, request({ readOnly: true }));

	expect(loop.facts.readOnly).toBe(true);
	expect(machine.log).not.toContain("openFile to write");
});

test("takes a block device, whose size stat does not know", async ({ expect }) => {
	const machine = fakeLoop(file({ type: "block", sizeBytes: 8192 }));

	await using loop = await openLoop(machine.sys, request());

	expect(loop.facts.sizeBytes).toBe(8192);
});

test("uses an open file as it is", async ({ expect }) => {
	const machine = fakeLoop();
	const mine = machine.sys.findFile(10, "disk.img");

	const loop = await openLoop(machine.sys, request({ file: mine.fd }));
	await loop[Symbol.asyncDispose]();

	expect(machine.log).not.toContain("openFile to write");
	expect(machine.leftovers()).toEqual(["found file"]);
});

test("tries another device while others are quicker", async ({ expect }) => {
	const errors = ["EBUSY", "ENXIO", "EAGAIN", "ENODEV", undefined] as const;
	const machine = fakeLoop({
		configure: (number, attempt) => (number === 0 ? errors[attempt - 1] : errors[3 + attempt]),
	});

	await using loop = await openLoop(machine.sys, request());

	// Three times the first one, then it is passed over.
	expect(machine.log.filter((step) => step === "bind")).toHaveLength(4);
	expect(loop.number).toBe(1);
});

test("passes over a device that somebody has locked", async ({ expect }) => {
	const machine = fakeLoop({ isLocked: (number) => number === 0 });

	await using loop = await openLoop(machine.sys, request());

	expect(loop.number).toBe(1);
});

test("gives up when no device can be had", async ({ expect }) => {
	const machine = fakeLoop({ configure: () => "EBUSY" });
	const sys: LoopSys = { ...machine.sys, delay: () => Promise.resolve() };

	await expect(openLoop(sys, request())).rejects.toMatchObject({
		code: "ERR_DEVICE_NO_FREE",
		message: expect.stringMatching(
			/^disk\.img: no loop device could be had in 100 attempts \(at last: loop\d+ EBUSY, /,
		),
	});

	expect(machine.leftovers()).toEqual([]);
});

test.for([
	["ENOENT", "ERR_DEVICE_UNSUPPORTED"],
	["ENODEV", "ERR_DEVICE_UNSUPPORTED"],
	["EACCES", "ERR_DEVICE_PERMISSION"],
	["EPERM", "ERR_DEVICE_PERMISSION"],
	["EMFILE", "ERR_DEVICE_SYSTEM"],
] as const)("says what to do when loop-control says %s", async ([errno, code], { expect }) => {
	const machine = fakeLoop();
	const sys: LoopSys = {
		...machine.sys,
		getFree() {
			throw sysError(errno, "openat2");
		},
	};

	await expect(openLoop(sys, request())).rejects.toMatchObject({ code, cause: { code: errno } });
	expect(machine.leftovers()).toEqual([]);
});

test.for([
	["ENOSPC", "ERR_DEVICE_NO_FREE"],
	["ENOMEM", "ERR_DEVICE_NO_FREE"],
	["ENOTTY", "ERR_DEVICE_UNSUPPORTED"],
] as const)(
	"says what to do when there is no device to give: %s",
	async ([errno, code], { expect }) => {
		const machine = fakeLoop();
		const sys: LoopSys = {
			...machine.sys,
			getFree() {
				throw sysError(errno, "LOOP_CTL_GET_FREE");
			},
		};

		await expect(openLoop(sys, request())).rejects.toMatchObject({ code });
		expect(machine.leftovers()).toEqual([]);
	},
);

test.for([
	["EINVAL", "ERR_DEVICE_UNSUPPORTED"],
	["EPERM", "ERR_DEVICE_PERMISSION"],
	["EOVERFLOW", "ERR_DEVICE_OUT_OF_RANGE"],
	["EIO", "ERR_DEVICE_SYSTEM"],
] as const)("does not try again when binding fails with %s", async ([errno, code], { expect }) => {
	let attempts = 0;
	const { error, left } = await refusal({
		configure() {
			attempts++;
			return errno;
		},
	});

	expect(error).toMatchObject({ code, cause: { code: errno, syscall: "LOOP_CONFIGURE" } });
	expect(attempts).toBe(1);
	expect(left).toEqual([]);
});

const wrong: readonly [string, Partial<LoopFacts>, Partial<LoopRequest>, string][] = [
	[
		"sectors of another size (H-8)",
		{ sectorBytes: 512 },
		{ sectorBytes: 4096 },
		"ERR_DEVICE_UNSUPPORTED",
	],
	["no direct I/O", { directIo: false }, { directIo: true }, "ERR_DEVICE_UNSUPPORTED"],
	["less than was asked for", { sizeBytes: 512 }, {}, "ERR_DEVICE_OUT_OF_RANGE"],
	["another file", { inode: 43n }, {}, "ERR_DEVICE_NOT_OURS"],
	["another offset", { offsetBytes: 512 }, {}, "ERR_DEVICE_NOT_OURS"],
	["another tag", { tag: "" }, {}, "ERR_DEVICE_NOT_OURS"],
	["a read-only device", { readOnly: true }, {}, "ERR_DEVICE_READ_ONLY_FILE"],
];

test.for(wrong)(
	"does not take %s for what it asked for",
	async ([, changes, asked, code], { expect }) => {
		const { error, left } = await refusal(
			{ describe: (facts) => ({ ...facts, ...changes }) },
			asked,
		);

		expect(error).toMatchObject({ code });
		expect(left).toEqual([]);
	},
);

test("waits for another device of the same bytes, and then names it", async ({ expect }) => {
	const patient = fakeLoop({ lockedElsewhere: 3 });
	await using loop = await openLoop(patient.sys, request({ closeTimeoutMs: 5000 }));
	expect(loop.number).toBe(0);

	const machine = fakeLoop({ lockedElsewhere: 1000 });
	await expect(openLoop(machine.sys, request())).rejects.toMatchObject({
		code: "ERR_DEVICE_BUSY",
		holders: [{ kind: "device", device: "loop9" }],
	});
	expect(machine.leftovers()).toEqual([]);
});

test("waits for others to let go, and writes back what they left", async ({ expect }) => {
	const machine = fakeLoop({ openedElsewhere: 4 });

	const loop = await openLoop(machine.sys, request({ closeTimeoutMs: 5000 }));
	await loop[Symbol.asyncDispose]();

	expect(machine.log.filter((step) => step === "syncFile")).toHaveLength(2);
	expect(machine.log.lastIndexOf("syncFile")).toBeGreaterThan(machine.log.lastIndexOf("isBound"));
	expect(machine.leftovers()).toEqual([]);
});

test("names who has it open at the deadline", async ({ expect }) => {
	const machine = fakeLoop({ openedElsewhere: 1000 });

	const loop = await openLoop(machine.sys, request());
	const closing = loop[Symbol.asyncDispose]();

	await expect(closing).rejects.toMatchObject({
		code: "ERR_DEVICE_BUSY",
		message: "disk.img: loop0: still in use by pid 4711 (qemu) with /dev/loop0 open",
		holders: [{ kind: "process", pid: 4711 }],
	});
	expect(machine.leftovers()).toEqual(["bound loop0"]);
});

test("names who has it open also when it cannot keep others off", async ({ expect }) => {
	const machine = fakeLoop({
		openedElsewhere: 1000,
		step(name) {
			if (name === "claim") throw sysError("EMFILE", "openat2");
		},
	});

	const loop = await openLoop(machine.sys, request());
	const closing = loop[Symbol.asyncDispose]();

	await expect(closing).rejects.toMatchObject({
		code: "ERR_DEVICE_SYSTEM",
		cause: { code: "EMFILE" },
		closeFailures: [{ code: "ERR_DEVICE_BUSY", holders: [{ pid: 4711 }] }],
	});
	expect(machine.leftovers()).toEqual(["bound loop0"]);
});

test("waits for a file system on it before it writes back", async ({ expect }) => {
	const machine = fakeLoop({ claimedElsewhere: 3 });

	const loop = await openLoop(machine.sys, request({ closeTimeoutMs: 5000 }));
	await loop[Symbol.asyncDispose]();

	expect(machine.log.lastIndexOf("claim")).toBeLessThan(machine.log.indexOf("flush"));
	expect(machine.leftovers()).toEqual([]);
});

test("lets go of a device that others keep, all the same", async ({ expect }) => {
	const machine = fakeLoop({ claimedElsewhere: 1000, openedElsewhere: 1000 });

	const loop = await openLoop(machine.sys, request());
	const closing = loop[Symbol.asyncDispose]();

	await expect(closing).rejects.toMatchObject({ code: "ERR_DEVICE_BUSY", closeFailures: [] });
	expect(machine.log).toContain("flush");
	expect(machine.leftovers()).toEqual(["bound loop0"]);
});

test("does not swallow lost writes, nor what fails after them", async ({ expect }) => {
	const machine = fakeLoop({
		freeBytes: 0,
		step(name) {
			if (name === "flush") throw sysError("EIO", "fsync");
			if (name === "close claim") throw sysError("EDQUOT", "close");
		},
	});

	const loop = await openLoop(machine.sys, request());
	const closing = loop[Symbol.asyncDispose]();

	await expect(closing).rejects.toMatchObject({
		code: "ERR_DEVICE_CLOSE",
		message:
			"disk.img: loop0: part of what was written to the device is lost, " +
			"the file system of the file is full. Do not use the file",
		cause: { code: "EIO" },
		closeFailures: [{ code: "ERR_DEVICE_SYSTEM", cause: { code: "EDQUOT" } }],
	});
	expect(machine.leftovers()).toEqual([]);
});

test("flushes on demand, but not what is closed", async ({ expect }) => {
	const machine = fakeLoop();
	const loop = await openLoop(machine.sys, request());

	await loop.flush();
	const flushes = machine.log.filter((step) => step === "flush");
	await loop[Symbol.asyncDispose]();

	expect(flushes).toHaveLength(1);
	await expect(loop.flush()).rejects.toMatchObject({ code: "ERR_DEVICE_CLOSED" });
});

test("gives up when told to, with the reason", async ({ expect }) => {
	const reason = new Error("never mind");
	const { error, left } = await refusal(
		{ configure: () => "EBUSY" },
		{ signal: AbortSignal.abort(reason) },
	);

	expect(error).toMatchObject({ code: "ERR_DEVICE_CANCELLED", cause: reason });
	expect(left).toEqual([]);
});

test("tells a device to go that somebody told to stay, and says so", async ({ expect }) => {
	const machine = fakeLoop();
	const loop = await openLoop(machine.sys, request());
	machine.staying.add(loop.number);

	await expect(loop[Symbol.asyncDispose]()).rejects.toMatchObject({
		code: "ERR_DEVICE_NOT_OURS",
		message:
			"disk.img: loop0: somebody has changed the device while it was open: it would have stayed bound. Do not use the file",
	});

	expect(machine.leftovers()).toEqual([]);
});

test("does not touch a device that is somebody else's by now", async ({ expect }) => {
	const machine = fakeLoop();
	const loop = await openLoop(machine.sys, request());
	const facts = machine.bound.get(loop.number) as LoopFacts;
	machine.bound.set(loop.number, { ...facts, tag: "another's", diskSequence: 77n });
	machine.staying.add(loop.number);

	await expect(loop[Symbol.asyncDispose]()).rejects.toMatchObject({
		code: "ERR_DEVICE_NOT_OURS",
		message: expect.stringContaining("it shows another file"),
	});

	expect(machine.log).not.toContain("clear");
	expect([...machine.bound.keys()]).toEqual([loop.number]);
});

test("gives up when told to, and says what could not be undone", async ({ expect }) => {
	const reason = new Error("never mind");
	const controller = new AbortController();
	const { error, left } = await refusal(
		{
			step(name) {
				if (name === "unlock") controller.abort(reason);
				if (name === "removeNode") throw sysError("EIO", "unlinkat");
			},
		},
		{ signal: controller.signal },
	);

	expect(error).toMatchObject({
		code: "ERR_DEVICE_CANCELLED",
		cause: reason,
		closeFailures: [{ code: "ERR_DEVICE_SYSTEM", cause: { syscall: "unlinkat" } }],
	});
	expect(left).toEqual([]);
});

test("gives up in time", async ({ expect }) => {
	const { error, left } = await refusal(
		{ configure: () => "EBUSY" },
		{ signal: AbortSignal.timeout(20) },
	);

	expect(error).toMatchObject({ code: "ERR_DEVICE_TIMEOUT", cause: { name: "TimeoutError" } });
	expect(left).toEqual([]);
});

test("opens many at once on a device each", async ({ expect }) => {
	const machine = fakeLoop({ files: oneMiB });

	const loops = await Promise.all(
		Array.from({ length: 20 }, () => openLoop(machine.sys, request())),
	);
	const numbers = loops.map(({ number }) => number).toSorted((a, b) => a - b);
	await Promise.all(loops.map((loop) => loop[Symbol.asyncDispose]()));

	expect(numbers).toEqual([...Array(20).keys()]);
	expect(machine.log.filter((step) => step === "bind")).toHaveLength(20);
	expect(machine.log.filter((step) => step === "getFree")).toHaveLength(1);
	expect(machine.leftovers()).toEqual([]);
});

test("passes over devices of others, once it has met one", async ({ expect }) => {
	const machine = fakeLoop({ files: oneMiB });
	let looks = 0;
	let waitedMs = 0;
	const sys: LoopSys = {
		...machine.sys,
		isInUse(number) {
			looks++;
			return machine.sys.isInUse(number);
		},
		delay: async (ms) => void (waitedMs += ms),
	};
	const gate = Promise.withResolvers<void>();
	const slow: LoopSys = {
		...sys,
		async bind(loop, file, config) {
			await gate.promise;
			return machine.sys.bind(loop, file, config);
		},
	};
	const two = await Promise.all([openLoop(sys, request()), openLoop(sys, request())]);
	const looksWithoutOthers = looks;
	for (const number of [3, 4, 5]) {
		machine.bound.set(number, two[0].facts);
		machine.staying.add(number);
	}

	// Until it is bound, the kernel offers it to everybody.
	const third = openLoop(slow, request());
	const fourth = await openLoop(sys, request());
	gate.resolve();
	const loops = [...two, await third, fourth];
	const numbers = loops.map(({ number }) => number);
	await Promise.all(loops.map((loop) => loop[Symbol.asyncDispose]()));

	expect(numbers).toEqual([0, 1, 2, 6]);
	expect({ looksWithoutOthers, waitedMs }).toEqual({ looksWithoutOthers: 0, waitedMs: 0 });
	expect([...machine.bound.keys()]).toEqual([3, 4, 5]);
});
