import { constants, mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import {
	accept,
	AT_FDCWD,
	connectUnix,
	EAGAIN,
	Fd,
	MSG_CTRUNC,
	closeFd,
	listenUnix,
	maxFdsPerMessage,
	memfd,
	openat2,
	pipe,
	read,
	recvmsg,
	refuseDescriptors,
	sendmsg,
	setSocketBuffers,
	socketpair,
	socketType,
	spawn,
	statFd,
} from "../src/index.ts";
import { descriptorCount } from "@devhost/tools/testing";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

function send(socket: Fd, content: string, fds: readonly number[] = []): number {
	const data = bytes(content);
	return sendmsg(socket.fd, data, 0, data.length, undefined, 0, Int32Array.from(fds), fds.length);
}

function receive(
	socket: Fd,
	length = 4096,
): { result: number; content: string; fds: number[]; flags: number } {
	const into = new Uint8Array(length);
	const control = new Int32Array(255);
	const result = recvmsg(socket.fd, into, 0, length, control);
	const fds = Array.from(control.subarray(2, 2 + (control[1] as number)));
	return {
		result,
		content: text(into.subarray(0, Math.max(0, result))),
		fds,
		flags: control[0] as number,
	};
}

describe("socketpair", () => {
	test("carries bytes both ways", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;

		expect(send(a, "there")).toBe(5);
		expect(send(b, "back")).toBe(4);

		expect(receive(b).content).toBe("there");
		expect(receive(a).content).toBe("back");
	});

	test("knows its type", ({ expect }) => {
		const [a, b] = socketpair("seqpacket");
		using _a = a;
		using _b = b;
		using file = memfd("no socket");
		const [c, d] = socketpair("stream");
		using _c = c;
		using _d = d;

		expect(socketType(a)).toBe("seqpacket");
		expect(socketType(c)).toBe("stream");
		expect(socketType(file)).toBeUndefined();
	});

	test("says EAGAIN when there is nothing, 0 when the other end is gone", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;

		expect(receive(a).result).toBe(-EAGAIN);
		b.close();
		expect(receive(a).result).toBe(0);
	});

	test("gathers a head and a tail into one message", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;

		const result = sendmsg(a.fd, bytes("xheady"), 1, 5, bytes("..tail"), 2, undefined, 0);

		expect(result).toBe(8);
		expect(receive(b).content).toBe("headtail");
	});

	test("grows its buffers when asked", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		const block = new Uint8Array(1 << 20);

		setSocketBuffers(a, { sendBytes: 4 << 20 });

		expect(sendmsg(a.fd, block, 0, block.length, undefined, 0, undefined, 0)).toBe(
			block.length,
		);
	});
});

describe("descriptors over a socket", () => {
	test("arrive as other numbers of the same file", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		using file = memfd("sent");
		writeSync(file.fd, "content");

		send(a, "x", [file.fd]);
		const { fds } = receive(b);
		using received = Fd.adopt(fds[0] as number);

		expect(fds).toHaveLength(1);
		expect(received.fd).not.toBe(file.fd);
		expect(statFd(received).inode).toBe(statFd(file).inode);
	});

	test("are close-on-exec", async ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		using file = memfd("sent");
		send(a, "x", [file.fd]);
		using received = Fd.adopt(receive(b).fds[0] as number);

		const child = spawn({
			file: "/bin/sh",
			argv: ["sh", "-c", `test ! -e /proc/self/fd/${received.fd}`],
			environment: {},
		});

		expect(await child.exited).toEqual({ code: 0 });
	});

	test("pass up to 253 at once, and not one more", ({ expect }) => {
		const before = descriptorCount();
		const [a, b] = socketpair("stream");
		const file = memfd("many");
		const many = (count: number): number[] => Array.from({ length: count }, () => file.fd);

		expect(send(a, "x", many(maxFdsPerMessage + 1))).toBe(-22);
		expect(send(a, "x", many(maxFdsPerMessage))).toBe(1);
		const { fds, flags } = receive(b);

		expect(fds).toHaveLength(maxFdsPerMessage);
		expect(new Set(fds).size).toBe(maxFdsPerMessage);
		expect(flags & MSG_CTRUNC).toBe(0);
		for (const fd of fds) closeFd(fd);
		for (const owned of [a, b, file]) owned.close();
		expect(descriptorCount()).toBe(before);
	});

	test("stay the sender's when the queue is full", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		using file = memfd("kept");
		const block = new Uint8Array(1 << 16);
		while (sendmsg(a.fd, block, 0, block.length, undefined, 0, undefined, 0) > 0);

		expect(send(a, "x", [file.fd])).toBe(-EAGAIN);
		expect(statFd(file).type).toBe("file");
	});

	test("ride on the first byte of a partly taken message", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		using file = memfd("partial");
		const block = new Uint8Array(4 << 20);

		const taken = sendmsg(
			a.fd,
			block,
			0,
			block.length,
			undefined,
			0,
			Int32Array.of(file.fd),
			1,
		);
		const { result, fds } = receive(b, 3);

		expect(taken).toBeGreaterThan(0);
		expect(taken).toBeLessThan(block.length);
		expect(result).toBe(3);
		expect(fds).toHaveLength(1);
		closeFd(fds[0] as number);
	});

	test("are refused where none are expected, on a kernel that can", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		using file = memfd("refused");

		const able = refuseDescriptors(b);

		expect(send(a, "x", [file.fd])).toBe(able ? -1 : 1);
		for (const fd of receive(b).fds) closeFd(fd);
	});

	test("reject arguments that leave their buffer", ({ expect }) => {
		const [a, b] = socketpair("stream");
		using _a = a;
		using _b = b;
		const data = new Uint8Array(8);

		expect(sendmsg(a.fd, data, 0, 9, undefined, 0, undefined, 0)).toBe(-22);
		expect(sendmsg(a.fd, data, 5, 4, undefined, 0, undefined, 0)).toBe(-22);
		expect(sendmsg(a.fd, data, 0, 8, data, 9, undefined, 0)).toBe(-22);
		expect(sendmsg(a.fd, data, 0, 8, undefined, 0, Int32Array.of(1), 2)).toBe(-22);
		expect(recvmsg(b.fd, data, 0, 9, new Int32Array(255))).toBe(-22);
		expect(recvmsg(b.fd, data, 0, 8, new Int32Array(254))).toBe(-22);
	});
});

describe("pipe", () => {
	test("is read without exceptions", ({ expect }) => {
		const [reader, writer] = pipe({ nonBlocking: true });
		using _reader = reader;
		const into = new Uint8Array(16);

		expect(read(reader.fd, into, 0, 16)).toBe(-EAGAIN);
		writeSync(writer.fd, "piped");
		expect(read(reader.fd, into, 0, 16)).toBe(5);
		expect(text(into.subarray(0, 5))).toBe("piped");
		writer.close();
		expect(read(reader.fd, into, 0, 16)).toBe(0);
	});
});

describe("a socket at a path", () => {
	test("accepts those who connect, each once", ({ expect, onTestFinished }) => {
		const folder = mkdtempSync(join(tmpdir(), "devhost-socket-"));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const path = join(folder, "api");
		using listener = listenUnix("seqpacket", path);
		expect(accept(listener)).toBe(undefined);

		using client = connectUnix("seqpacket", path);
		using server = accept(listener);
		send(client, "hello");

		expect(receive(server as Fd).content).toBe("hello");
		expect(accept(listener)).toBe(undefined);
		expect(socketType(server as Fd)).toBe("seqpacket");
		// A packet at a time: neither end waits.
		expect(receive(server as Fd).result).toBe(-EAGAIN);
	});

	test("may be in a directory that is known by its descriptor only", ({
		expect,
		onTestFinished,
	}) => {
		const folder = mkdtempSync(join(tmpdir(), "devhost-socket-"));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		using directory = openat2(AT_FDCWD, folder, { flags: constants.O_DIRECTORY });

		using listener = listenUnix("stream", `/proc/self/fd/${directory.fd}/api`);
		using client = connectUnix("stream", join(folder, "api"));
		using server = accept(listener);

		expect(send(client, "x")).toBe(1);
		expect(server?.isOpen).toBe(true);
	});

	test.for([
		["it is there already", "listen", "api", "EADDRINUSE"],
		["the directory is missing", "listen", "none/api", "ENOENT"],
		["the path is too long", "listen", "a".repeat(108), "ENAMETOOLONG"],
		["nobody listens any more", "connect", "api", "ECONNREFUSED"],
		["nothing is there", "connect", "none", "ENOENT"],
	] as const)("fails where %s", ([, way, name, code], { expect, onTestFinished }) => {
		const folder = mkdtempSync(join(tmpdir(), "devhost-socket-"));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		listenUnix("seqpacket", join(folder, "api")).close();
		const count = descriptorCount();

		const open = way === "listen" ? listenUnix : connectUnix;

		expect(() => open("seqpacket", join(folder, name))).toThrow(
			expect.objectContaining({ name: "SysError", code }),
		);
		expect(descriptorCount()).toBe(count);
	});
});
