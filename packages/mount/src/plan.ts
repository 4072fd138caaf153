import type { Handle } from "@devhost/core";
import { checkSource } from "./check-source.ts";
import {
	isReadOnly,
	type KernelOptions,
	kernelOptions,
	mountAttributes,
} from "./kernel-options.ts";
import { openLocation, openOsbuildLocation, type Places } from "./locations.ts";
import type { MountSys, SourceDevice } from "./mount-sys.ts";
import type { MountPlan } from "./open-mount.ts";
import type { MountOptions } from "./options.ts";
import { type KernelType, kernelTypeOf } from "./types.ts";

/** What a mount is to be made of. */
export interface MountPlanRequest {
	/** As in `mount.json`. */
	readonly type: string;
	readonly options: MountOptions;
	readonly source: SourceDevice | undefined;
	readonly places: Places | undefined;
	readonly subject: string;
	readonly signal: AbortSignal | undefined;
}

/** How a mount is made. */
export interface PlannedMount {
	readonly make: MountPlan;
	readonly readOnly: boolean;
	/** Facts for stages and reports. */
	readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Looks at what is to be mounted, and says how.
 *
 * @param acquired - Gets what has to stay open until it is mounted.
 * @throws {@link DeviceError} it cannot be.
 */
export async function planMount(
	sys: MountSys,
	request: MountPlanRequest,
	acquired: DisposableStack,
): Promise<PlannedMount> {
	const { options, source, subject } = request;
	const open = (location: string, pointer: string): Handle =>
		acquired.use(openLocation(sys, placesOf(request), location, { subject, pointer }));
	const { readOnly } = options;
	const attributes = mountAttributes(options, readOnly);
	switch (request.type) {
		case "org.osbuild.noop":
			return { make: { kind: "none" }, readOnly: true, details: { type: "noop" } };
		case "bind":
		case "org.osbuild.bind": {
			const recursive = request.type !== "bind"; // osbuild's is `mount --rbind`
			const { from = "" } = options;
			const directory = recursive
				? acquired.use(
						openOsbuildLocation(sys, placesOf(request), from, {
							subject,
							pointer: "/source",
						}),
					)
				: open(from, "/from");
			const make: MountPlan = { kind: "clone", directory, recursive, attributes };
			return { make, readOnly, details: { type: "bind", source: from, readOnly } };
		}
		case "overlay": {
			const { lower, upper, work } = options;
			// By descriptors: these directories and no others, and no name has a character that would mean something.
			const at = (location: string, pointer: string): string =>
				`/proc/self/fd/${open(location, pointer).fd}`;
			const own = {
				// A hostile layer could otherwise show files of another one by its extended attributes.
				// Source: Documentation/filesystems/overlayfs.rst.
				metacopy: "off",
				redirect_dir: "nofollow",
				lowerdir: lower.map((each, index) => at(each, `/lower/${index}`)).join(":"),
				...(upper !== undefined && { upperdir: at(upper, "/upper") }),
				...(work !== undefined && { workdir: at(work, "/work") }),
			};
			const isFixed = readOnly || upper === undefined;
			return plain("overlay", own, mountAttributes(options, isFixed), isFixed);
		}
		case "tmpfs": {
			const { size, mode } = options;
			const own = {
				...(size !== undefined && { size }),
				...(mode !== undefined && { mode }),
			};
			return plain("tmpfs", own, attributes, readOnly);
		}
	}
	if (source === undefined) throw new TypeError(`a mount of ${request.type}, without a device`);
	return await planFileSystem(sys, { ...request, source });
}

function placesOf({ places }: MountPlanRequest): Places {
	if (places === undefined) throw new TypeError("a mount of directories, without any");
	return places;
}

/** A file system without a device, whose own options are not shown: they are not for anybody else. */
function plain(
	type: string,
	options: KernelOptions,
	attributes: number,
	readOnly: boolean,
): PlannedMount {
	const mount = {
		type,
		// Only a name, for people: there is no device.
		options: { source: type, ...options, ...(readOnly && { ro: true as const }) },
		attributes,
	};
	return { make: { kind: "create", mount }, readOnly, details: { type, readOnly } };
}

async function planFileSystem(
	sys: MountSys,
	request: MountPlanRequest & { readonly source: SourceDevice },
): Promise<PlannedMount> {
	const { options, source } = request;
	const named = kernelTypeOf(request.type);
	const type = named ?? (await detect(sys, request));
	await checkSource(sys, type, request);
	const readOnly = isReadOnly(type, options);
	const all = kernelOptions(type, options, source);
	const mount = { type, options: all, attributes: mountAttributes(options, readOnly) };
	const { source: path, ...rest } = all;
	const details = { type, source: path, readOnly, options: rest };
	return { make: { kind: "create", mount }, readOnly, details };
}

async function detect(
	sys: MountSys,
	request: MountPlanRequest & { readonly source: SourceDevice },
): Promise<KernelType> {
	const { detectType } = await import("./detect-type.ts");
	return await detectType(sys, request.source, request);
}
