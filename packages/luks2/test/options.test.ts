import { parseJson } from "@devhost/core";
import { describe, test } from "vitest";
import { parseLuks2Options } from "../src/options.ts";

const secret = { fd: 0 };

function problemsOf(options: unknown): readonly { pointer: string; message: string }[] {
	try {
		parseLuks2Options(options);
		return [];
	} catch (error) {
		const { problems } = error as { problems: readonly { pointer: string; message: string }[] };
		return problems.map(({ pointer, message }) => ({ pointer, message }));
	}
}

test("gives every option its default", ({ expect }) => {
	expect(parseLuks2Options({ passphrase: secret })).toEqual({
		unlocking: { by: "passphrase", keySlot: undefined },
		header: undefined,
		readOnly: false,
		allowDiscards: false,
		sectorBytes: undefined,
		integrity: undefined,
		integrityNoJournal: false,
		sameCpuCrypt: false,
		submitFromCryptCpus: false,
		noReadWorkqueue: false,
		noWriteWorkqueue: false,
		disableKeyring: false,
	});
});

test("takes all options", ({ expect }) => {
	const options = {
		"key-file": secret,
		"keyfile-offset": 512,
		"keyfile-size": 64,
		"key-slot": 31,
		header: "//boot/luks.hdr",
		"read-only": true,
		"allow-discards": true,
		"sector-size": 4096,
		integrity: "hmac-sha256",
		"integrity-no-journal": true,
		"same-cpu-crypt": true,
		"submit-from-crypt-cpus": true,
		"no-read-workqueue": true,
		"no-write-workqueue": true,
		"disable-keyring": true,
	};

	expect(parseLuks2Options(options)).toEqual({
		unlocking: { by: "key-file", keySlot: 31, offsetBytes: 512, sizeBytes: 64 },
		header: "boot/luks.hdr",
		readOnly: true,
		allowDiscards: true,
		sectorBytes: 4096,
		integrity: "hmac(sha256)",
		integrityNoJournal: true,
		sameCpuCrypt: true,
		submitFromCryptCpus: true,
		noReadWorkqueue: true,
		noWriteWorkqueue: true,
		disableKeyring: true,
	});
});

test.for([
	[
		{ passphrase: secret, "key-slot": 0 },
		{ by: "passphrase", keySlot: 0 },
	],
	[
		{ "key-file": secret },
		{ by: "key-file", keySlot: undefined, offsetBytes: 0, sizeBytes: undefined },
	],
	[{ "volume-key-file": secret }, { by: "volume-key-file" }],
	[{ "token-only": true }, { by: "token", id: undefined, type: undefined }],
	[
		{ "token-only": true, "token-id": 3, "token-type": "luks2-keyring" },
		{ by: "token", id: 3, type: "luks2-keyring" },
	],
])("unlocks by %j", ([options, unlocking], { expect }) => {
	expect(parseLuks2Options(options).unlocking).toEqual(unlocking);
});

test.for([
	["hmac-sha512", "hmac(sha512)"],
	["cmac-aes", "cmac(aes)"],
	["hmac(sha256)", "hmac(sha256)"],
	["aead", "aead"],
	["none", "none"],
] as const)("knows integrity %s by the header's name", ([integrity, expected], { expect }) => {
	expect(parseLuks2Options({ passphrase: secret, integrity }).integrity).toBe(expected);
});

test("takes numbers that are whole however they are written", ({ expect }) => {
	const options = parseJson('{"passphrase": {"fd": 0}, "key-slot": 2.0, "sector-size": 512.0}');

	expect(parseLuks2Options(options)).toMatchObject({
		unlocking: { keySlot: 2 },
		sectorBytes: 512,
	});
});

describe("complains", () => {
	test.for([
		[
			{},
			"",
			"nothing to unlock it with, expected one of passphrase, key-file, volume-key-file, token-only",
		],
		[
			{ passphrase: secret, "key-file": secret },
			"",
			"passphrase and key-file: expected only one of them",
		],
		[
			{ passphrase: secret, "token-only": true },
			"",
			"passphrase and token-only: expected only one of them",
		],
		[
			{ passphrase: secret, "keyfile-size": 32 },
			"/keyfile-size",
			"keyfile-size: goes with key-file, which is missing",
		],
		[
			{ passphrase: secret, "token-id": 0 },
			"/token-id",
			"token-id: goes with token-only, which is missing",
		],
		[
			{ "token-only": true, "key-slot": 0 },
			"/key-slot",
			"key-slot: goes with passphrase or key-file, and there is neither",
		],
		[{ "token-only": false }, "/token-only", "token-only: false, expected true"],
		[
			{ passphrase: secret, "key-slot": 32 },
			"/key-slot",
			"key-slot: 32, expected the number of a key slot, 0 to 31",
		],
		[
			{ passphrase: secret, "sector-size": 1000 },
			"/sector-size",
			"sector-size: 1000, expected 512, 1024, 2048 or 4096 bytes",
		],
		[
			{ passphrase: secret, header: "" },
			"/header",
			'header: "", expected the path of a file beneath the tree',
		],
		[
			{ passphrase: secret, "read-only": "yes" },
			"/read-only",
			'read-only: "yes", expected true or false',
		],
		[
			{ passphrase: secret, readonly: true },
			"/readonly",
			"readonly: unknown option, did you mean read-only?",
		],
	] as const)("of %j", ([options, pointer, message], { expect }) => {
		expect(problemsOf(options)).toEqual([{ pointer, message }]);
	});

	test("of a key-file that is a path, and not where one is", ({ expect }) => {
		expect(problemsOf({ "key-file": "disk.key" })).toEqual([
			{
				pointer: "/key-file",
				message:
					"key-file: of type string, expected an object that says where the key is, such as { file: disk.key }",
			},
		]);
	});

	test("of a secret without showing it", ({ expect }) => {
		const problems = problemsOf({ passphrase: { env: 1, hunter2: "hunter2" } });

		expect(problems).toMatchObject([{ pointer: "/passphrase" }]);
		expect(JSON.stringify(problems)).not.toContain("hunter2");
	});

	test("of everything at once", ({ expect }) => {
		const problems = problemsOf({ passphrase: secret, "key-slot": -1, "token-type": "", x: 1 });

		expect(problems.map(({ pointer }) => pointer).toSorted()).toEqual([
			"/key-slot",
			"/token-type",
			"/x",
		]);
	});
});
