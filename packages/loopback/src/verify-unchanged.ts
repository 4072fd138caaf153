import { DeviceError } from "@devhost/core";
import { isSysError } from "@devhost/linux";
import type { BoundLoop } from "./bind-free-loop.ts";
import type { Binding, DeviceDirectory, LoopState, LoopSys } from "./loop.ts";

/** A bound loop device, before it is closed. */
export interface ExaminedLoop {
	readonly bound: BoundLoop;
	readonly binding: Binding;
	readonly devices: DeviceDirectory;
	/** As messages begin: the file and the device. */
	readonly subject: string;
}

/**
 * Compares a device with what it was when it was opened. Whoever may write to it can change it, with no capability: have
 * it show another range of its file, or be bound for ever.
 *
 * One that would stay is told to go with its last descriptor, if it is still ours.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_NOT_OURS` somebody has changed it.
 */
export function verifyUnchanged(sys: LoopSys, examined: ExaminedLoop): void {
	const { bound, binding, devices, subject } = examined;
	const changes: string[] = [];
	try {
		const state = sys.examine(bound.loop);
		changes.push(...differences(state, bound));
		// Not one that was bound anew, by somebody else: that one is theirs.
		if (!state.goesWithLastClose && sys.isBound(devices, binding)) sys.clear(bound.loop);
	} catch (error) {
		if (!isSysError(error, "ENXIO")) throw error;
		changes.push("it was unbound");
	}
	if (changes.length === 0) return;
	throw new DeviceError(
		"ERR_DEVICE_NOT_OURS",
		`${subject}: somebody has changed the device while it was open: ${changes.join(", ")}. Do not use the file`,
	);
}

function differences(state: LoopState, { facts }: BoundLoop): string[] {
	const { device, inode } = facts;
	const isSameFile =
		state.device.major === device.major &&
		state.device.minor === device.minor &&
		state.inode === inode;
	const changes: string[] = [];
	if (!isSameFile || state.tag !== facts.tag) changes.push("it shows another file");
	if (state.offsetBytes !== facts.offsetBytes)
		changes.push(`it begins at byte ${state.offsetBytes} instead of ${facts.offsetBytes}`);
	if (state.limitBytes === 0) changes.push("it has no end of its own");
	else if (state.limitBytes !== facts.sizeBytes)
		changes.push(`it has ${state.limitBytes} bytes instead of ${facts.sizeBytes}`);
	if (state.readOnly !== facts.readOnly)
		changes.push(state.readOnly ? "it is read-only" : "it can be written");
	if (!state.goesWithLastClose) changes.push("it would have stayed bound");
	return changes;
}
