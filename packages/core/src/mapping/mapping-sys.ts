import type {
	DeviceNumber,
	DmName,
	DmStatus,
	DmTarget,
	FdLike,
	KeeperFailure,
	KeptCommand,
	KeptOutput,
} from "@devhost/linux";
import type { BlockIdentity } from "../absence.ts";
import type { BlockFacts, ReleaseFailures } from "../block-device.ts";
import type { Handle } from "../handle.ts";
import type { Holder } from "../holder.ts";
import type { WaitClock } from "../wait-until.ts";

/** What is to be made of a table. */
export interface KeepTable {
	/** The mapping's name. */
	readonly tag: string;
	readonly uuid: string;
	readonly table: readonly DmTarget[];
	readonly readOnly: boolean;
	readonly secureData: boolean;
	/** Where a node is made for the moment of opening. */
	readonly devices: FdLike;
	readonly signal: AbortSignal | undefined;
}

/** What is to be made by a program. */
export interface KeepCommand {
	readonly command: KeptCommand;
	readonly top: string;
	readonly further: readonly string[];
	readonly furtherPrefix: string | undefined;
	readonly renameTo: string | undefined;
	readonly readOnly: boolean;
	/** Where a node is made for the moment of opening. */
	readonly devices: FdLike;
	readonly signal: AbortSignal | undefined;
}

/** A mapping that was made. */
export interface Kept {
	readonly ok: true;
	/** Open, and armed: the mapping's life. */
	readonly fd: Handle;
	readonly node: DeviceNumber;
	/** Others that the program made. */
	readonly beneath: readonly DeviceNumber[];
	/** Of each of these a descriptor: one that has nothing on top of it, as a snapshot's origin, would go without. */
	readonly held: readonly Handle[];
}

/**
 * The kernel, as far as mappings need it: each method asks one thing of it, none has a policy.
 *
 * They throw `SysError` of `@devhost/linux`. The real one is {@link linuxMappings}; tests of drivers pass `fakeMappings` of
 * `@devhost/core/testing-mapping`, which fails at a named step.
 */
export interface MappingSys extends WaitClock {
	/** Starts what the first mapping of a table would wait for. */
	prepare(): void;
	keepTable(request: KeepTable): Promise<Kept | KeeperFailure>;
	keepCommand(request: KeepCommand): Promise<(Kept | KeeperFailure) & KeptOutput>;
	/** All mappings that there are. `ENODEV`, `ENXIO`: no device-mapper in this kernel. */
	list(): readonly DmName[];
	/** The kinds of targets that the kernel has loaded. */
	targetTypes(): readonly string[];
	/** Undefined: there is no such mapping. */
	status(node: DeviceNumber): DmStatus | undefined;
	/** Starts, lengths and types of a mapping's targets; without what they are made of, which may be a key. */
	targets(node: DeviceNumber): readonly Omit<DmTarget, "parameters">[];
	/** Has the kernel remove a mapping with its last descriptor, or now where there is none. */
	arm(node: DeviceNumber): Promise<void>;
	/** Has a mapping go on that somebody has suspended. */
	resume(node: DeviceNumber): Promise<void>;
	/** Makes a node in the device directory, in the place of whatever has that name. */
	makeNode(devices: FdLike, name: string, node: DeviceNumber): void;
	/** Removes a node; one that is gone already is no error. */
	removeNode(devices: FdLike, name: string): void;
	describe(mapping: Handle): BlockFacts;
	/** Takes down what tells the device from all others of its number. */
	identify(node: DeviceNumber): BlockIdentity;
	isPresent(identity: BlockIdentity): boolean;
	/** Whether a device can only be read; undefined: there is none, or sysfs does not tell. */
	isReadOnly(node: DeviceNumber): boolean | undefined;
	/** The devices that stand on a device, as the kernel names them: `dm-3`. */
	devicesOn(node: DeviceNumber): readonly string[];
	/** Whoever uses a device. */
	holders(node: DeviceNumber): Promise<readonly Holder[]>;
	/** Opens a mapping once more, for itself alone. `EBUSY`: a mount, swap or other device stands on it. */
	claim(mapping: Handle): Handle;
	/** Brings what was written to what is beneath. `EIO`, `ENOSPC`: something is lost since `mapping` was opened. */
	flush(mapping: Handle): Promise<void>;
	/**
	 * Flushes unless nothing can have been written, and closes: with the last descriptor the kernel removes the mapping. Every
	 * step is taken whatever became of those before; the failures are returned.
	 *
	 * @param claim - The mapping's other descriptor, if there is one, which is closed last.
	 */
	release(
		mapping: Handle,
		claim: Handle | undefined,
		options: { readonly flush: boolean },
	): Promise<ReleaseFailures>;
}
