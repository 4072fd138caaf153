import type { DeviceNumber } from "@devhost/linux";
import type { DeviceProblem } from "./error.ts";
import type { Holder } from "./holder.ts";

/**
 * What host and device service say to each other, as calls of `@devhost/rpc`:
 *
 * | call | params | descriptors | result |
 * | --- | --- | --- | --- |
 * | `begin`, once, first | {@link BeginParams} | tree directory, device directory | null |
 * | `open` | {@link OpenParams} | those of `secrets`, that of `tree` | {@link OpenResult} |
 * | `directory` | {@link DirectoryParams} | | null, with the directory of a mount as a descriptor |
 * | `close` | {@link CloseParams} | | null, also for a name that is not open |
 * | `openEach` | {@link EachParams} of {@link OpenParams} | | null, when everything was told |
 * | `closeEach` | {@link EachParams} of {@link CloseParams} | | null, when everything was told |
 *
 * During `open`, signals `log` with a string. An error has a code of `DeviceErrorCode` and {@link ErrorData} as data.
 * The end of the connection closes every device, last opened first. A call that was cancelled leaves nothing open.
 *
 * `openEach` and `closeEach` do for each of several devices what `open` and `close` do. During them, signals `done` with a list of
 * {@link Done}, as soon as it is known, and `log` with {@link DeviceLog}. A service need not have them: the host then makes a call for
 * each device.
 */
export interface BeginParams {
	/** The run's id, for tags. */
	readonly run: string;
	/** Path of the directory that mounts are in, for the process of the service; absent where nothing is mounted. */
	readonly mounts?: string;
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
	/** Which descriptor of the call is the directory that its files are in; absent for that of `begin`. */
	readonly tree?: number;
	/** Where it is to be mounted; absent for a device. */
	readonly mount?: { readonly target?: string; readonly partition?: number };
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

/** An open device, or a mount. */
export interface OpenResult {
	/** The node, relative to the device directory; of a mount its directory, relative to that of mounts. */
	readonly path: string;
	/** Absent of a mount. */
	readonly node?: DeviceNumber;
	/** Further nodes that go with it. */
	readonly nodes?: readonly ParentNode[];
	readonly details?: Readonly<Record<string, unknown>>;
}

/** Asks for the directory of a mount. */
export interface DirectoryParams {
	readonly name: string;
}

/** Closes one device, or ends its opening. */
export interface CloseParams {
	readonly name: string;
	/** Nobody needs to be waited for: something on it is in use, and keeps it. Absent: as long as its driver wants to. */
	readonly hurry?: true;
}

/** Several devices, that do not need each other. */
export interface EachParams<Params extends OpenParams | CloseParams> {
	/** Without what comes as a descriptor: secrets, the directory of a mount. */
	readonly devices: readonly Params[];
}

/** What became of one device of several. */
export interface Done {
	/** Its place in the list. */
	readonly index: number;
	/** What `open` or `close` of it would have as result; absent if that failed. */
	readonly result?: OpenResult | null;
	/** What it failed with. */
	readonly error?: Omit<RemoteFailure, "data"> & {
		readonly name: string;
		readonly data?: unknown;
	};
}

/** What is said of one device of several. */
export interface DeviceLog {
	readonly index: number;
	readonly text: string;
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
