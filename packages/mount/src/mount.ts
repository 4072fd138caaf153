import {
	abandoned,
	causeFirst,
	closeTimeoutOf,
	DeviceError,
	type DeviceDriver,
	type OpenContext,
	type OpenDevice,
} from "@devhost/core";
import { Fd, isSysError } from "@devhost/linux";
import { isReadOnly } from "./kernel-options.ts";
import type { MountSys, SourceDevice } from "./mount-sys.ts";
import { openMount, type OpenMount } from "./open-mount.ts";
import { type MountOptions, parseMountOptions } from "./options.ts";
import { planMount } from "./plan.ts";
import { Sources } from "./sources.ts";
import { targetNames } from "./target.ts";
import { kernelTypeOf, mountTypes, schemaOf } from "./types.ts";

/** How long closing waits for others to let go of a mount, where nothing else is said. */
export const defaultCloseTimeoutMs = 5_000;

/**
 * Creates the drivers of all types of mounts. They belong together: a bind mount finds the mounts of the others by their names.
 *
 * @param sys - The kernel, as far as mounts need it. Tests pass a fake one.
 * @param settings - `closeTimeoutMs`: how long closing waits for others to let go of a mount.
 */
export function mounts(
	sys: MountSys,
	{ closeTimeoutMs = defaultCloseTimeoutMs }: { readonly closeTimeoutMs?: number } = {},
): readonly DeviceDriver<MountOptions>[] {
	const all: AllMounts = { sources: new Sources(), byName: new Map(), closeTimeoutMs };
	return Object.entries(mountTypes).map(([type, rules]) => ({
		types: [type],
		parent: rules.source,
		schema: schemaOf(rules),
		parseOptions: (value) => parseMountOptions(type, value),
		open: (options, context) => open(sys, all, { type, options, context }),
	}));
}

/** The mounts of one process. */
interface AllMounts {
	readonly sources: Sources;
	/** Those that are open, by their names in the manifest. */
	readonly byName: Map<string, OpenMount>;
	readonly closeTimeoutMs: number;
}

interface Opening {
	readonly type: string;
	readonly options: MountOptions;
	readonly context: OpenContext;
}

async function open(sys: MountSys, all: AllMounts, opening: Opening): Promise<OpenDevice> {
	const { type, context } = opening;
	let { options } = opening;
	const { name: subject, signal, tree } = context;
	try {
		signal.throwIfAborted();
		const place = placeOf(opening);
		using acquired = new DisposableStack();
		const source = openSource(sys, context, subject);
		if (source !== undefined) acquired.use(source.handle);
		if (source?.readOnly === true && isForOsbuild(opening)) {
			context.log(`${subject}: ${source.path} can only be read, and is mounted so`);
			options = { ...options, readOnly: true };
		}
		// Directories of an overlay, which holds them itself when it is mounted.
		using temporary = new DisposableStack();
		const places = {
			tree,
			root: place.root,
			mount: (name: string) => all.byName.get(name)?.root,
		};
		const request = { type, options, source, places, subject, signal };
		const { make, readOnly, details } = await planMount(sys, request, temporary);
		if (type.endsWith("xfs") && details["options"] !== undefined) warn(context, details);

		const root = place.isInTree ? sys.openHere(tree) : sys.openDirectory(place.root);
		acquired.move(); // the source is the mount's from here on
		const { names } = place;
		const { sources } = all;
		const closeTimeoutMs = closeTimeoutOf(context, all.closeTimeoutMs);
		const how = {
			subject,
			make,
			readOnly,
			source,
			sources,
			root,
			names,
			closeTimeoutMs,
			signal,
		};
		const mount = await openMount(sys, how);
		all.byName.set(subject, mount);
		return {
			path: place.isInTree ? "." : names.join("/") || ".",
			details,
			directory: () => Fd.adopt(mount.directory().take()),
			async [Symbol.asyncDispose]() {
				if (all.byName.get(subject) === mount) all.byName.delete(subject);
				await mount[Symbol.asyncDispose]();
			},
		};
	} catch (error) {
		const cause = causeFirst(error, subject);
		throw signal.aborted && cause === signal.reason ? abandoned(subject, cause) : cause;
	}
}

/** Whether a device that can only be read is mounted so without being asked to: by mount(8), and therefore by osbuild. */
function isForOsbuild({ type, options }: Opening): boolean {
	const kernelType = kernelTypeOf(type);
	return (
		type.startsWith("org.osbuild.") &&
		kernelType !== undefined &&
		!isReadOnly(kernelType, options)
	);
}

/** Where it is mounted: a path, and the names from there. */
function placeOf({ type, context: { name, mount } }: Opening): {
	readonly root: string;
	readonly names: readonly string[];
	/** From the tree, and not from the directory of mounts. */
	readonly isInTree: boolean;
} {
	if (mount === undefined) {
		const message = `${name}: a mount, not a device: name it under "mounts"`;
		throw new DeviceError("ERR_DEVICE_TYPE", message);
	}
	const { root, target = "" } = mount;
	const isInTree = type === "org.osbuild.bind";
	if (target.startsWith(isInTree ? "tree://" : "/"))
		return { root, names: targetNames(target.replace(/^tree:/, ""), name), isInTree };
	const expected = isInTree ? "tree://, the directory of the stages' files" : "an absolute path";
	const message = `${name}: target ${JSON.stringify(target)}, expected ${expected}`;
	throw new DeviceError("ERR_DEVICE_FILE", message);
}

/** The node of the parent, or of a partition of it. */
function openSource(
	sys: MountSys,
	{ parent, mount, devices }: OpenContext,
	subject: string,
): SourceDevice | undefined {
	if (parent === undefined) return undefined;
	const { partition } = mount ?? {};
	if (!partition) return sys.openSource(devices, parent.path); // 0 is none, as in osbuild
	const path = `${parent.path}p${partition}`;
	try {
		return sys.openSource(devices, path);
	} catch (cause) {
		if (!isSysError(cause, "ENOENT")) throw cause;
		throw new DeviceError(
			"ERR_DEVICE_PARENT",
			`${subject}: ${parent.path} has no partition ${partition} (no ${path}). Its device needs \`partscan: true\`; or mount a ` +
				`device of type devhost.partition`,
			{ cause },
		);
	}
}

/** XFS alone has no mark of a log that is to be replayed. */
function warn({ name, log }: OpenContext, details: Readonly<Record<string, unknown>>): void {
	const { options } = details as { options: Readonly<Record<string, unknown>> };
	if (options["norecovery"] === undefined) return;
	log(
		`${name}: XFS is mounted as its log was left: what was written last is missing if it was not unmounted properly`,
	);
}
