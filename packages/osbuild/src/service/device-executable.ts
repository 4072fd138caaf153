import type { DeviceDriver } from "@devhost/core";
import type { DeviceNumber } from "@devhost/linux";
import type { ServiceDefinition } from "@devhost/rpc";
import { serviceName } from "./arguments.ts";
import type { OpenForOsbuild } from "./open-for-osbuild.ts";

/** A device of ours as one of osbuild's: what is different about each. */
export interface DeviceExecutable {
	/** osbuild's name of the type. */
	readonly type: string;
	readonly version: string;
	/** Loads the driver. */
	load(): Promise<DeviceDriver>;
	/** Options as our driver takes them. @default as they are */
	options?(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
	/** Further devices that have to be in the directory of devices, such as a partition of the parent. */
	needs?(parent: string, options: Readonly<Record<string, unknown>>): readonly string[];
	/** What osbuild is told of an open device. */
	answer(opened: OpenedDevice): DeviceAnswer;
}

/** An open device, and where. */
export interface OpenedDevice {
	readonly options: Readonly<Record<string, unknown>>;
	/** Relative to the directory of devices. */
	readonly path: string;
	readonly node: DeviceNumber;
	/** The name of its mapping, if it is one. */
	readonly mapping: string;
	readonly details: Readonly<Record<string, unknown>>;
}

/** What osbuild is told. */
export interface DeviceAnswer {
	readonly reply: { readonly path: string; readonly node: DeviceNumber } & Readonly<
		Record<string, unknown>
	>;
	/** Paths of further nodes of the device, in the directory of devices. */
	readonly nodes: readonly string[];
	/** A line for the log. */
	readonly log: string;
}

/** The service that osbuild's host sees: `open` and `close`. */
export function osbuildDevice(
	executable: DeviceExecutable,
	argv: readonly string[] = process.argv,
): ServiceDefinition {
	const { type, version } = executable;
	const name = serviceName(argv, "device");
	let device: OpenForOsbuild | undefined;
	const load = () => import("./open-device.ts");
	preload(load, executable);

	async function close(): Promise<void> {
		const open = device;
		device = undefined;
		await open?.close();
	}

	return {
		module: type,
		version,
		methods: {
			async open(value, call) {
				const { openDevice } = await load();
				device = await openDevice(executable, {
					name,
					value,
					call,
					isOpen: device !== undefined,
				});
				return device.reply;
			},
			close,
		},
		close,
	};
}

/** While osbuild still opens what is beneath. What fails now fails again when it is needed, and is told then. */
export function preload(
	load: () => Promise<unknown>,
	executable: { load(): Promise<unknown> },
): void {
	setImmediate(() => void Promise.all([load(), executable.load()]).catch(() => {}));
}
