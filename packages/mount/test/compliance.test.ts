import { describeDriver } from "@devhost/core/testing";
import { describe, test } from "vitest";
import { mounts } from "../src/mount.ts";
import { fakeMounts } from "./fake-mounts.ts";

const parent = { path: "loop3", node: { major: 7, minor: 3 } };

const common = [
	{ "read-only": "yes" },
	{ readonly: true },
	{ suid: 1 },
	{ size: "1M" },
	{ from: "tree:///x" },
];

describe.for([
	["ext4", { "read-only": true }, [...common, { umask: "022" }]],
	["ext4", {}, [...common, { norecovery: "no" }]],
	["auto", { suid: true, dev: true, exec: false }, common],
	[
		"btrfs",
		{ subvol: "home", compress: "zstd:3" },
		[...common, { compress: "gzip" }, { subvol: "a,b" }],
	],
	[
		"vfat",
		{ uid: 0, gid: 1, umask: "077", shortname: "winnt" },
		[...common, { uid: -1 }, { umask: "77" }],
	],
	["tmpfs", { size: "64m", mode: "0755" }, [{ size: "much" }, { mode: "888" }, { size: 64 }]],
	[
		"bind",
		{ from: "tree:///files" },
		[{}, { from: "files" }, { from: "http://host/" }, { from: "mount://" }],
	],
	[
		"overlay",
		{ lower: ["tree:///a", "tree:///b"], upper: "tree:///c", work: "tree:///d" },
		[{}, { lower: [] }, { lower: "tree:///a" }, { lower: ["tree:///a"], upper: "tree:///b" }],
	],
] as const)("%s with %o", ([type, options, refused]) => {
	describeDriver({ describe, test }, "mount", {
		refused,
		// Looked for until the deadline.
		recoverable: ["mounts"],
		overlapping: false,
		waitsForOthers: true,
		setup({ step }) {
			const machine = fakeMounts({ step });
			const driver = mounts(machine.sys).find(({ types }) => types.includes(type));
			if (driver === undefined) throw new TypeError(`no type ${type}`);
			return {
				driver,
				options,
				context: {
					name: "root",
					run: "test",
					tree: 10,
					devices: 11,
					...(driver.parent === "required" && { parent }),
					mount: { root: "/root", target: "/boot/efi" },
				},
				leftovers: () => machine.leftovers(),
				hasNode: ({ path }) => machine.mounted().includes(`/root/${path}`),
				async [Symbol.asyncDispose]() {},
			};
		},
	});
});
