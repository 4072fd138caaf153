import { readFileSync } from "node:fs";
import type { DeviceNumber } from "@devhost/linux";
import { busyMessage, DeviceBusy } from "./error.ts";
import { findHolders } from "./find-holders.ts";
import { nowMs } from "./clock.ts";

/** What tells a block device from any other that has its number before or after it. */
export interface BlockIdentity {
	readonly node: DeviceNumber;
	/** Attributes of its sysfs directory that never change, with their text: `{ diskseq: "42" }`. */
	readonly attributes: Readonly<Record<string, string>>;
	/** Attributes that may change but not go: `loop/backing_file`, whose text follows renames of the file. */
	readonly exists: readonly string[];
}

/** How {@link waitForAbsence} waits. */
export interface AbsenceOptions {
	/** What messages begin with: the device's name, its path. */
	readonly subject: string;
	/** Longest wait, in milliseconds; the first look is at once. udev may have the device open for a moment. */
	readonly timeoutMs: number;
	/** @default "/sys" */
	readonly sysfs?: string;
}

/**
 * Takes down what a device is recognised by, while it is surely ours.
 *
 * @param attributes - Those that are missing in sysfs, as `diskseq` before Linux 5.15, are left out.
 */
export function identify(
	node: DeviceNumber,
	attributes: { readonly same: readonly string[]; readonly exists?: readonly string[] },
	sysfs: string = "/sys",
): BlockIdentity {
	const found: Record<string, string> = {};
	// What no other attribute tells apart is at least gone when its directory is.
	for (const attribute of ["dev", ...attributes.same]) {
		const text = readAttribute({ node, attribute, sysfs });
		if (text !== undefined) found[attribute] = text;
	}
	return { node, attributes: found, exists: attributes.exists ?? [] };
}

/** Whether a device is still there, by what sysfs says now. Another one under the same number is not it. */
export function isPresent(identity: BlockIdentity, sysfs: string = "/sys"): boolean {
	const { node, attributes, exists } = identity;
	return (
		exists.every((attribute) => readAttribute({ node, attribute, sysfs }) !== undefined) &&
		Object.entries(attributes).every(
			([attribute, text]) => readAttribute({ node, attribute, sysfs }) === text,
		)
	);
}

/**
 * Waits until a device is gone: no exit status and no ioctl says that, because the kernel detaches when the last user
 * has left.
 *
 * @throws {@link DeviceBusy} it is still there when the time is over, with those who use it.
 */
export async function waitForAbsence(
	identity: BlockIdentity,
	options: AbsenceOptions,
): Promise<void> {
	const { subject, timeoutMs, sysfs = "/sys" } = options;
	const endMs = nowMs() + timeoutMs;
	for (let waitMs = 1; isPresent(identity, sysfs); waitMs = Math.min(waitMs * 2, 50)) {
		const leftMs = endMs - nowMs();
		if (leftMs <= 0) throw await busy(identity, subject, sysfs);
		await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, leftMs)));
	}
}

async function busy(identity: BlockIdentity, subject: string, sysfs: string): Promise<DeviceBusy> {
	const { node, attributes } = identity;
	const holders = await findHolders(node, { sysfs });
	return new DeviceBusy(busyMessage(subject, holders), holders, {
		details: { node, ...attributes },
	});
}

function readAttribute(where: {
	readonly node: DeviceNumber;
	readonly attribute: string;
	readonly sysfs: string;
}): string | undefined {
	const { node, attribute, sysfs } = where;
	try {
		return readFileSync(
			`${sysfs}/dev/block/${node.major}:${node.minor}/${attribute}`,
			"utf8",
		).trimEnd();
	} catch {
		// Gone, or going: a device that is being removed answers ENODEV.
		return undefined;
	}
}
