import type { DeviceNumber, Fd, FdLike } from "@devhost/linux";

/**
 * On how many others a kind of device stands: `devhost.loopback` on none, `devhost.luks2` on one (`required`),
 * `devhost.lvm2.lv` on one or more (`several`); `optional` is none or one.
 */
export type ParentRule = "none" | "required" | "optional" | "several";

/** What is known of a type of device without starting its driver. */
export interface DeviceType {
	readonly parent: ParentRule;
	/** JSON Schema (draft 2020-12) of its options: it says which of them are secrets. */
	readonly options?: object;
}

/** A device that a driver may stand on. */
export interface ParentDevice {
	/** The node, relative to the device directory: `loop3`. */
	readonly path: string;
	readonly node: DeviceNumber;
}

/**
 * A driver: how devices of a kind are opened.
 *
 * It either returns an open device or leaves no trace. Everything about the system comes through its factory's
 * arguments, so that tests pass a system that fails.
 */
export interface DeviceDriver<Options = unknown> {
	/** The names by which manifests know it, the first one its own: `devhost.loopback`, `org.osbuild.loopback`. */
	readonly types: readonly string[];
	readonly parent: ParentRule;
	/** JSON Schema (draft 2020-12) of the options. */
	readonly schema: object;

	/**
	 * Checks options as they stand in a manifest, but for those that the schema says are secrets (`"x-secret": true`):
	 * there `{ fd: N }` stands, whatever the manifest has. What `N` is means nothing: see {@link OpenContext.secret}.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` with the `pointer`, and `problems` if there are several.
	 */
	parseOptions(value: unknown): Options;

	/**
	 * Opens one device. Several opens may run at once.
	 *
	 * @throws {@link DeviceError} with nothing left behind. When {@link OpenContext.signal} aborts, soon, and with
	 * whatever error that led to.
	 */
	open(options: Options, context: OpenContext): Promise<OpenDevice>;
}

/** A node in the device directory. */
export interface DeviceNode {
	/** Relative to the device directory, without `..`: `loop3p1`. */
	readonly path: string;
	readonly node: DeviceNumber;
}

/** Where a file system is to be mounted. */
export interface MountPlace {
	/** Path of the directory that all targets are in, in the mount namespace of the driver's process. */
	readonly root: string;
	/** Absolute, in {@link MountPlace.root}: `/boot/efi`, `/` for the root itself. Undefined for a type that has none. */
	readonly target?: string;
	/** Which partition of the source it is, where it is not all of it: its node is `loop3p1` beside `loop3`. */
	readonly partition?: number;
}

/** Where a device is opened, and for whom. */
export interface OpenContext {
	/** The device's name in the graph; of a mount its name among the mounts. */
	readonly name: string;
	/** The run's id, for tags on what is made. */
	readonly run: string;
	/** Directory beneath which the device's files are: the manifest's tree, or the root of a mount. Lent. */
	readonly tree: FdLike;
	/** The run's private device directory, in which nodes are made and parents are found. Lent. */
	readonly devices: FdLike;
	/**
	 * The devices beneath, in the manifest's order, open for as long as this one. As many as the driver's `parent` says:
	 * empty where that is `none`.
	 */
	readonly parents: readonly ParentDevice[];
	/** The first of them, for drivers that take no more than one. */
	readonly parent?: ParentDevice;
	/** Where it is to be mounted, if it is a mount. */
	readonly mount?: MountPlace;
	/** Aborts when nobody waits for the device any more. */
	readonly signal: AbortSignal;
	/**
	 * The secret of an option, while `open` runs: a file to be read from its beginning to its end, which does not change and
	 * is the caller's. There may be nothing in it. Programs get it as a descriptor, and by no other way.
	 *
	 * @param pointer - JSON pointer (RFC 6901) of the option: `/passphrase`.
	 * @returns undefined where the options have no secret there.
	 */
	secret(pointer: string): Fd | undefined;
	/**
	 * How long closing may wait for others to let go, of the time that the driver would: shorter where the host knows that it is of no
	 * use, as something on the device is in use and keeps it. To be asked when closing begins: see {@link closeTimeoutOf}.
	 */
	closeTimeout?(longestMs: number): number;
	/** Tells a fact ("bound loop3"); not an error that is also thrown. */
	log(text: string): void;
}

/**
 * An open device, or a mount, which has no node. Disposing it closes it, once: the second time nothing happens.
 *
 * Disposal resolves when the device and its node are gone, and rejects when they are not.
 */
export interface OpenDevice extends AsyncDisposable {
	/**
	 * The node, relative to the device directory, without `..`: `loop3`. Of a mount its directory, relative to the root of
	 * mounts: `boot/efi`, `.` for that root.
	 */
	readonly path: string;
	readonly node?: DeviceNumber;
	/** Further nodes that go with it: the partitions of a disk. */
	readonly nodes?: readonly DeviceNode[];
	/**
	 * Of a mount: opens its directory, for a device whose file is in it. Each time another descriptor (`O_PATH`), which
	 * keeps the mount from being closed.
	 */
	directory?(): Fd;
	/** Further facts for stages and reports: plain values that survive the way between processes. */
	readonly details?: Readonly<Record<string, unknown>>;
}
