import { jsonPointer, parentsOf } from "@devhost/core";
import { allOf, byKey } from "./declared-devices.ts";
import type { DeviceDeclaration, Manifest } from "./manifest.ts";
import type { Modules, MountType } from "./modules.ts";
import type { Problem, ProblemCode } from "./problem.ts";

/** Of what {@link checkTogether} looks. */
export interface TogetherContext {
	readonly modules: Modules;
	/** Devices and mounts whose options are as their types want them. Only these are looked at. */
	readonly devices: ReadonlySet<DeviceDeclaration>;
}

/**
 * Finds what can be said right by itself and does not go together: options of a mount, a device and what it stands on.
 *
 * What types are like is known from the descriptions of their modules.
 */
export function checkTogether(manifest: Manifest, context: TogetherContext): Problem[] {
	return [...problemsOf(manifest, context)];
}

function* problemsOf(
	manifest: Manifest,
	{ modules, devices }: TogetherContext,
): Generator<Problem> {
	for (const whole of [manifest, ...manifest.stages]) {
		for (const device of allOf(whole)) {
			if (!devices.has(device)) continue;
			const complain = (at: string, code: ProblemCode, message: string): Problem =>
				manifest.problemAt(
					device.pointer + at,
					{ code, message },
					at === "" ? "key" : "value",
				);
			const find = (key: string): DeviceDeclaration | undefined => {
				const found = byKey(whole)[key] ?? byKey(manifest)[key];
				return found !== undefined && devices.has(found) ? found : undefined;
			};
			if (device.mount !== undefined) {
				yield* missingOptions(device, modules, complain);
				yield* tooLongTarget(device, complain);
				yield* missingPartition(device, { modules, find, complain });
			}
			const [kept] = readOnlyBeneath(device, modules, find);
			if (kept === undefined || isReadOnly(device, modules) !== false) continue;
			const { line } = manifest.locate(kept.pointer, "key");
			const what = kept.mount === undefined ? "device" : "mount";
			const option = readOnlyOption(device, modules);
			yield complain(
				"",
				"ERR_DEVICE_READ_ONLY_FILE",
				`the ${what} ${JSON.stringify(kept.name)} (line ${line}) is read-only, and this is not: set ${String(option)} here, ` +
					"too, or leave it out there",
			);
		}
	}
}

type Complain = (at: string, code: ProblemCode, message: string) => Problem;

function mountType(device: DeviceDeclaration, modules: Modules): MountType | undefined {
	return modules.forType(device.type)?.mounts?.[device.type];
}

/** Options that one has, without another that it needs. */
function* missingOptions(
	device: DeviceDeclaration,
	modules: Modules,
	complain: Complain,
): Generator<Problem> {
	const { requires = {} } = mountType(device, modules) ?? {};
	const isSet = (name: string): boolean => (device.options[name] ?? false) !== false;
	for (const [name, other] of Object.entries(requires)) {
		if (!isSet(name) || isSet(other)) continue;
		const message = `${device.type} takes it only with ${other}`;
		yield complain(`/options${jsonPointer([name])}`, "ERR_DEVICE_OPTIONS", message);
	}
}

/** What no path of the kernel can be: NAME_MAX; PATH_MAX, less what stands before it. Source: linux/limits.h. */
function* tooLongTarget({ mount }: DeviceDeclaration, complain: Complain): Generator<Problem> {
	const { target = "" } = mount ?? {};
	const isTooLong = Buffer.byteLength(target) > 4000;
	const name = target.split("/").find((each) => Buffer.byteLength(each) > 255);
	if (!isTooLong && name === undefined) return;
	const what = isTooLong
		? "it is longer than 4000 bytes"
		: "a name in it is longer than 255 bytes";
	yield complain("/target", "ERR_MANIFEST_VALUE", `no target: ${what}`);
}

/** A partition by its number, of a device that has none to be found so. What other packages serve may. */
function* missingPartition(
	{ mount, parent = "" }: DeviceDeclaration,
	{
		modules,
		find,
		complain,
	}: {
		readonly modules: Modules;
		readonly find: (key: string) => DeviceDeclaration | undefined;
		readonly complain: Complain;
	},
): Generator<Problem> {
	if ((mount?.partition ?? 0) < 1) return; // 0 is none
	const source = find(parent);
	const module = source && modules.forType(source.type);
	if (source === undefined || module?.isBuiltIn !== true || source.options["partscan"] === true)
		return;
	const { properties = {} } = module.options as { readonly properties?: object };
	const how = Object.hasOwn(properties, "partscan")
		? "set partscan: true for it, or mount a device of type devhost.partition"
		: "leave it out";
	const message = `its source ${JSON.stringify(source.name)} has no partitions by number: ${how}`;
	yield complain("/partition", "ERR_DEVICE_PARENT", message);
}

/** What it stands on that cannot be written: devices, and the mount that its file is in. */
function readOnlyBeneath(
	device: DeviceDeclaration,
	modules: Modules,
	find: (key: string) => DeviceDeclaration | undefined,
): DeviceDeclaration[] {
	const keys = [...parentsOf(device), ...(device.tree === undefined ? [] : [device.tree])];
	return keys.flatMap((key) => {
		const found = find(key);
		return found !== undefined && isReadOnly(found, modules) === true ? found : [];
	});
}

/** Whether nothing can be written to it. Undefined where that is not known before, or means nothing. */
function isReadOnly(device: DeviceDeclaration, modules: Modules): boolean | undefined {
	const option = readOnlyOption(device, modules);
	if (typeof option === "boolean" || option === undefined) return option;
	return device.options[option] === true;
}

/** The option that says so; true where it is always so. */
function readOnlyOption(device: DeviceDeclaration, modules: Modules): string | true | undefined {
	const module = modules.forType(device.type);
	if (module?.mounts !== undefined) return module.mounts[device.type]?.readOnly;
	return module?.readOnly ?? module?.range?.readOnly;
}
