import type { Holder } from "@devhost/core";
import type { DeviceNumber } from "@devhost/linux";
import type { DeviceState } from "./device-state.ts";
import type { ErrorReport } from "./events.ts";
import type { ListedDevice } from "./list-devices.ts";

/** A device of a run, as it is found on the machine. */
export interface FoundDevice {
	readonly run: string;
	/** Its name in the manifest, or as much of it as a tag had room for. */
	readonly device: string;
	readonly type: string;
	/** The kernel's name: `loop3`, `dm-1`. */
	readonly name: string;
	readonly node: DeviceNumber;
	readonly sizeBytes: number;
	readonly state: DeviceState;
	/** Whoever uses it and can be seen. */
	readonly holders: readonly Holder[];
	/** When it was opened: a time by ISO 8601. */
	readonly since?: string;
	/** What device-mapper calls it, where it is one of its devices. */
	readonly mapping?: { readonly name: string; readonly uuid: string };
}

/** What `devhost ls --json` tells. */
export type ListEvent =
	/** One for each device that is open. */
	| { readonly event: "device-found"; readonly device: FoundDevice }
	/** The last one. */
	| (EndOfLook & { readonly event: "ls-ended" });

/** What `devhost gc --json` tells. */
export type CollectionEvent =
	/** One that is gone; with `--dry-run` one that would be. */
	| { readonly event: "orphan-removed" | "orphan-found"; readonly device: FoundDevice }
	/** Its run is over, but somebody uses it. */
	| { readonly event: "device-kept"; readonly device: FoundDevice; readonly reason: string }
	/** The last one. */
	| (EndOfLook & { readonly event: "gc-ended"; readonly dryRun: boolean });

interface EndOfLook {
	readonly success: boolean;
	/** Of the process. */
	readonly exitCode: number;
	/** What could not be looked at: sentences. */
	readonly unseen: readonly string[];
	/** First cause first. */
	readonly errors: readonly ErrorReport[];
}

/** A device as events have it. */
export function foundDevice(listed: ListedDevice): FoundDevice {
	const { run, device, type, name, node, sizeBytes, state, holders, sinceMs, mapping } = listed;
	return {
		run,
		device,
		type,
		name,
		node,
		sizeBytes,
		state,
		holders,
		...(sinceMs !== undefined && { since: new Date(sinceMs).toISOString() }),
		...(mapping !== undefined && { mapping }),
	};
}
