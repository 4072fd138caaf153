import type { DeviceNumber } from "@devhost/linux";
import type { DeviceNode } from "./driver.ts";
import { DeviceError } from "./error.ts";
import { mountKey } from "./mount-key.ts";

/** A device that is open, or a mount, as stages see it. */
export interface OpenedDevice {
	/** Its name in the graph; of a mount {@link mountKey}. */
	readonly name: string;
	readonly type: string;
	/** The names of the devices it stands on, in the manifest's order. */
	readonly parents: readonly string[];
	/** The node, relative to the run's device directory: `loop3`. Of a mount its directory, relative to that of mounts. */
	readonly path: string;
	/** Undefined of a mount. */
	readonly node?: DeviceNumber;
	/** Further nodes that go with it: the partitions of a disk. */
	readonly nodes?: readonly DeviceNode[];
	/** Further facts, as the driver gave them. */
	readonly details?: Readonly<Record<string, unknown>>;
	/** How long opening took, in milliseconds, without waiting for its parents. */
	readonly openMs: number;
}

/**
 * The devices that one call of `DeviceManager.open` opened. Disposing them closes them, in the reverse order of
 * completion.
 */
export class OpenDevices implements AsyncDisposable, Iterable<OpenedDevice> {
	readonly #devices: ReadonlyMap<string, OpenedDevice>;
	readonly #close: (names: readonly string[]) => Promise<void>;

	constructor(
		devices: readonly OpenedDevice[],
		close: (names: readonly string[]) => Promise<void>,
	) {
		this.#devices = new Map(devices.map((device) => [device.name, device]));
		this.#close = close;
	}

	/** The names, parents first. */
	get names(): readonly string[] {
		return [...this.#devices.keys()];
	}

	/**
	 * A device by its name in the graph, also when it is closed again.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_NAME` this call opened no such device.
	 */
	get(name: string): OpenedDevice & Required<Pick<OpenedDevice, "node">> {
		const device = this.#find(name);
		const { node } = device;
		if (node !== undefined) return { ...device, node };
		throw new DeviceError("ERR_DEVICE_NAME", `${name}: a mount, which has no node`);
	}

	/**
	 * A mount by its name among the mounts, also when it is unmounted again.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_NAME` this call mounted no such one.
	 */
	getMount(name: string): OpenedDevice {
		return this.#find(mountKey(name));
	}

	#find(name: string): OpenedDevice {
		const device = this.#devices.get(name);
		if (device !== undefined) return device;
		throw new DeviceError(
			"ERR_DEVICE_NAME",
			`${name}: no such device, only ${this.names.join(", ")}`,
		);
	}

	/** Parents first. */
	[Symbol.iterator](): Iterator<OpenedDevice> {
		return this.#devices.values();
	}

	/**
	 * Closes one device or all of this call, with everything that stands on them. What is closed already is no error.
	 *
	 * @throws {@link DeviceError} the first failure, with the others in `closeFailures`.
	 */
	async close(name?: string): Promise<void> {
		await this.#close(name === undefined ? this.names : [this.#find(name).name]);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}
}
