import { closeSync, constants, openSync } from "node:fs";
import { resolve } from "node:path";
import {
	DeviceError,
	DeviceManager,
	type DeviceSpec,
	type OpenDevices,
	mountKey,
	type OpenedDevice,
	parseKey,
} from "@devhost/core";
import type { LoopbackOptionsSchema } from "./generated/loopback-options.ts";
import type { Luks2OptionsSchema } from "./generated/luks2-options.ts";
import type { Lvm2OptionsSchema } from "./generated/lvm2-options.ts";
import type { MountOptionsSchema } from "./generated/mount-options.ts";
import type { PartitionOptionsSchema } from "./generated/partition-options.ts";
import { type DeviceModule, deviceTypes, findModules, loadModules } from "./modules.ts";
import { mountsBeforeIn } from "./mounts-before.ts";
import { makeRunNamespace, mountsPath } from "./namespace.ts";
import { RunServices } from "./run-services.ts";
import { newRunId } from "./run-id.ts";

/** Where devices are opened, and with which types. */
export interface HostOptions {
	/** Directory beneath which the files of devices are. @default the working directory */
	readonly tree?: string | undefined;
	/** Packages with further types of devices, or osbuild's modules: names, or paths relative to the working directory. */
	readonly modules?: readonly string[] | undefined;
	/** Told what services say. */
	readonly log?:
		| ((line: { readonly service: string; readonly text: string }) => void)
		| undefined;
}

/** A file system that is to be mounted. */
export interface MountSpec {
	/** `ext4`, `auto` and so on: see @devhost/mount. */
	readonly type: string;
	/** The name of the device that it is on. */
	readonly source?: string | undefined;
	/** The number of the partition of it, where the device has `partscan`. */
	readonly partition?: number | undefined;
	/** An absolute path: a mount beneath another one's target is mounted in that. */
	readonly target: string;
	readonly options?: MountOptionsSchema | undefined;
}

/**
 * Device services for a program that uses devices itself, instead of running stages. Disposing it closes every device and
 * stops the services.
 */
export interface Host extends AsyncDisposable {
	/**
	 * Opens devices, as parallel as their parents allow, and mounts file systems of them. Disposing what comes back closes them.
	 *
	 * @throws {@link DeviceError} with nothing left open; first cause first.
	 */
	open(
		devices: Readonly<Record<string, DeviceSpec>>,
		mounts?: Readonly<Record<string, MountSpec>>,
	): Promise<OpenDevices>;
	/**
	 * The path of a device, or the directory of a mount, for this process and its children. The node is in no directory that
	 * others see, and the mount in a namespace of its own.
	 *
	 * It means something as long as the host is not disposed. What is open in a mount keeps it from being closed.
	 */
	pathOf(device: OpenedDevice): string;
}

/**
 * Opens block devices for this program, through the services of their modules. Needs root.
 *
 * @throws {@link RunError} `ERR_RUN_NOT_ROOT`, `ERR_RUN_NAMESPACE`.
 *
 * @example
 * ```ts
 * import { readFileSync } from "node:fs";
 * import { loopback, openHost } from "devhost";
 *
 * await using host = openHost({ tree: "." });
 * await using devices = await host.open({ disk: loopback({ filename: "disk.img", "read-only": true }) });
 * console.log(readFileSync(host.pathOf(devices.get("disk"))).length);
 * ```
 */
export function openHost(options: HostOptions = {}): Host {
	let modules = findModules({ modules: options.modules });
	const loading = modules.isIncomplete ? loadModules({ modules: options.modules }) : undefined;
	loading?.catch(() => {}); // whoever opens a device is told
	using begun = new DisposableStack();
	const tree = openSync(resolve(options.tree ?? "."), constants.O_RDONLY | constants.O_DIRECTORY);
	begun.defer(() => closeSync(tree));
	const namespace = begun.use(makeRunNamespace());
	const services = new RunServices(namespace.namespace);
	services.listen({
		onStart: () => {},
		onLog: (line) => options.log?.(line),
		onEnd: () => {}, // whoever uses its devices next is told
	});
	const types = deviceTypes(modules);
	const manager = new DeviceManager({
		service: (type) => services.start(moduleOf(type)),
		types,
		run: newRunId(),
		tree,
		devices: namespace.devices,
		mounts: mountsPath,
	});

	function moduleOf(type: string): DeviceModule {
		const module = modules.forType(type);
		if (module !== undefined) return module;
		throw new DeviceError("ERR_DEVICE_TYPE", `type "${type}" is unknown`);
	}

	const closing = new AsyncDisposableStack();
	closing.use(begun.move());
	closing.defer(() => services.stop());
	closing.use(manager);
	return {
		async open(devices, mounts = {}) {
			if (loading !== undefined) {
				modules = await loading;
				for (const [name, type] of deviceTypes(modules)) types.set(name, type);
			}
			return await manager.open({ ...devices, ...mountSpecs(mounts, manager.opened) });
		},
		pathOf({ name, type, path }) {
			if (!parseKey(name).isMount)
				return `/proc/${process.pid}/fd/${namespace.devices.fd}/${path}`;
			const { pid } = services.start(moduleOf(type));
			return `/proc/${pid}/root${mountsPath}${path === "." ? "" : `/${path}`}`;
		},
		[Symbol.asyncDispose]: () => closing.disposeAsync(),
	};
}

/** Mounts as the manager opens them, those of earlier calls beneath. */
function mountSpecs(
	mounts: Readonly<Record<string, MountSpec>>,
	opened: readonly OpenedDevice[],
): Record<string, DeviceSpec> {
	const known = opened.map(({ name, path }) => {
		const { name: own, isMount } = parseKey(name);
		const mount = isMount ? { mount: { target: path === "." ? "/" : `/${path}` } } : {};
		return { key: name, name: own, options: {}, ...mount };
	});
	const own = Object.entries(mounts).map(([name, spec]) => {
		const { target, partition } = spec;
		const options: Readonly<Record<string, unknown>> = { ...spec.options };
		const mount = { target, ...(partition !== undefined && { partition }) };
		return { key: mountKey(name), name, spec, options, mount };
	});
	return Object.fromEntries(
		own.map((each) => {
			const { key, spec, options, mount } = each;
			const after = mountsBeforeIn(each, [...own, ...known]);
			return [key, { type: spec.type, parent: spec.source, options, mount, after }];
		}),
	);
}

/** A file, or a range of it, as a block device: for {@link openHost}. */
export function loopback(options: LoopbackOptionsSchema): DeviceSpec {
	return { type: "devhost.loopback", options };
}

/**
 * One partition of a device, by exactly one of `number`, `label`, `uuid` and `type`: for {@link openHost}.
 *
 * @param parent - The name of the device that holds the partition table.
 */
export function partition(parent: string, options: PartitionOptionsSchema): DeviceSpec {
	return { type: "devhost.partition", parent, options };
}

/**
 * An unlocked LUKS2 container: for {@link openHost}.
 *
 * @param parent - The name of the device that holds it.
 */
export function luks2(parent: string, options: Luks2OptionsSchema): DeviceSpec {
	return { type: "devhost.luks2", parent, options };
}

/**
 * A logical volume of LVM2: for {@link openHost}.
 *
 * @param parents - The names of the devices that are its group's physical volumes.
 */
export function lvm2(parents: string | readonly string[], options: Lvm2OptionsSchema): DeviceSpec {
	return { type: "devhost.lvm2.lv", parents: [parents].flat(), options };
}
