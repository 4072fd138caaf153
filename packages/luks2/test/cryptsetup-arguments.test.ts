import { test } from "vitest";
import { cryptsetupArguments } from "../src/cryptsetup-arguments.ts";
import type { Token } from "../src/metadata.ts";
import { parseLuks2Options } from "../src/options.ts";

const secret = { fd: 0 };
const common = [
	"cryptsetup",
	"--batch-mode",
	"--verbose",
	"open",
	"--type=luks2",
	"--disable-locks",
];
const last = ["/proc/self/fd/3", "devhost-run-disk"];

function argumentsFor(
	options: object,
	further: { tokens?: ReadonlyMap<number, Token>; volumeKeyBytes?: number } = {},
): readonly string[] {
	const { tokens = new Map(), volumeKeyBytes } = further;
	const name = "devhost-run-disk";
	const argv = cryptsetupArguments({
		options: parseLuks2Options(options),
		name,
		tokens,
		volumeKeyBytes,
	});
	return argv;
}

test.for([
	[{ passphrase: secret }, []],
	[{ passphrase: secret, "key-slot": 7 }, ["--key-slot=7"]],
	[{ "key-file": secret }, ["--key-file=-"]],
	[
		{ "key-file": secret, "keyfile-offset": 9, "keyfile-size": 64, "key-slot": 0 },
		["--key-file=-", "--key-slot=0", "--keyfile-offset=9", "--keyfile-size=64"],
	],
	[{ "volume-key-file": secret }, ["--volume-key-file=/proc/self/fd/0"]],
	[{ "token-only": true }, ["--token-only"]],
	[
		{ "token-only": true, "token-id": 0, "token-type": "luks2-keyring" },
		["--token-only", "--token-id=0", "--token-type=luks2-keyring"],
	],
	[
		{
			passphrase: secret,
			header: "luks.hdr",
			"read-only": true,
			"allow-discards": true,
			"integrity-no-journal": true,
			"same-cpu-crypt": true,
			"submit-from-crypt-cpus": true,
			"no-read-workqueue": true,
			"no-write-workqueue": true,
			"disable-keyring": true,
		},
		[
			"--header=/proc/self/fd/4",
			"--readonly",
			"--allow-discards",
			"--integrity-no-journal",
			"--perf-same_cpu_crypt",
			"--perf-submit_from_crypt_cpus",
			"--perf-no_read_workqueue",
			"--perf-no_write_workqueue",
			"--disable-keyring",
		],
	],
] as const)("makes a command line of %j", ([options, expected], { expect }) => {
	expect(argumentsFor(options)).toEqual([...common, ...expected, ...last]);
});

test("keeps tokens from opening what a passphrase is to open", ({ expect }) => {
	const tokens = new Map([[0, { type: "systemd-tpm2", keySlots: [0] }]]);

	const byPassphrase = argumentsFor({ passphrase: secret }, { tokens });
	const byToken = argumentsFor({ "token-only": true }, { tokens });

	expect(byPassphrase).toContain("--disable-external-tokens");
	expect(byPassphrase).toContain("--token-type=devhost-none");
	expect(byToken).toEqual([...common, "--token-only", ...last]);
});

test("says how long a volume key is where no key slot does", ({ expect }) => {
	expect(argumentsFor({ "volume-key-file": secret }, { volumeKeyBytes: 64 })).toContain(
		"--key-size=512",
	);
});
