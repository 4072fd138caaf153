import { readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { headerBytes, readHeader, writeHeader, type Header } from "../src/frame.ts";
import {
	maxBlobBytes,
	maxBodyBytes,
	maxCallsInFlight,
	maxFrameFds,
	maxNesting,
	maxQueuedFds,
	maxValues,
	minSignalCost,
	signalWindowBytes,
} from "../src/limits.ts";
import {
	BYE,
	CALL,
	CANCEL,
	CREDIT,
	ERROR,
	HELLO,
	messageNames,
	type OutgoingMessage,
	RESULT,
	SIGNAL,
	WELCOME,
} from "../src/message.ts";
import { encodeFrame } from "../src/msgpack-dialect.ts";

const text = readFileSync(`${import.meta.dirname}/../PROTOCOL.md`, "utf8");

/** The bytes of a hex dump; its offsets have to be right. */
function bytesOf(dump: string): Buffer {
	const bytes: number[] = [];
	for (const line of dump.trim().split("\n")) {
		const [, offset = "", hex = ""] =
			/^([0-9a-f]{8}) {2}((?:[0-9a-f]{2} {1,2})+)\s*\| +\S/.exec(line) ?? [];
		if (Number.parseInt(offset, 16) !== bytes.length) throw new Error(`wrong offset: ${line}`);
		bytes.push(
			...hex
				.trim()
				.split(/ +/)
				.map((byte) => Number.parseInt(byte, 16)),
		);
	}
	return Buffer.from(bytes);
}

function streamOf(messages: readonly OutgoingMessage[]): Buffer {
	const frames = messages.map((message, sequence) => {
		const { bytes, start, end } = encodeFrame(message, sequence);
		return Buffer.concat([bytes.subarray(start, end), message.blob ?? new Uint8Array()]);
	});
	return Buffer.concat(frames);
}

describe("PROTOCOL.md", () => {
	const dumps = [...text.matchAll(/```hexdump\n([^`]*)```/g)].map(([, dump = ""]) =>
		bytesOf(dump),
	);

	test("shows what the host sends", ({ expect }) => {
		const messages: OutgoingMessage[] = [
			{ type: WELCOME, value: { protocol: 1 } },
			{
				type: CALL,
				id: 1,
				arg: 120_000,
				value: ["open", { name: "root" }],
				blob: Buffer.from("raw!"),
				fds: [0, 0],
			},
			{ type: CREDIT, id: 1, arg: 131_072 },
			{ type: CALL, id: 2, arg: 5000, value: ["close"] },
			{ type: CANCEL, id: 2 },
			{ type: BYE },
		];

		expect(dumps[0]?.toString("hex")).toBe(streamOf(messages).toString("hex"));
	});

	test("shows what the service sends", ({ expect }) => {
		const hello = { protocol: [1, 1], module: "example.echo", version: "1.0.0", pid: 4242 };
		const busy = { code: "ERR_DEVICE_BUSY", name: "DeviceError", message: "loop3 is busy" };
		const messages: OutgoingMessage[] = [
			{ type: HELLO, value: hello },
			{ type: SIGNAL, id: 1, value: ["progress", 0.5] },
			{ type: RESULT, id: 1, value: { size: 40_960 }, fds: [0] },
			{ type: ERROR, id: 2, value: busy },
			{ type: BYE },
		];

		expect(dumps[1]?.toString("hex")).toBe(streamOf(messages).toString("hex"));
		expect(dumps.length).toBe(2);
	});

	test("has the types and their numbers", ({ expect }) => {
		const rows = [...text.matchAll(/^\| (\d+) \| ([A-Z]+) \|/gm)].map(([, number, name]) => [
			Number(number),
			name,
		]);

		expect(rows).toEqual([...messageNames.entries()].slice(1));
	});

	test("has the limits that are enforced", ({ expect }) => {
		for (const limit of [
			maxBodyBytes,
			maxBlobBytes,
			maxCallsInFlight,
			maxFrameFds,
			maxNesting,
			maxQueuedFds,
			maxValues,
			minSignalCost,
			signalWindowBytes,
		]) {
			expect(text).toMatch(new RegExp(`\\b${limit.toLocaleString("en")}\\b`));
		}
	});
});

describe("a header", () => {
	test("is read as it was written", ({ expect }) => {
		const written: Header = {
			bodyBytes: maxBodyBytes,
			blobBytes: maxBlobBytes,
			id: 0xffff_ffff,
			type: CALL,
			flags: 1,
			fdCount: maxFrameFds,
			arg: 0xffff_fffe,
		};
		const view = new DataView(new ArrayBuffer(headerBytes + 8));
		const read: Header = { ...written, id: 0 };

		writeHeader(view, 8, written, 0xffff_ffff);
		readHeader(view, 8, read, 0xffff_ffff);

		expect(read).toEqual(written);
	});
});
