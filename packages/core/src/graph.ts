import { closestName } from "./closest-name.ts";
import type { DeviceType, MountPlace } from "./driver.ts";
import type { DeviceErrorCode, DeviceProblem } from "./error.ts";
import { jsonPointer } from "./json-pointer.ts";
import { parseKey } from "./mount-key.ts";
import { type ParentNames, parentsComplaint, parentsOf } from "./parents.ts";

/** A device as a manifest declares it. */
export interface DeviceSpec extends ParentNames {
	readonly type: string;
	/** As read from the manifest, plain or from {@link parseJson}. */
	readonly options?: unknown;
	/** The mount that its files are in, by {@link mountKey}, instead of the run's tree. */
	readonly tree?: string | undefined;
	/** What has to be open before, and is closed after, without being handed to its driver. */
	readonly after?: readonly string[] | undefined;
	/** Where it is to be mounted, if it is a mount. */
	readonly mount?: Omit<MountPlace, "root"> | undefined;
}

/** Everything that has to be open before a device: its parents, and what else it says. */
export function prerequisitesOf(spec: DeviceSpec): readonly string[] {
	const { tree, after = [] } = spec;
	const parents = parentsOf(spec);
	if (tree === undefined && after.length === 0) return parents;
	return [...new Set([...parents, ...(tree === undefined ? [] : [tree]), ...after])];
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
	 * @default "/devices/NAME", of a mount "/mounts/NAME"
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

/** How many names are compared to find what was meant: that of the hundredth wrong one in a thousand is of no use. */
const maxComparisons = 100_000;

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
	const pointer = options.pointer ?? pointerOf;
	const problems: DeviceProblem[] = [];
	const complain = (code: DeviceErrorCode, device: string, at: string, what: string): void => {
		problems.push({
			code,
			pointer: pointer(device) + at,
			message: `${isDeviceName(parseKey(device).name) ? device : JSON.stringify(device)}: ${what}`,
			device,
		});
	};
	let comparisonsLeft = maxComparisons;
	const suggest = (name: string, parent: string): string => {
		if (comparisonsLeft < 0) return "";
		comparisonsLeft -= specs.size + existing.size;
		const others = [...specs.keys(), ...existing].filter((each) => each !== name);
		return didYouMean(closestName(parent, others));
	};
	const cycles = findCycles(specs);

	for (const [name, spec] of specs) {
		if (!isDeviceName(parseKey(name).name)) {
			complain("ERR_DEVICE_NAME", name, "", nameComplaint);
		} else if (existing.has(name)) {
			complain("ERR_DEVICE_NAME", name, "", "a device of this name is open already");
		}

		const type = types?.get(spec.type);
		if (types !== undefined && type === undefined) {
			complain("ERR_DEVICE_TYPE", name, "/type", typeComplaint(spec.type, types));
		}

		const parents = parentsOf(spec);
		const at = isList(spec) ? "/parents" : "/parent";
		if (isList(spec) && spec.parent) {
			const what = "has a parent and parents, of which there can be only one";
			complain("ERR_DEVICE_PARENT", name, at, what);
		}
		const wrong = type === undefined ? undefined : parentsComplaint(type.parent, parents);
		if (wrong !== undefined) {
			const place = parents.length === 0 ? "" : at;
			complain("ERR_DEVICE_PARENT", name, place, `${spec.type} ${wrong}`);
		}
		const seen = new Set<string>();
		for (const [index, parent] of parents.entries()) {
			const place = isList(spec) ? `${at}/${index}` : at;
			if (seen.has(parent)) {
				const what = `"${parent}" is one of its parents already`;
				complain("ERR_DEVICE_PARENT", name, place, what);
			} else if (!specs.has(parent) && !existing.has(parent)) {
				const what = `its parent "${parent}" is not a device here${suggest(name, parent)}`;
				complain("ERR_DEVICE_PARENT", name, place, what);
			}
			seen.add(parent);
		}
		for (const other of prerequisitesOf(spec)) {
			if (parents.includes(other) || specs.has(other) || existing.has(other)) continue;
			const what = `it needs "${other}", which is not here${suggest(name, other)}`;
			complain("ERR_DEVICE_PARENT", name, "", what);
		}
		const cycle = cycles.get(name);
		if (cycle !== undefined) {
			const index = parents.indexOf(cycle.parent);
			const place = index < 0 ? "" : isList(spec) ? `${at}/${index}` : at;
			complain("ERR_DEVICE_CYCLE", name, place, cycle.complaint);
		}
	}
	return { order: sortParentsFirst(specs, existing), problems };
}

/** Where a device stands in a manifest, or a mount. */
export function pointerOf(key: string): string {
	const { name, isMount } = parseKey(key);
	return jsonPointer([isMount ? "mounts" : "devices", name]);
}

function needs(spec: DeviceSpec | undefined): readonly string[] {
	return spec === undefined ? [] : prerequisitesOf(spec);
}

function specsByName(devices: DeviceSpecs): ReadonlyMap<string, DeviceSpec> {
	return devices instanceof Map ? devices : new Map(Object.entries(devices));
}

/** Whether a device's parents are those of its list. */
function isList({ parents = [] }: DeviceSpec): boolean {
	return parents.length > 0;
}

/**
 * Passes over the declaration until nothing is left, taking each device whose parents were taken in this or an earlier
 * pass: parents first, and as declared wherever that leaves a choice.
 *
 * Source: `sort_devices`, osbuild/formats/v2.py.
 */
function sortParentsFirst(
	specs: ReadonlyMap<string, DeviceSpec>,
	existing: ReadonlySet<string>,
): readonly string[] {
	const order = new Set<string>();
	const isThere = (name: string): boolean => order.has(name) || existing.has(name);
	let left = [...specs.keys()];
	for (;;) {
		const waiting = left.filter((name) => {
			if (!needs(specs.get(name)).every(isThere)) return true;
			order.add(name);
			return false;
		});
		if (waiting.length === 0 || waiting.length === left.length) return [...order];
		left = waiting;
	}
}

/** What is wrong with a device on a cycle, and which of its parents is on it. */
interface Cycle {
	readonly parent: string;
	readonly complaint: string;
}

/** The cycles, each at the member of it that is declared first; of several at the same one, one. */
function findCycles(specs: ReadonlyMap<string, DeviceSpec>): ReadonlyMap<string, Cycle> {
	const cycles = new Map<string, Cycle>();
	const done = new Set<string>();
	// From a device to its ancestors, each with those of its parents that are still to be looked at.
	const path: { readonly name: string; readonly parents: Iterator<string> }[] = [];
	const onPath = new Set<string>();
	const places = new Map([...specs.keys()].map((name, index) => [name, index]));
	const visit = (name: string): void => {
		if (onPath.has(name)) {
			const at = path.findIndex((each) => each.name === name);
			const members = path.slice(at).map((each) => each.name);
			const first = firstDeclared(members, places);
			if (!cycles.has(first)) cycles.set(first, cycleOf(members, first));
		} else if (!done.has(name)) {
			onPath.add(name);
			path.push({ name, parents: needs(specs.get(name)).values() });
		}
	};
	for (const start of specs.keys()) {
		visit(start);
		for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
			const next = last.parents.next();
			if (next.done !== true) {
				visit(next.value);
				continue;
			}
			path.pop();
			onPath.delete(last.name);
			done.add(last.name);
		}
	}
	return cycles;
}

function firstDeclared(names: readonly string[], places: ReadonlyMap<string, number>): string {
	const place = (name: string): number => places.get(name) ?? Infinity;
	return names.reduce((first, name) => (place(name) < place(first) ? name : first));
}

/** @param members - Each on the next one, the last on the first. */
function cycleOf(members: readonly string[], first: string): Cycle {
	if (members.length === 1) return { parent: first, complaint: "is its own parent" };
	const at = members.indexOf(first);
	const turned = [...members.slice(at), ...members.slice(0, at), first];
	const [, parent = first] = turned;
	return { parent, complaint: `is its own ancestor: ${turned.join(" on ")}` };
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
