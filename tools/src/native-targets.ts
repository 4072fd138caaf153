import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";

/** One kind of machine that the addon is compiled for, and how a Debian machine compiles for it. */
export interface NativeTarget {
	/** The folder in `prebuilds/`: platform, architecture as Node spells it, C library. */
	readonly name: string;
	readonly compiler: string;
	/** The Debian package that has the compiler. */
	readonly debianPackage: string;
	/** Arguments that the compiler needs besides those that all targets share. */
	readonly flags: readonly string[];
}

// musl-gcc sees musl's own headers only; the kernel's (linux/*.h, asm/*.h) are the same for every C library.
const kernelHeaders = ["-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu"];

/** Everything that a release carries, in the order in which it is built. */
export const nativeTargets: readonly NativeTarget[] = [
	{
		name: "linux-x64-glibc",
		compiler: "x86_64-linux-gnu-gcc",
		debianPackage: "gcc-x86-64-linux-gnu",
		flags: [],
	},
	{
		name: "linux-arm64-glibc",
		compiler: "aarch64-linux-gnu-gcc",
		debianPackage: "gcc-aarch64-linux-gnu",
		flags: [],
	},
	{
		name: "linux-x64-musl",
		compiler: "musl-gcc",
		debianPackage: "musl-tools",
		flags: kernelHeaders,
	},
];

/** Full path of a program, or `undefined` when no folder of `searchPath` has it. */
export function findProgram(
	name: string,
	searchPath: string = process.env["PATH"] ?? "",
): string | undefined {
	return searchPath
		.split(delimiter)
		.filter((folder) => folder !== "")
		.map((folder) => join(folder, name))
		.find((path) => existsSync(path));
}

/**
 * The folder whose `include/node` has the headers of the Node that runs this.
 *
 * The pinned Node comes from a package that brings its headers along, so nothing is downloaded for a build.
 *
 * @throws Error when this Node came without them.
 */
export function nodeHeaders(executable: string = process.execPath): string {
	const folder = resolve(dirname(executable), "..");
	if (existsSync(join(folder, "include/node/node_api.h"))) return folder;
	throw new Error(
		`${executable}: no include/node/node_api.h beside it. Build with the Node of this repository: npm run build`,
	);
}

/** Arguments that compile the addon without node-gyp, which cannot cross-compile for another C library. */
export function addonArguments(
	target: NativeTarget,
	sources: readonly string[],
	headers: string,
	output: string,
): string[] {
	const warnings = ["-Wall", "-Wextra", "-Wno-unused-parameter"];
	const defines = ["-DNODE_GYP_MODULE_NAME=devhost_linux"];
	const include = ["-I", join(headers, "include/node"), ...target.flags];
	const code = ["-std=gnu11", "-shared", "-fPIC", "-O2", "-fvisibility=hidden", "-s"];
	return [...code, ...warnings, ...defines, ...include, "-o", output, ...sources];
}

/** Arguments that compile the helper which runs inside sandboxes: static and without any C library. */
export function helperArguments(
	target: Pick<NativeTarget, "flags">,
	source: string,
	output: string,
): string[] {
	const fixed = ["-static", "-fno-pie", "-no-pie"];
	return [...bareArguments, ...fixed, ...target.flags, "-o", output, source];
}

/** As {@link helperArguments}, for what a program of somebody else is to load: it uses that one's C library. */
export function sharedHelperArguments(
	target: Pick<NativeTarget, "flags">,
	source: string,
	output: string,
): string[] {
	const shared = ["-shared", "-fPIC", "-fvisibility=hidden"];
	return [...bareArguments, ...shared, ...target.flags, "-o", output, source];
}

const bareArguments = [
	"-Os",
	"-s",
	"-fno-asynchronous-unwind-tables",
	"-Wl,--build-id=none",
	"-ffreestanding",
	"-fno-builtin",
	"-fno-stack-protector",
	"-nostdlib",
	"-Wall",
	"-Wextra",
];
