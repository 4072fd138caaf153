import type { Holder } from "@devhost/core";

/**
 * How it stands with a device of a run:
 * - `in-use`: its run goes on, or somebody else uses it;
 * - `closing`: its run is over, somebody still uses it, and it goes with them;
 * - `orphan`: its run is over, nobody uses it, and it does not go by itself;
 * - `unknown`: this user may not see enough.
 */
export type DeviceState = "in-use" | "closing" | "orphan" | "unknown";

/** What the state of a device depends on. */
export interface StateFacts {
	/** The kernel's name. */
	readonly name: string;
	readonly kind: "loop" | "mapping";
	/** Whether the process of its run lives. */
	readonly isRunning: boolean;
	/** Whoever uses it and can be seen, without ourselves. */
	readonly holders: readonly Holder[];
	readonly isArmed: boolean | undefined;
	readonly openCount: number | undefined;
}

/**
 * The state of each of the tagged devices of a machine.
 *
 * One that nothing but orphans stands on is an orphan, too.
 */
export function deviceStates(devices: readonly StateFacts[]): ReadonlyMap<string, DeviceState> {
	const byName = new Map(devices.map((device) => [device.name, device]));
	const states = new Map<string, DeviceState>();

	function stateOf(device: StateFacts): DeviceState {
		const known = states.get(device.name);
		if (known !== undefined) return known;
		// Until it is known, for a loop device that is its own backing file.
		states.set(device.name, "in-use");
		const state = findState(device);
		states.set(device.name, state);
		return state;
	}

	function findState(device: StateFacts): DeviceState {
		const { isRunning, isArmed, holders } = device;
		if (isRunning) return "in-use";
		// Who may not ask the kernel may not see everybody's descriptors either.
		if (isArmed === undefined) return holders.length > 0 ? "in-use" : "unknown";
		const isUsed = holders.length === 0 ? isHeldUnseen(device) : holders.some(isOwner);
		if (!isUsed) return "orphan";
		return isArmed ? "closing" : "in-use";
	}

	function isOwner(holder: Holder): boolean {
		const above = holder.kind === "device" ? byName.get(holder.device) : undefined;
		return above === undefined || stateOf(above) !== "orphan";
	}

	for (const device of devices) stateOf(device);
	return states;
}

/**
 * Whether somebody whom nothing shows uses a device, such as a process outside of this container or a mount in a namespace that no
 * process is in: what goes with its last descriptor is there because somebody has one.
 */
function isHeldUnseen({ isArmed, openCount = 0 }: StateFacts): boolean {
	return isArmed === true || openCount > 0;
}
