import { closeSync, constants, openSync } from "node:fs";
import { posix } from "node:path";
import { isSysError, openat2, RESOLVE_IN_ROOT, statFd } from "@devhost/linux";
import { declaredDevices } from "./declared-devices.ts";
import type { Lifetime } from "./manifest-lifetime.ts";
import type { DeviceDeclaration, Manifest } from "./manifest.ts";
import type { FileRangeOptions, Modules } from "./modules.ts";
import type { Problem } from "./problem.ts";

/** Source: asm-generic/fcntl.h; Node has no name for it. */
const O_PATH = 0o10000000;

/** What {@link checkFileRanges} needs to know besides the manifest. */
export interface FileRangeContext {
	readonly modules: Modules;
	/** Devices whose options are as their types want them. Only these are looked at. */
	readonly devices: ReadonlySet<DeviceDeclaration>;
	/** Of the shared devices. */
	readonly lifetimes: ReadonlyMap<string, Lifetime>;
	/** See `CheckOptions`. */
	readonly files: "now" | "certain";
}

/** A device on a range of a file, and when it is open. */
interface OpenRange {
	readonly device: DeviceDeclaration;
	readonly options: FileRangeOptions;
	readonly lifetime: Lifetime;
	/** As written. */
	readonly filename: string;
	/** The same for every name of the same file. */
	readonly identity: string;
	readonly startBytes: number;
	/** Behind the last byte; `Infinity` for the end of a file whose size is not known yet. */
	readonly endBytes: number;
	readonly sectorBytes: number;
	readonly readOnly: boolean;
}

/** What stands at a path beneath the tree. */
type FileFacts =
	| { readonly kind: "file"; readonly identity: string; readonly sizeBytes: number }
	| { readonly kind: "block"; readonly identity: string }
	| { readonly kind: "missing" }
	| { readonly kind: "wrong"; readonly what: string }
	| { readonly kind: "unknown" };

/**
 * Finds devices on ranges that are outside of their files, and devices that are open on the same bytes at the same time,
 * though one of them may write.
 *
 * Looks at files in the tree without opening them for reading or writing, and never leaves the tree: links are
 * followed as if the tree were the root.
 */
export function checkFileRanges(manifest: Manifest, context: FileRangeContext): Problem[] {
	const declared = [...declaredRanges(manifest, context)];
	if (declared.length === 0) return [];

	const problems: Problem[] = [];
	const ranges: OpenRange[] = [];
	const tree = openSync(manifest.tree, O_PATH | constants.O_DIRECTORY);
	try {
		const known = new Map<string, FileFacts>();
		for (const { device, options, lifetime } of declared) {
			const filename = device.options[options.file];
			if (typeof filename !== "string") continue;
			const facts = known.get(filename) ?? lookAt(tree, filename);
			known.set(filename, facts);
			const range = rangeOf({ device, options, lifetime, filename, facts });
			ranges.push(range);
			const problem = complainOfFile(manifest, range, facts, context.files);
			if (problem !== undefined) problems.push(problem);
		}
	} finally {
		closeSync(tree);
	}
	// Stages of osbuild know what they do: zipl.inst has a whole disk and slices of it, and writes to each at other places.
	const isOsbuild = manifest.stages.some(({ osbuild }) => osbuild !== undefined);
	return isOsbuild ? problems : [...problems, ...complainOfOverlaps(manifest, ranges)];
}

function* declaredRanges(
	manifest: Manifest,
	{ modules, devices, lifetimes }: FileRangeContext,
): Generator<Pick<OpenRange, "device" | "options" | "lifetime">> {
	for (const { device, stage } of declaredDevices(manifest)) {
		const options = modules.forType(device.type)?.range;
		const lifetime =
			stage === undefined ? lifetimes.get(device.key) : { first: stage, last: stage };
		if (options === undefined || lifetime === undefined || !devices.has(device)) continue;
		// Its file is in an image, of which nothing is known before it is mounted.
		if (device.tree !== undefined) continue;
		yield { device, options, lifetime };
	}
}

function lookAt(tree: number, filename: string): FileFacts {
	try {
		using file = openat2(tree, filename.replace(/^\/+/, ""), {
			flags: O_PATH,
			resolve: RESOLVE_IN_ROOT,
		});
		const { type, sizeBytes, device, inode } = statFd(file);
		const identity = `${device.major}:${device.minor}:${inode}`;
		if (type === "file") return { kind: "file", identity, sizeBytes };
		if (type === "block") return { kind: "block", identity };
		return { kind: "wrong", what: `is a ${fileKinds[type]}, expected a file` };
	} catch (error) {
		if (isSysError(error, "ENOENT") || isSysError(error, "ENOTDIR")) return { kind: "missing" };
		if (isSysError(error, "ELOOP")) {
			return { kind: "wrong", what: "leads nowhere: its symbolic links go round" };
		}
		// Whoever runs the manifest may be permitted more than whoever checks it.
		return { kind: "unknown" };
	}
}

const fileKinds = {
	directory: "directory",
	char: "character device",
	fifo: "FIFO",
	socket: "socket",
	symlink: "symbolic link",
} as const;

function rangeOf(
	given: Pick<OpenRange, "device" | "options" | "lifetime" | "filename"> & {
		readonly facts: FileFacts;
	},
): OpenRange {
	const { device, options, lifetime, filename, facts } = given;
	const number = (name: string | undefined): number | undefined => {
		const value = name === undefined ? undefined : device.options[name];
		return typeof value === "number" ? value : undefined;
	};
	const sectorBytes = number(options.sectorBytes) ?? options.defaultSectorBytes ?? 512;
	const startBytes = (number(options.start) ?? 0) * sectorBytes;
	const sizeBytes = (number(options.size) ?? 0) * sectorBytes;
	const fileBytes = facts.kind === "file" ? facts.sizeBytes : Infinity;
	return {
		device,
		options,
		lifetime,
		filename,
		identity: "identity" in facts ? facts.identity : posix.resolve("/", filename),
		sectorBytes,
		startBytes,
		endBytes: sizeBytes > 0 ? startBytes + sizeBytes : Math.max(fileBytes, startBytes),
		readOnly: options.readOnly !== undefined && device.options[options.readOnly] === true,
	};
}

function complainOfFile(
	manifest: Manifest,
	range: OpenRange,
	facts: FileFacts,
	files: "now" | "certain",
): Problem | undefined {
	const { device, options, filename } = range;
	const isFirst = range.lifetime.first === 0;
	const pointer = `${device.pointer}/options`;
	const name = JSON.stringify(filename);
	const complainOfName = (message: string): Problem =>
		manifest.problemAt(`${pointer}/${options.file}`, { code: "ERR_DEVICE_FILE", message });

	if (facts.kind === "missing") {
		return isFirst ? complainOfName(`${name} is not in the tree ${manifest.tree}`) : undefined;
	}
	// An earlier stage may yet put another file in its place, or make it larger.
	if (files === "certain" && !isFirst) return undefined;
	if (facts.kind === "wrong") return complainOfName(`${name} ${facts.what}`);
	if (facts.kind !== "file") return undefined;
	const { startBytes, endBytes, sectorBytes } = range;
	if (facts.sizeBytes < sectorBytes) {
		const what = facts.sizeBytes === 0 ? "is empty" : `has ${facts.sizeBytes} bytes`;
		return complainOfName(
			`${name} ${what}, expected at least one sector of ${sectorBytes} bytes`,
		);
	}
	if (endBytes <= facts.sizeBytes && startBytes < endBytes) {
		// Only the rest of a file can end within a sector.
		if ((endBytes - startBytes) % sectorBytes === 0) return undefined;
		const message = `${name} has ${facts.sizeBytes} bytes, which do not end with a sector of ${sectorBytes} bytes: give a size, or make the file larger`;
		const code = "ERR_DEVICE_UNALIGNED";
		return manifest.problemAt(`${pointer}/${options.file}`, { code, message });
	}
	const isStartOutside = startBytes >= facts.sizeBytes;
	const option = isStartOutside ? options.start : options.size;
	const isWritten = option !== undefined && device.options[option] !== undefined;
	const what = isStartOutside
		? `byte ${startBytes}, where it starts, is`
		: `bytes ${startBytes} to ${endBytes} are`;
	return manifest.problemAt(isWritten ? `${pointer}/${option}` : pointer, {
		code: "ERR_DEVICE_OUT_OF_RANGE",
		message: `${what} not inside of ${name}, which has ${facts.sizeBytes} bytes`,
	});
}

/** One problem for each device that is in another's way, at the one that is declared later. */
function complainOfOverlaps(manifest: Manifest, ranges: readonly OpenRange[]): Problem[] {
	const problems: Problem[] = [];
	const byFile = Map.groupBy(ranges, ({ identity }) => identity);
	for (const ofFile of byFile.values()) {
		for (const [index, range] of ofFile.entries()) {
			const other = ofFile.slice(0, index).find((earlier) => overlaps(earlier, range));
			if (other !== undefined) problems.push(overlap(manifest, range, other));
		}
	}
	return problems;
}

function overlaps(a: OpenRange, b: OpenRange): boolean {
	if (a.readOnly && b.readOnly) return false;
	if (a.lifetime.last < b.lifetime.first || b.lifetime.last < a.lifetime.first) return false;
	return a.startBytes < b.endBytes && b.startBytes < a.endBytes;
}

function overlap(manifest: Manifest, range: OpenRange, other: OpenRange): Problem {
	const stage = manifest.stages[Math.max(range.lifetime.first, other.lifetime.first)];
	const { line } = manifest.locate(other.device.pointer, "key");
	const shared = `${describeBytes(range)} of ${JSON.stringify(range.filename)}`;
	const message =
		`${shared} overlap ${describeBytes(other)} of device ${JSON.stringify(other.device.name)} (line ${line}), ` +
		`and both are open in stage ${JSON.stringify(stage?.name ?? "")}: make both read-only, or use them in different stages`;
	return manifest.problemAt(
		range.device.pointer,
		{ code: "ERR_MANIFEST_OVERLAP", message },
		"key",
	);
}

function describeBytes({ startBytes, endBytes }: OpenRange): string {
	return `bytes ${startBytes} to ${endBytes === Infinity ? "the end" : endBytes}`;
}
