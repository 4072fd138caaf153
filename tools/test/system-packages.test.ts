import { test } from "vitest";
import { missingNeeds, planInstallation } from "../setup/system-packages.mjs";
import { temporaryFolder } from "./temporary-folder.ts";

const missing = [
	{ program: "mkfs.vfat", package: "dosfstools" },
	{ program: "bwrap", package: "bubblewrap" },
	{ file: "/usr/include/stdio.h", package: "libc6-dev" },
	{ program: "fsck.vfat", package: "dosfstools" },
];

test("root on Debian installs", ({ expect }) => {
	expect(planInstallation(missing, { isRoot: true, isDebian: true })).toEqual({
		install: ["bubblewrap", "dosfstools", "libc6-dev"],
	});
});

test("somebody else on Debian is told the command", ({ expect }) => {
	expect(planInstallation(missing, { isRoot: false, isDebian: true })).toEqual({
		tell: `these are missing: mkfs.vfat, bwrap, /usr/include/stdio.h, fsck.vfat
Install them, then run this again:

    sudo apt-get install --yes --no-install-recommends bubblewrap dosfstools libc6-dev
`,
	});
});

test("elsewhere a person is told what to look for", ({ expect }) => {
	expect(planInstallation(missing.slice(0, 1), { isRoot: true, isDebian: false })).toEqual({
		tell: "these are missing: mkfs.vfat\nInstall what has them here, then run this again. In Debian it is: dosfstools",
	});
});

test("looks for programs on the path and among the administrator's, and for files", ({
	expect,
}) => {
	const folder = temporaryFolder({ "here/tool": "" });
	const needs = [
		{ program: "tool", package: "a" },
		{ program: "no-such-tool", package: "b" },
		{ file: `${folder}/here/tool`, package: "c" },
		{ file: `${folder}/nothing`, package: "d" },
	];

	expect(missingNeeds(needs, `${folder}/here`).map((need) => need.package)).toEqual(["b", "d"]);
});
