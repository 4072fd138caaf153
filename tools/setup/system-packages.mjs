import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * A file or program that must be there, and the Debian package that has it.
 *
 * @typedef {{ program: string, package: string } | { file: string, package: string }} Need
 */

/** @type {readonly Need[]} */
export const systemNeeds = [
	// To build the addon.
	{ program: "cc", package: "gcc" },
	{ program: "g++", package: "g++" },
	{ program: "make", package: "make" },
	{ file: "/usr/include/stdio.h", package: "libc6-dev" },
	{ program: "python3", package: "python3" },
	// To run stages, and to look at what they have made.
	{ program: "bwrap", package: "bubblewrap" },
	{ program: "losetup", package: "mount" },
	{ program: "sfdisk", package: "fdisk" },
	{ program: "mkfs.ext4", package: "e2fsprogs" },
	{ program: "debugfs", package: "e2fsprogs" },
	{ program: "mkfs.vfat", package: "dosfstools" },
	{ program: "mcopy", package: "mtools" },
	{ program: "mkfs.xfs", package: "xfsprogs" },
	{ program: "mkfs.btrfs", package: "btrfs-progs" },
	{ program: "mkfs.erofs", package: "erofs-utils" },
	{ program: "mksquashfs", package: "squashfs-tools" },
	{ program: "mkfs.f2fs", package: "f2fs-tools" },
	{ program: "xorriso", package: "xorriso" },
	{ program: "setfattr", package: "attr" },
	// Containers and volumes, to be opened by us and compared with.
	{ program: "cryptsetup", package: "cryptsetup-bin" },
	{ program: "lvm", package: "lvm2" },
	// To run what a machine without root or device-mapper cannot, in a guest. There is a kernel for x86 only.
	...(process.arch === "x64"
		? [
				{ program: "linux.uml", package: "user-mode-linux" },
				{ program: "modprobe", package: "kmod" },
				{ program: "dmsetup", package: "dmsetup" },
			]
		: []),
];

/** A person has to do something before this can go on. */
export class SetupError extends Error {
	/**
	 * @param {string} message
	 * @param {number} exitCode
	 */
	constructor(message, exitCode) {
		super(message);
		this.exitCode = exitCode;
	}
}

/** Exit status when system packages are missing that setup may not or cannot install. */
export const packagesMissingExitCode = 3;

/** Where programs are that an ordinary user's path may not name. */
export const administratorFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * Which of `needs` are not there. Programs of administrators count, although a user's PATH may not name their folders.
 *
 * @param {readonly Need[]} [needs]
 * @param {string} [searchPath]
 * @returns {Need[]}
 */
export function missingNeeds(needs = systemNeeds, searchPath = process.env["PATH"] ?? "") {
	const folders = [...searchPath.split(":").filter(Boolean), ...administratorFolders];
	return needs.filter((need) =>
		"file" in need
			? !existsSync(need.file)
			: !folders.some((folder) => existsSync(join(folder, need.program))),
	);
}

/**
 * What to do about missing needs: install them, or tell the person how.
 *
 * @param {readonly Need[]} missing
 * @param {{ isRoot: boolean, isDebian: boolean }} machine
 * @returns {{ install: string[] } | { tell: string }}
 */
export function planInstallation(missing, { isRoot, isDebian }) {
	const packages = [...new Set(missing.map((need) => need.package))].sort();
	if (isRoot && isDebian) return { install: packages };

	const names = missing.map((need) => ("file" in need ? need.file : need.program)).join(", ");
	const lines = [`these are missing: ${names}`];
	if (isDebian) {
		lines.push("Install them, then run this again:", "");
		lines.push(`    sudo ${["apt-get", ...installArguments(packages)].join(" ")}`, "");
	} else {
		lines.push(
			`Install what has them here, then run this again. In Debian it is: ${packages.join(" ")}`,
		);
	}
	return { tell: lines.join("\n") };
}

/**
 * Installs the missing system packages where that is possible.
 *
 * @param {(text: string) => void} say
 * @throws {SetupError} when it is not, with the command that a person has to run.
 */
export function ensureSystemPackages(say) {
	const missing = missingNeeds();
	if (missing.length === 0) return;
	const plan = planInstallation(missing, {
		isRoot: process.getuid?.() === 0,
		isDebian: isDebian(),
	});
	if ("tell" in plan) throw new SetupError(plan.tell, packagesMissingExitCode);

	say(`system packages: ${plan.install.join(" ")}`);
	const argv = installArguments(plan.install);
	// A fresh container has no package lists, an old one has stale ones: both are worth one update, nothing else is.
	const updated = !hasPackageLists();
	if (updated) apt(["update"]);
	if (apt(argv).status !== 0) {
		const last = updated ? undefined : (apt(["update"]), apt(argv));
		if (last?.status !== 0) {
			throw new SetupError(`apt-get ${argv.join(" ")} failed:\n${last?.output ?? ""}`, 1);
		}
	}
	const still = missingNeeds();
	if (still.length > 0) {
		const names = still.map((need) => ("file" in need ? need.file : need.program)).join(", ");
		throw new SetupError(`still missing after apt-get: ${names}`, packagesMissingExitCode);
	}
}

/** @param {readonly string[]} packages */
function installArguments(packages) {
	return ["install", "--yes", "--no-install-recommends", ...packages];
}

/** @param {readonly string[]} argv */
function apt(argv) {
	// Somebody else's apt-get, such as the automatic upgrade of a fresh machine, is waited for.
	const { status, stdout } = spawnSync(
		"apt-get",
		["-o", "DPkg::Lock::Timeout=300", "-q", ...argv],
		{
			stdio: ["ignore", "pipe", "inherit"],
			encoding: "utf8",
			env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
		},
	);
	return { status, output: (stdout ?? "").split("\n").slice(-20).join("\n") };
}

function hasPackageLists() {
	const folder = "/var/lib/apt/lists";
	return (
		existsSync(folder) && readdirSync(folder).some((name) => /_Packages(\.\w+)?$/.test(name))
	);
}

/** Whether this is Debian or a system made from it, with its package manager. */
function isDebian() {
	if (!existsSync("/etc/os-release") || !existsSync("/usr/bin/apt-get")) return false;
	return /^ID(_LIKE)?=.*\bdebian\b/m.test(readFileSync("/etc/os-release", "utf8"));
}
