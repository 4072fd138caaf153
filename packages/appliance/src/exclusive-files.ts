import { constants, fstatSync, readFileSync } from "node:fs";
import { AT_FDCWD, type Fd, flock, lockFileRange, openat2, SysError } from "@devhost/linux";
import { ApplianceError } from "./error.ts";

/**
 * Takes locks on each of some files, for as long as the descriptors that come back are open anywhere: two guests on one
 * image would not see what the other writes, and destroy it; nor would a guest and this machine, whose loop devices claim their
 * bytes in the same way.
 *
 * @throws {@link ApplianceError} `ERR_APPLIANCE_BUSY` with the processes that hold the first file that is taken.
 * @throws {@link ApplianceError} `ERR_APPLIANCE_UNREADABLE`
 */
export function lockFiles(files: readonly string[]): Fd[] {
	const held: Fd[] = [];
	try {
		for (const file of files) held.push(lockFile(file));
		return held;
	} catch (error) {
		for (const fd of held) fd.close();
		throw error;
	}
}

function lockFile(file: string): Fd {
	let fd: Fd;
	try {
		// A FIFO of that name must not wait.
		fd = openat2(AT_FDCWD, file, { flags: constants.O_RDWR | constants.O_NONBLOCK });
	} catch (error) {
		if (!(error instanceof SysError)) throw error;
		throw new ApplianceError(
			"ERR_APPLIANCE_UNREADABLE",
			`${file}: cannot be opened to keep other guests from it, ${error.code}`,
			{ cause: error },
		);
	}
	const { dev, ino } = fstatSync(fd.fd);
	const isFree = flock(fd, "exclusive");
	if (isFree && claimAll(fd)) return fd;
	fd.close();
	if (isFree) {
		throw new ApplianceError(
			"ERR_APPLIANCE_BUSY",
			`${file}: in use by a loop device of this machine, or by another program that has locked it. Wait until that ends`,
		);
	}
	const holders = lockHolders(dev, ino);
	const who = holders.length === 0 ? "another process" : `process ${holders.join(", ")}`;
	throw new ApplianceError(
		"ERR_APPLIANCE_BUSY",
		`${file}: in use by the guest of ${who}. Wait until that ends`,
		{ holders },
	);
}

/** False where somebody has some of its bytes. A file system without such locks has nobody to ask. */
function claimAll(fd: Fd): boolean {
	try {
		return lockFileRange(fd, { mode: "exclusive", startBytes: 0, sizeBytes: 0 });
	} catch (error) {
		if (error instanceof SysError) return true;
		throw error;
	}
}

/** Who has a BSD lock. Source: proc_locks(5): `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`. */
function lockHolders(device: number, inode: number): number[] {
	// As in glibc's sys/sysmacros.h, for numbers of common size.
	const major = (device >> 8) & 0xfff;
	const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
	const hex = (value: number): string => value.toString(16).padStart(2, "0");
	const wanted = `${hex(major)}:${hex(minor)}:${inode}`;
	return readFileSync("/proc/locks", "utf8")
		.split("\n")
		.map((line) => line.trim().split(/\s+/))
		.filter(([, kind, , , , file]) => kind === "FLOCK" && file === wanted)
		.map((fields) => Number(fields[4]));
}
