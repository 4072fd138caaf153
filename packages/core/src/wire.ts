import type { DeviceNumber } from "@devhost/linux";
import type { DeviceProblem } from "./error.ts";
import type { Holder } from "./holder.ts";

/**
 * What host and device service say to each other, as calls of `@devhost/rpc`:
 *
 * | call | params | descriptors | result |
 * | --- | --- | --- | --- |
 * | `begin`, once, first | {@link BeginParams} | tree directory, device directory | null |
 * | `open` | {@link OpenParams} | those of `secrets` | {@link OpenResult} |
 * | `close` | {@link CloseParams} | | null, also for a name that is not open |
 *
 * During `open`, signals `log` with a string. An error has a code of `DeviceErrorCode` and {@link ErrorData} as data.
 * The end of the connection closes every device, last opened first. A call that was cancelled leaves nothing open.
 */
export interface BeginParams {
	/** The run's id, for tags. */
	readonly run: string;
}

/** Opens one device; calls may overlap. */
export interface OpenParams {
	/** The device's name in the graph, by which it is closed. */
	readonly name: string;
	readonly type: string;
	/** Plain values; absent for none. */
	readonly options?: unknown;
	/** The devices it stands on, in the manifest's order; absent for none. */
	readonly parents?: readonly ParentNode[];
	/** The options that are secrets; absent for none. */
	readonly secrets?: readonly SentSecret[];
}

/** A device that another one stands on. */
export interface ParentNode {
	/** The node, relative to the device directory. */
	readonly path: string;
	readonly node: DeviceNumber;
}

/** A secret of the options of `open`. */
export interface SentSecret {
	/** JSON pointer (RFC 6901) of the option, where `{ fd: N }` stands, too: `/passphrase`. */
	readonly pointer: string;
	/** Which descriptor of the call it is: a file, read from its beginning to its end, that does not change. */
	readonly fd: number;
}

/** An open device. */
export interface OpenResult {
	/** The node, relative to the device directory. */
	readonly path: string;
	readonly node: DeviceNumber;
	readonly details?: Readonly<Record<string, unknown>>;
}

/** Closes one device, or ends its opening. */
export interface CloseParams {
	readonly name: string;
}

/** What a device error carries across beside code and message. */
export interface ErrorData {
	readonly device?: string;
	readonly pointer?: string;
	readonly problems?: readonly DeviceProblem[];
	readonly details?: Readonly<Record<string, unknown>>;
	readonly holders?: readonly Holder[];
	readonly closeFailures?: readonly RemoteFailure[];
}

/** An error inside of {@link ErrorData}. */
export interface RemoteFailure {
	readonly code: string;
	readonly message: string;
	readonly data?: ErrorData;
}
