import {
	constants,
	mkdirSync,
	mkdtempSync,
	rmSync,
	symlinkSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import {
	F_SEAL_GROW,
	F_SEAL_SHRINK,
	F_SEAL_WRITE,
	type Fd,
	RESOLVE_BENEATH,
	RESOLVE_IN_ROOT,
	RESOLVE_NO_SYMLINKS,
	addSeals,
	flock,
	lockFileRange,
	fsync,
	getSeals,
	isSysError,
	memfd,
	mkdirat,
	openat2,
	statFd,
	unlinkat,
} from "../src/index.ts";

let folder: string;
let root: Fd;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-linux-"));
	mkdirSync(join(folder, "root/etc"), { recursive: true });
	writeFileSync(join(folder, "root/etc/passwd"), "inside");
	writeFileSync(join(folder, "secret"), "outside!");
	symlinkSync("/etc/passwd", join(folder, "root/absolute"));
	symlinkSync("../../../secret", join(folder, "root/climbing"));
	root = openat2(-100, join(folder, "root"), { flags: constants.O_DIRECTORY });
});

afterEach(() => {
	root.close();
	rmSync(folder, { recursive: true });
});

describe("openat2", () => {
	test.for(["etc/passwd", "/etc/passwd", "absolute", "../../etc/passwd"])(
		"stays in the root for %s",
		(path, { expect }) => {
			using file = openat2(root, path, {
				flags: constants.O_RDONLY,
				resolve: RESOLVE_IN_ROOT,
			});

			expect(statFd(file).sizeBytes).toBe("inside".length);
		},
	);

	test.for([
		["climbing", RESOLVE_BENEATH, "EXDEV"],
		["absolute", RESOLVE_BENEATH, "EXDEV"],
		["../secret", RESOLVE_BENEATH, "EXDEV"],
		["climbing", RESOLVE_IN_ROOT, "ENOENT"],
		["absolute", RESOLVE_NO_SYMLINKS, "ELOOP"],
	] as const)("refuses %s with %i: %s", ([path, resolve, code], { expect }) => {
		expect(() => openat2(root, path, { flags: constants.O_RDONLY, resolve })).toThrow(
			expect.objectContaining({ code, syscall: "openat2", path }),
		);
	});

	test("refuses a path with a NUL, which would name another file", ({ expect }) => {
		const error = expect.objectContaining({ code: "EINVAL" });

		expect(() => openat2(root, "etc/passwd\0.old", { flags: 0 })).toThrow(error);
		expect(() => mkdirat(root, "made\0", 0o755)).toThrow(error);
		expect(() => unlinkat(root, "absolute\0.old")).toThrow(error);
		expect(() => openat2(root, "made", { flags: 0 })).toThrow("ENOENT");
		openat2(root, "absolute", { flags: 0, resolve: RESOLVE_IN_ROOT }).close();
	});

	test("names call, path and reason", ({ expect }) => {
		expect(() => openat2(root, "no such", { flags: constants.O_RDONLY })).toThrow(
			'openat2 "no such": ENOENT',
		);
	});
});

describe("names in a directory", () => {
	test("are made and removed", ({ expect }) => {
		mkdirat(root, "made", 0o755);
		expect(() => mkdirat(root, "made", 0o755)).toThrow(
			expect.objectContaining({ code: "EEXIST" }),
		);
		expect(() => unlinkat(root, "made")).toThrow(expect.objectContaining({ code: "EISDIR" }));
		unlinkat(root, "made", { directory: true });
		unlinkat(root, "absolute");

		expect(() => openat2(root, "made", { flags: 0 })).toThrow(
			expect.objectContaining({ code: "ENOENT" }),
		);
	});
});

describe("flock", () => {
	test("is had by one, never waits, and goes with the descriptor", ({ expect }) => {
		const flags = { flags: constants.O_RDWR };
		const first = openat2(root, "etc/passwd", flags);
		using second = openat2(root, "etc/passwd", flags);

		expect(flock(first, "exclusive")).toBe(true);
		expect(flock(second, "exclusive")).toBe(false);
		expect(flock(second, "shared")).toBe(false);
		first.close();
		expect(flock(second, "exclusive")).toBe(true);
		expect(flock(second, "unlock")).toBe(true);
	});
});

describe("lockFileRange", () => {
	test("is had by one writer or by readers, where they overlap, and stays with the open file", ({
		expect,
	}) => {
		const open = (flags = constants.O_RDWR): Fd => openat2(root, "etc/passwd", { flags });
		const first = open();
		using second = open();
		const lock = (fd: Fd, mode: "exclusive" | "shared", startBytes: number, sizeBytes = 10) =>
			lockFileRange(fd, { mode, startBytes, sizeBytes });

		expect(lock(first, "exclusive", 10)).toBe(true);
		expect(lock(second, "exclusive", 19)).toBe(false);
		expect(lock(second, "shared", 0, 0)).toBe(false);
		expect(lock(second, "exclusive", 20)).toBe(true);
		expect(lock(first, "shared", 10)).toBe(true);
		expect(lock(second, "shared", 10)).toBe(true);
		expect(lock(second, "exclusive", 10)).toBe(false);
		using copy = first.dup();
		first.close();
		expect(lock(second, "exclusive", 10)).toBe(false);
		copy.close();
		expect(lock(second, "exclusive", 10)).toBe(true);
		using reader = open(constants.O_RDONLY);
		expect(() => lock(reader, "exclusive", 50)).toThrow("fcntl: EBADF");
	});
});

describe("memfd", () => {
	test("is sealed for good", ({ expect }) => {
		using file = memfd("sealed", { sealable: true });
		writeSync(file.fd, "content");

		addSeals(file, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);

		expect(getSeals(file)).toBe(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
		expect(() => writeSync(file.fd, "more")).toThrow(
			expect.objectContaining({ code: "EPERM" }),
		);
	});

	test("is not sealed without being made for it", ({ expect }) => {
		using file = memfd("plain");

		expect(() => addSeals(file, F_SEAL_GROW)).toThrow(
			expect.objectContaining({ code: "EPERM" }),
		);
	});
});

describe("statFd and fsync", () => {
	test("tell kinds apart", ({ expect }) => {
		using zero = openat2(-100, "/dev/zero", { flags: constants.O_RDONLY });

		expect(statFd(zero)).toMatchObject({ type: "char", node: { major: 1, minor: 5 } });
		expect(statFd(root).type).toBe("directory");
		expect(statFd(zero).inode).toBeTypeOf("bigint");
	});

	test("report what cannot be written back", async ({ expect }) => {
		using file = openat2(root, "etc/passwd", { flags: constants.O_RDWR });
		await fsync(file);
		using zero = openat2(-100, "/proc/self/status", { flags: constants.O_RDONLY });

		const error = await fsync(zero).catch((reason: unknown) => reason);

		expect(isSysError(error, "EINVAL")).toBe(true);
	});
});
