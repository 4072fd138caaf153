import { closeSync, openSync, readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { type Fd, pipe, read, recvmsg, setNonBlocking, socketpair } from "@devhost/linux";
import { TextOutput } from "../src/write-text.ts";

/** Much more than a pipe or socket holds, with every line another one. */
const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index} ✓\n`);

const readPipe = (fd: Fd, into: Uint8Array): number => read(fd.fd, into, 0, into.length);
const control = new Int32Array(255);
const readSocket = (fd: Fd, into: Uint8Array): number =>
	recvmsg(fd.fd, into, 0, into.length, control);

/** A pipe whose reader does not wait: in this thread nothing would be written meanwhile. */
function quickPipe(): [Fd, Fd] {
	const [readEnd, writeEnd] = pipe();
	setNonBlocking(readEnd, true);
	return [readEnd, writeEnd];
}

const kinds = [
	["a pipe", quickPipe, readPipe],
	["a socket", () => socketpair("stream"), readSocket],
] as const;

/** Reads this many bytes while the event loop goes on. */
async function readAll(
	fd: Fd,
	readSome: (fd: Fd, into: Uint8Array) => number,
	size: number,
): Promise<string> {
	const pieces: Buffer[] = [];
	for (let total = 0; total < size;) {
		const piece = Buffer.alloc(10_000);
		await new Promise((resolve) => setImmediate(resolve));
		const count = readSome(fd, piece);
		if (count <= 0) continue;
		pieces.push(piece.subarray(0, count));
		total += count;
	}
	return Buffer.concat(pieces).toString("utf8");
}

describe.for(kinds)("TextOutput on %s", ([, open, readSome]) => {
	test("writes at once while there is room", ({ expect }) => {
		using ends = new DisposableStack();
		const [readEnd, writeEnd] = open().map((fd) => ends.use(fd)) as [Fd, Fd];
		const output = new TextOutput(writeEnd.fd);

		output.write("one\n");
		output.write("two\n");

		expect(output.written()).toBe(undefined);
		const into = Buffer.alloc(100);
		const count = readSome(readEnd, into);
		expect(into.toString("utf8", 0, count)).toBe("one\ntwo\n");
	});

	test("does not wait for a reader that is slow, and loses nothing", async ({ expect }) => {
		using ends = new DisposableStack();
		const [readEnd, writeEnd] = open().map((fd) => ends.use(fd)) as [Fd, Fd];
		const output = new TextOutput(writeEnd.fd);

		for (const line of lines) output.write(line);
		expect(output.room()).toBeInstanceOf(Promise);
		const text = lines.join("");
		const [got] = await Promise.all([
			readAll(readEnd, readSome, Buffer.byteLength(text)),
			output.room(),
			output.written(),
		]);

		expect(got === text).toBe(true);
		expect(output.room()).toBe(undefined);
		expect(output.written()).toBe(undefined);
		expect(output.failure).toBe(undefined);
	});

	test("leaves the mode of the descriptor alone", ({ expect }) => {
		using ends = new DisposableStack();
		const [, writeEnd] = open().map((fd) => ends.use(fd)) as [Fd, Fd];
		const mode = (): string => readFileSync(`/proc/self/fdinfo/${writeEnd.fd}`, "utf8");
		const before = mode();

		new TextOutput(writeEnd.fd).write("text");

		expect(mode()).toBe(before);
	});

	test("takes it as no failure that the reader has gone", async ({ expect }) => {
		using ends = new DisposableStack();
		const [readEnd, writeEnd] = open().map((fd) => ends.use(fd)) as [Fd, Fd];
		const output = new TextOutput(writeEnd.fd);
		output.write("x".repeat(4 << 20));
		const written = output.written();

		readEnd.close();
		await written;
		output.write("more");

		expect(output.written()).toBe(undefined);
		expect(output.failure).toBe(undefined);
	});

	test("gives up what is not read when it is told to", async ({ expect }) => {
		using ends = new DisposableStack();
		const [readEnd, writeEnd] = open().map((fd) => ends.use(fd)) as [Fd, Fd];
		const output = new TextOutput(writeEnd.fd);
		output.write("x".repeat(4 << 20));
		const written = output.written();

		output.drop();
		await written;

		expect(output.written()).toBe(undefined);
		// A thread still waits for the reader, and would keep the descriptor's number busy.
		readEnd.close();
	});
});

test("TextOutput knows that a disk is full", ({ expect }) => {
	const fd = openSync("/dev/full", "w");
	const output = new TextOutput(fd);

	output.write("text");
	closeSync(fd);

	expect(output.failure).toMatchObject({ code: "ENOSPC" });
	expect(output.written()).toBe(undefined);
});
