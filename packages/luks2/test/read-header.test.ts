import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type FoundHeader, readHeader } from "../src/read-header.ts";
import {
	bytesOf,
	copyBytes,
	cryptsetup,
	dataOffsetBytes,
	makeContainer,
	overwrite,
	readerOf,
	rewriteCopy,
	rewriteMetadata,
} from "./container.ts";

let folder: string;
let container: string;
const uuid = "3a1f2c0e-7b0a-4b6e-9c63-5dfd1c9a4d10";

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-luks2-"));
	container = join(folder, "container.img");
	makeContainer(container, {
		further: ["--uuid", uuid, "--label", "some label", "--subsystem", "tests"],
	});
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the container, to be changed. */
function changed(change: (file: string) => void): string {
	const file = join(folder, "changed.img");
	copyFileSync(container, file);
	change(file);
	return file;
}

async function read(file: string): Promise<FoundHeader> {
	using reader = readerOf(file);
	return await readHeader(reader);
}

const zeros = Buffer.alloc(copyBytes);

describe("a header made by cryptsetup", () => {
	test("says what luksFormat was told", async ({ expect }) => {
		const found = await read(container);

		expect(found).toEqual({
			kind: "luks2",
			header: {
				uuid,
				label: "some label",
				subsystem: "tests",
				copy: "primary",
				otherCopy: undefined,
				metadata: {
					keySlots: new Map([
						[
							0,
							{
								type: "luks2",
								priority: 1,
								derivation: { type: "pbkdf2", memoryBytes: undefined },
							},
						],
					]),
					tokens: new Map(),
					segments: [
						{
							type: "crypt",
							offsetBytes: dataOffsetBytes,
							sizeBytes: undefined,
							cipher: "aes-xts-plain64",
							sectorBytes: expect.any(Number),
							integrity: undefined,
						},
					],
					requirements: [],
				},
			},
		});
	});

	test("has its sector size, its cipher, the memory of Argon2, its slots, priorities and tokens", async ({
		expect,
	}) => {
		const file = join(folder, "rich.img");
		const argon = ["--pbkdf", "argon2id", "--pbkdf-memory", "64", "--pbkdf-parallel", "1"];
		makeContainer(file, {
			further: ["--sector-size", "4096", "--cipher", "aes-cbc-essiv:sha256"],
		});
		cryptsetup(
			[
				"luksAddKey",
				...argon,
				"--pbkdf-force-iterations",
				"4",
				"--key-slot",
				"5",
				file,
				container,
				"--new-keyfile-size",
				"100",
			],
			"secret",
		);
		cryptsetup(["config", "--priority", "ignore", "--key-slot", "5", file], "");
		cryptsetup(
			["token", "add", "--key-description", "k", "--token-id", "3", "-S", "5", file],
			"",
		);

		const found = await read(file);

		expect(found).toMatchObject({
			kind: "luks2",
			header: {
				metadata: {
					keySlots: new Map([
						[0, expect.objectContaining({ priority: 1 })],
						[
							5,
							{
								type: "luks2",
								priority: 0,
								derivation: { type: "argon2id", memoryBytes: 64 * 1024 },
							},
						],
					]),
					tokens: new Map([[3, { type: "luks2-keyring", keySlots: [5] }]]),
					segments: [{ cipher: "aes-cbc-essiv:sha256", sectorBytes: 4096 }],
				},
			},
		});
	});

	test.for([["16k"], ["64k"], ["4m"]])(
		"is read with metadata of %s",
		async ([size = ""], { expect }) => {
			const file = join(folder, `metadata-${size}.img`);
			makeContainer(file, { sizeBytes: 32 << 20, further: ["--luks2-metadata-size", size] });

			const whole = await read(file);
			overwrite(file, 0, zeros);
			const second = await read(file);

			expect(whole).toMatchObject({ header: { copy: "primary", otherCopy: undefined } });
			expect(second).toMatchObject({ header: { copy: "secondary", otherCopy: "not there" } });
		},
	);

	test("is read from a file of its own", async ({ expect }) => {
		const data = join(folder, "data.img");
		const header = join(folder, "header.img");
		makeContainer(data, { sizeBytes: 1 << 20, further: ["--header", header] });

		expect(await read(header)).toMatchObject({
			kind: "luks2",
			header: { metadata: { segments: [{ offsetBytes: 0 }] } },
		});
		expect(await read(data)).toMatchObject({ kind: "none" });
	});
});

describe("a damaged header", () => {
	const flip = (position: number) => (file: string) => {
		const byte = bytesOf(file, position, 1);
		overwrite(file, position, Buffer.from([(byte[0] as number) ^ 0x20]));
	};

	test.for([
		["the label of the primary copy", flip(30), "secondary", "its checksum is wrong"],
		["the metadata of the primary copy", flip(5000), "secondary", "its checksum is wrong"],
		["the magic of the primary copy", flip(0), "secondary", "not there"],
		["the size of the primary copy", flip(14), "secondary", "its size is 24576 bytes"],
		[
			"the kind of checksum",
			flip(72),
			"secondary",
			'its checksum is of an unknown kind, "Sha256"',
		],
		["the version", flip(7), "secondary", "its version is 34"],
		["the magic of the secondary copy", flip(copyBytes), "primary", "not there"],
		[
			"the metadata of the secondary copy",
			flip(copyBytes + 4096),
			"primary",
			"its checksum is wrong",
		],
	] as const)(
		"is read from its other copy: %s",
		async ([, change, copy, otherCopy], { expect }) => {
			const found = await read(changed(change));

			expect(found).toMatchObject({ kind: "luks2", header: { uuid, copy, otherCopy } });
		},
	);

	test("is read from the newer copy", async ({ expect }) => {
		const raise = (copy: "primary" | "secondary") =>
			changed((file) => rewriteCopy(file, copy, (whole) => whole.writeBigUInt64BE(99n, 16)));

		const second = await read(raise("secondary"));
		const first = await read(raise("primary"));

		expect(second).toMatchObject({ header: { copy: "secondary", otherCopy: /older/ } });
		expect(first).toMatchObject({ header: { copy: "primary", otherCopy: /older/ } });
	});

	test("says what is wrong with both copies", async ({ expect }) => {
		const both = changed((file) => {
			flip(5000)(file);
			flip(copyBytes + 20)(file);
		});

		expect(await read(both)).toEqual({
			kind: "damaged",
			primary: "its checksum is wrong",
			secondary: "its checksum is wrong",
		});
	});

	test.for([
		["no JSON", () => "{", "its metadata: not JSON"],
		["no object", () => "[]", "its metadata: the text is no object"],
		[
			"a slot that is none",
			(text: string) => text.replace('"0":{', '"x":{'),
			"its metadata: keyslots.x has no number",
		],
		[
			"an offset that is none",
			(text: string) => text.replace('"offset":"16777216"', '"offset":-1'),
			"its metadata: segments.0.offset is no number of bytes",
		],
	] as const)("has %s for metadata", async ([, change, sentence], { expect }) => {
		const found = await read(changed((file) => rewriteMetadata(file, change)));

		expect(found).toEqual({ kind: "damaged", primary: sentence, secondary: sentence });
	});

	test("is cut off", async ({ expect }) => {
		const short = await read(changed((file) => truncateSync(file, 10_000)));
		const shorter = await read(changed((file) => truncateSync(file, 100)));

		expect(short).toEqual({
			kind: "damaged",
			primary: "it is cut off by the end of the device",
			secondary: "not there",
		});
		expect(shorter).toEqual({ kind: "none", instead: undefined });
	});

	test("is never taken for a good one, whatever bits are changed in both copies", async ({
		expect,
	}) => {
		const good = bytesOf(container, 0, 2 * copyBytes);
		const bit = fc.tuple(fc.nat(copyBytes - 1), fc.integer({ min: 0, max: 7 }));
		await fc.assert(
			fc.asyncProperty(bit, bit, async ([first, firstBit], [second, secondBit]) => {
				// The checksum field has room for 64 bytes, of which SHA-256 uses 32.
				fc.pre(!isUnused(first) && !isUnused(second));
				const bytes = Buffer.from(good);
				bytes[first] = (bytes[first] as number) ^ (1 << firstBit);
				const there = copyBytes + second;
				bytes[there] = (bytes[there] as number) ^ (1 << secondBit);

				const found = await readHeader(async (position, length) =>
					bytes.subarray(position, position + length),
				);

				expect(found.kind).not.toBe("luks2");
			}),
			{ numRuns: 200 },
		);
	});
	const isUnused = (position: number) => position >= 448 + 32 && position < 512;
});

describe("what is no LUKS2 header", () => {
	const file = (content: Buffer): string => {
		const path = join(folder, "other.img");
		writeFileSync(path, content);
		return path;
	};

	test("is LUKS1", async ({ expect }) => {
		const path = file(Buffer.alloc(4 << 20));
		const kdf = ["--pbkdf-force-iterations", "1000"];
		cryptsetup(["luksFormat", "--type", "luks1", ...kdf, path], "secret");

		expect(await read(path)).toEqual({ kind: "luks1" });
	});

	test("is a LUKS of the future", async ({ expect }) => {
		const bytes = Buffer.alloc(copyBytes);
		bytes.write("LUKS\xba\xbe\0\x03", "latin1");

		expect(await read(file(bytes))).toEqual({ kind: "other-version", version: 3 });
	});

	test.for([
		["nothing", Buffer.alloc(0), /it is empty/],
		["zeros", zeros, /zeros/],
		["text", Buffer.alloc(copyBytes, "text"), undefined],
	] as const)("is %s", async ([, content, instead], { expect }) => {
		const found = await read(file(content));

		expect(found).toEqual({
			kind: "none",
			instead: instead && expect.stringMatching(instead),
		});
	});

	test("is a partition table", async ({ expect }) => {
		const gpt = Buffer.alloc(copyBytes);
		gpt.write("EFI PART", 512);
		const mbr = Buffer.alloc(copyBytes);
		mbr.writeUInt16BE(0x55aa, 510);

		expect(await read(file(gpt))).toMatchObject({ instead: expect.stringContaining("GPT") });
		expect(await read(file(mbr))).toMatchObject({ instead: expect.stringContaining("MBR") });
	});
});
