import { closestName } from "./closest-name.ts";
import type { DeviceType } from "./driver.ts";
import type { DeviceErrorCode, DeviceProblem } from "./error.ts";
import { jsonPointer } from "./json-pointer.ts";

/** A device as a manifest declares it. */
export interface DeviceSpec {
	readonly type: string;
	/** The name of the device it stands on; null and empty are none, as in osbuild. */
	readonly parent?: string | null | undefined;
	/** As read from the manifest, plain or from {@link parseJson}. */
	readonly options?: unknown;
}

/** Devices by name. A `Map` keeps its order; an object moves names such as `10` to the front. */
export type DeviceSpecs = Readonly<Record<string, DeviceSpec>> | ReadonlyMap<string, DeviceSpec>;

/** Types of devices by name; types that are not there are unknown. */
export type DeviceTypes = ReadonlyMap<string, DeviceType>;

/** What {@link resolveGraph} knows besides the devices themselves. */
export interface ResolveGraphOptions {
	/** Devices that are open already: parents for these, and names that are taken. */
	readonly existing?: ReadonlySet<string>;
	/**
	 * Where a device stands in the manifest, for the pointers of problems.
	 *
	 * @default "/devices/NAME"
	 */
	readonly pointer?: (name: string) => string;
}

/** A graph of devices, ready to be opened if nothing is wrong with it. */
export interface ResolvedGraph {
	/**
	 * Names, parents first, otherwise as declared.
	 *
	 * Complete only without problems: devices on a cycle or on an unknown parent are not in it.
	 */
	readonly order: readonly string[];
	/** Everything that is wrong, in the order of declaration. */
	readonly problems: readonly DeviceProblem[];
}

/** What a device may be called: the name becomes part of environment variables, tags and messages. */
const allowedName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const allowedType = /^[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*$/;

/** Whether a device may have this name: 1 to 64 letters, digits, `_`, `.` and `-`, the first no `.` or `-`. */
export function isDeviceName(name: string): boolean {
	return allowedName.test(name);
}

/**
 * Puts devices into the order in which they can be opened, and finds everything that is wrong with their names, types
 * and parents. Opens nothing.
 *
 * @param types - Without them, types and what they say of parents are not checked.
 */
export function resolveGraph(
	devices: DeviceSpecs,
	types?: DeviceTypes,
	options: ResolveGraphOptions = {},
): ResolvedGraph {
	const specs = specsByName(devices);
	const existing = options.existing ?? new Set<string>();
	const pointer = options.pointer ?? ((name: string): string => jsonPointer(["devices", name]));
	const problems: DeviceProblem[] = [];
	const complain = (code: DeviceErrorCode, device: string, at: string, what: string): void => {
		problems.push({
			code,
			pointer: pointer(device) + at,
			message: `${isDeviceName(device) ? device : JSON.stringify(device)}: ${what}`,
			device,
		});
	};
	const cycles = findCycles(specs);

	for (const [name, spec] of specs) {
		if (!isDeviceName(name)) {
			complain("ERR_DEVICE_NAME", name, "", nameComplaint);
		} else if (existing.has(name)) {
			complain("ERR_DEVICE_NAME", name, "", "a device of this name is open already");
		}

		const type = types?.get(spec.type);
		if (types !== undefined && type === undefined) {
			complain("ERR_DEVICE_TYPE", name, "/type", typeComplaint(spec.type, types));
		}

		const parent = parentOf(spec);
		if (parent === undefined) {
			if (type?.parent === "required") {
				complain(
					"ERR_DEVICE_PARENT",
					name,
					"",
					`${spec.type} needs a parent, and has none`,
				);
			}
			continue;
		}
		if (type?.parent === "none") {
			const what = `${spec.type} has no parent, but "${parent}" is given as one`;
			complain("ERR_DEVICE_PARENT", name, "/parent", what);
		}
		if (!specs.has(parent) && !existing.has(parent)) {
			const near = closestName(
				parent,
				[...specs.keys(), ...existing].filter((n) => n !== name),
			);
			const what = `its parent "${parent}" is not a device here${didYouMean(near)}`;
			complain("ERR_DEVICE_PARENT", name, "/parent", what);
		}
		const cycle = cycles.get(name);
		if (cycle !== undefined) complain("ERR_DEVICE_CYCLE", name, "/parent", cycle);
	}
	return { order: sortParentsFirst(specs, existing), problems };
}

function specsByName(devices: DeviceSpecs): ReadonlyMap<string, DeviceSpec> {
	return devices instanceof Map ? devices : new Map(Object.entries(devices));
}

function parentOf(spec: DeviceSpec): string | undefined {
	return spec.parent === null || spec.parent === "" ? undefined : spec.parent;
}

/**
 * Passes over the declaration until nothing is left, taking each device whose parent was taken in this or an earlier
 * pass: parents first, and as declared wherever that leaves a choice.
 *
 * Source: `sort_devices`, osbuild/formats/v2.py.
 */
function sortParentsFirst(
	specs: ReadonlyMap<string, DeviceSpec>,
	existing: ReadonlySet<string>,
): readonly string[] {
	const order = new Set<string>();
	let left = [...specs.keys()];
	for (;;) {
		const waiting = left.filter((name) => {
			const spec = specs.get(name);
			const parent = spec === undefined ? undefined : parentOf(spec);
			if (parent !== undefined && !order.has(parent) && !existing.has(parent)) return true;
			order.add(name);
			return false;
		});
		if (waiting.length === 0 || waiting.length === left.length) return [...order];
		left = waiting;
	}
}

/** A sentence for each cycle, at the member of it that is declared first. */
function findCycles(specs: ReadonlyMap<string, DeviceSpec>): ReadonlyMap<string, string> {
	const cycles = new Map<string, string>();
	const done = new Set<string>();
	for (const start of specs.keys()) {
		const path: string[] = [];
		const onPath = new Set<string>();
		let name: string | undefined = start;
		while (name !== undefined && !done.has(name) && !onPath.has(name)) {
			path.push(name);
			onPath.add(name);
			const spec = specs.get(name);
			name = spec === undefined ? undefined : parentOf(spec);
		}
		if (name !== undefined && onPath.has(name)) {
			const members = new Set(path.slice(path.indexOf(name)));
			const [first = name] = [...specs.keys()].filter((member) => members.has(member));
			cycles.set(first, cycleComplaint([...members], first));
		}
		for (const visited of path) done.add(visited);
	}
	return cycles;
}

function cycleComplaint(members: readonly string[], first: string): string {
	if (members.length === 1) return "is its own parent";
	const at = members.indexOf(first);
	const turned = [...members.slice(at), ...members.slice(0, at), first];
	return `is its own ancestor: ${turned.join(" on ")}`;
}

const nameComplaint =
	"not a name for a device, which has 1 to 64 letters, digits, _, . and -, and does not begin with . or -";

function typeComplaint(type: string, types: DeviceTypes): string {
	if (!allowedType.test(type)) {
		return `"${type}" is not a name of a type of device, which looks like devhost.loopback`;
	}
	const near = closestName(type, types.keys());
	if (near !== undefined) return `type "${type}" is unknown${didYouMean(near)}`;
	const known = [...types.keys()];
	if (known.length === 0) return `type "${type}" is unknown: no driver is installed`;
	return `type "${type}" is unknown, known are ${known.join(", ")}`;
}

function didYouMean(near: string | undefined): string {
	return near === undefined ? "" : `, did you mean "${near}"?`;
}
