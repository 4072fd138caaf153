import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { checkDetached, checkHeader, requireLuks2 } from "../src/check-header.ts";
import { parseLuks2Options } from "../src/options.ts";
import { type FoundHeader, type Luks2Header, readHeader } from "../src/read-header.ts";
import {
	cryptsetup,
	dataOffsetBytes,
	makeContainer,
	readerOf,
	rewriteMetadata,
} from "./container.ts";

const parentBytes = 20 << 20;
let folder: string;
let container: string;
let header: Luks2Header;
let detached: Luks2Header;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "devhost-luks2-"));
	container = join(folder, "container.img");
	makeContainer(container, { further: ["--sector-size", "4096"] });
	cryptsetup(["token", "add", "--key-description", "k", "-S", "0", container], "");
	header = await headerOf(container);
	const file = join(folder, "luks.hdr");
	makeContainer(join(folder, "data.img"), { sizeBytes: 1 << 20, further: ["--header", file] });
	detached = await headerOf(file);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function headerOf(file: string): Promise<Luks2Header> {
	using reader = readerOf(file);
	return requireLuks2(await readHeader(reader), "disk", "loop3");
}

/** The header of a container with other metadata, which cryptsetup would not make. */
async function changed(change: (text: string) => string): Promise<Luks2Header> {
	const file = join(folder, "changed.img");
	makeContainer(file);
	rewriteMetadata(file, change);
	return await headerOf(file);
}

const passphrase = { fd: 0 };
const check =
	(of: Luks2Header, options: object, bytes = parentBytes) =>
	() =>
		checkHeader({
			header: of,
			options: parseLuks2Options({ passphrase, ...options }),
			subject: "disk",
			parentBytes: bytes,
		});
const checkToken = (options: object) => () =>
	checkHeader({
		header,
		options: parseLuks2Options({ "token-only": true, ...options }),
		subject: "disk",
		parentBytes,
	});

describe("what is no LUKS2", () => {
	test.for([
		[
			{ kind: "luks1" },
			"ERR_DEVICE_VERSION",
			"disk: loop3 is LUKS1, expected LUKS2. Convert a closed container: cryptsetup convert --type luks2 DEVICE",
		],
		[
			{ kind: "other-version", version: 3 },
			"ERR_DEVICE_VERSION",
			"disk: loop3 is LUKS of version 3, expected LUKS2",
		],
		[
			{ kind: "damaged", primary: "one", secondary: "two" },
			"ERR_DEVICE_METADATA",
			"disk: loop3: both copies of the LUKS2 header are damaged. The primary one: one; the secondary one: two. " +
				"Without a backup (cryptsetup luksHeaderRestore) what is in it is lost",
		],
		[
			{ kind: "none", instead: "it is empty" },
			"ERR_DEVICE_FORMAT",
			"disk: loop3 is no LUKS device, it is empty. cryptsetup luksFormat --type luks2 makes one; " +
				"where the header is somewhere else, set header",
		],
	] as const)("is refused: %j", ([found, code, message], { expect }) => {
		expect(() => requireLuks2(found, "disk", "loop3")).toThrow(
			expect.objectContaining({ code, message }),
		);
	});
});

test("takes what is as it is asked for", ({ expect }) => {
	expect(check(header, {})).not.toThrow();
	expect(check(header, { "key-slot": 0, "sector-size": 4096, integrity: "none" })).not.toThrow();
	expect(check(header, { "allow-discards": true })).not.toThrow();
	expect(checkToken({})).not.toThrow();
	expect(checkToken({ "token-id": 0, "token-type": "luks2-keyring" })).not.toThrow();
	expect(check(detached, { header: "luks.hdr" }, 4096)).not.toThrow();
});

test.for([
	[{ "sector-size": 512 }, "/sector-size", "disk: sector-size: 512, and the container has 4096"],
	[
		{ integrity: "hmac-sha256" },
		"/integrity",
		"disk: integrity: hmac(sha256), and the container has none",
	],
	[
		{ "integrity-no-journal": true },
		"/integrity-no-journal",
		"disk: integrity-no-journal: the container has no integrity, and so no journal",
	],
] as const)(
	"refuses %j for a container that is otherwise",
	([options, pointer, message], { expect }) => {
		expect(check(header, options)).toThrow(
			expect.objectContaining({ code: "ERR_DEVICE_OPTIONS", pointer, message }),
		);
	},
);

test("refuses a key slot and tokens that are not there", ({ expect }) => {
	const of = (pointer: string, message: string) =>
		expect.objectContaining({ code: "ERR_DEVICE_KEY", pointer, message });

	expect(check(header, { "key-slot": 4 })).toThrow(
		of("/key-slot", "disk: there is no key slot 4, only 0"),
	);
	expect(checkToken({ "token-id": 5 })).toThrow(
		of("/token-id", "disk: no token 5: there are 0 (luks2-keyring)"),
	);
	expect(checkToken({ "token-type": "systemd-tpm2" })).toThrow(
		of("/token-type", "disk: no token of the type systemd-tpm2: there are 0 (luks2-keyring)"),
	);
});

test("refuses a container whose key slots are all to be ignored, or gone", async ({ expect }) => {
	const ignored = await changed((text) => text.replace('"af":', '"priority":0,"af":'));
	const gone = await changed((text) =>
		text.replace(/"keyslots":\{.*\},"tokens"/, '"keyslots":{},"tokens"'),
	);

	expect(check(ignored, {})).toThrow(/of key slots 0 none is used unless key-slot names it/);
	expect(check(ignored, { "key-slot": 0 })).not.toThrow();
	expect(check(gone, {})).toThrow(/no key slot is left/);
});

test.for([
	["online-reencrypt-v2", /its encryption is being changed.*--resume-only/],
	["offline-reencrypt", /its encryption is being changed/],
	["from-the-future", /requires from-the-future, which is not known here/],
] as const)("refuses what requires %s", async ([requirement, message], { expect }) => {
	const requiring = await changed((text) =>
		text.replace('"config":{', `"config":{"requirements":{"mandatory":["${requirement}"]},`),
	);

	expect(check(requiring, {})).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_REQUIREMENT",
			message: expect.stringMatching(message),
		}),
	);
});

test("refuses a container whose encryption cryptsetup has begun to change", async ({ expect }) => {
	const file = join(folder, "changing.img");
	makeContainer(file);
	cryptsetup(["reencrypt", "--init-only", file], "secret");

	const changing = await headerOf(file);

	expect(changing.metadata.requirements).toEqual(["online-reencrypt-v2"]);
	expect(check(changing, {})).toThrow(/its encryption is being changed/);
});

test("refuses a device that ends before the data", ({ expect }) => {
	expect(check(header, {}, dataOffsetBytes)).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_OUT_OF_RANGE",
			message: `disk: its data begin at byte ${dataOffsetBytes} and need 4096 bytes, in a device of ${dataOffsetBytes}`,
		}),
	);
	expect(check(header, {}, dataOffsetBytes + 4096)).not.toThrow();
});

test("refuses a detached header that stands where the data should", ({ expect }) => {
	expect(check(detached, {})).toThrow(/a detached header is where the data should be/);
});

test("refuses a detached header beside another header", async ({ expect }) => {
	const options = parseLuks2Options({ passphrase, header: "luks.hdr" });
	const of = (own: FoundHeader, used: Luks2Header) => () =>
		checkDetached(own, { header: used, options, subject: "disk", parentBytes });

	expect(of({ kind: "luks2", header }, detached)).toThrow(
		expect.objectContaining({
			code: "ERR_DEVICE_FORMAT",
			pointer: "/header",
			message: expect.stringContaining(`own (${header.uuid})`),
		}),
	);
	expect(of({ kind: "luks1" }, detached)).toThrow(/header of its own\. Leave/);
	expect(of({ kind: "none", instead: undefined }, detached)).not.toThrow();
	// A backup of the header is as good as the header, also where that is damaged.
	expect(of({ kind: "luks2", header }, header)).not.toThrow();
	expect(of({ kind: "damaged", primary: "", secondary: "" }, header)).not.toThrow();
});
