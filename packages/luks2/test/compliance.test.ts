import { describeDriver } from "@devhost/core/testing";
import { describe, test } from "vitest";
import { luks2 } from "../src/luks2.ts";
import { fakeLuks, parentNode } from "./fake-luks.ts";

const passphrase = { fd: 0 };

const refused = [
	{},
	{ passphrase: 1 },
	{ "key-file": "a path" },
	{ passphrase, "key-file": passphrase },
	{ passphrase, "token-only": true },
	{ "token-only": false },
	{ passphrase, "keyfile-offset": 1 },
	{ "token-only": true, "key-slot": 1 },
	{ passphrase, header: "" },
	{ passphrase, header: "a\0b" },
	...[-1, 32, 1.5, "1", null].map((value) => ({ passphrase, "key-slot": value })),
	...[0, 256, 1000, 8192, "512", null].map((value) => ({ passphrase, "sector-size": value })),
	...[-1, 0.5].map((value) => ({ "key-file": passphrase, "keyfile-offset": value })),
	...[0, 8_388_609].map((value) => ({ "key-file": passphrase, "keyfile-size": value })),
	{ passphrase, "read-only": 1 },
	{ passphrase, integrity: "" },
];

describe.for([
	["a passphrase", { passphrase }],
	["a key file", { "key-file": passphrase, "keyfile-offset": 2, "key-slot": 0 }],
	["a volume key", { "volume-key-file": passphrase }],
	["a detached header", { passphrase, header: "luks.hdr", "read-only": true }],
] as const)("with %s", ([, options]) => {
	describeDriver({ describe, test }, "luks2", {
		refused,
		canWait: true,
		waitsForOthers: true,
		setup({ step, neverReady }) {
			const machine = fakeLuks({ step, neverReady });
			const parent = { path: "loop3", node: parentNode };
			return {
				driver: luks2(() => machine.sys),
				options,
				context: {
					name: "disk",
					run: "test",
					tree: 10,
					devices: 11,
					parents: [parent],
					parent,
					secret: machine.secret,
				},
				leftovers: machine.leftovers,
				hasNode: ({ path, node }) => machine.mappings.nodes.get(path) === node?.minor,
				async [Symbol.asyncDispose]() {},
			};
		},
	});
});
