import { DeviceError } from "@devhost/core";
import type { Segment } from "./metadata.ts";
import type { Luks2Options } from "./options.ts";
import type { FoundHeader, Luks2Header } from "./read-header.ts";

/** A header, and what it is to do. */
export interface HeaderCheck {
	readonly header: Luks2Header;
	readonly options: Luks2Options;
	/** What messages begin with: the device's name. */
	readonly subject: string;
	/** Of the device with the data. */
	readonly parentBytes: number;
}

/**
 * What is to be opened, when there is a LUKS2 header.
 *
 * @param where - Where it was looked for, as messages have it: `loop3`, `header luks.hdr`.
 * @throws {@link DeviceError} `ERR_DEVICE_FORMAT` there is none.
 * @throws {@link DeviceError} `ERR_DEVICE_VERSION` it is LUKS1, or newer than LUKS2.
 * @throws {@link DeviceError} `ERR_DEVICE_METADATA` both copies are damaged.
 */
export function requireLuks2(found: FoundHeader, subject: string, where: string): Luks2Header {
	const on = `${subject}: ${where}`;
	switch (found.kind) {
		case "luks2":
			return found.header;
		case "luks1":
			throw new DeviceError(
				"ERR_DEVICE_VERSION",
				`${on} is LUKS1, expected LUKS2. Convert a closed container: ` +
					"cryptsetup convert --type luks2 DEVICE",
			);
		case "other-version":
			throw new DeviceError(
				"ERR_DEVICE_VERSION",
				`${on} is LUKS of version ${found.version}, expected LUKS2`,
			);
		case "damaged":
			throw new DeviceError(
				"ERR_DEVICE_METADATA",
				`${on}: both copies of the LUKS2 header are damaged. The primary one: ` +
					`${found.primary}; the secondary one: ${found.secondary}. ` +
					"Without a backup (cryptsetup luksHeaderRestore) what is in it is lost",
				{ details: { primary: found.primary, secondary: found.secondary } },
			);
		case "none": {
			const instead = found.instead === undefined ? "" : `, ${found.instead}`;
			throw new DeviceError(
				"ERR_DEVICE_FORMAT",
				`${on} is no LUKS device${instead}. cryptsetup luksFormat --type luks2 makes one; ` +
					"where the header is somewhere else, set header",
			);
		}
	}
}

/**
 * Looks whether a header can be opened as it is asked for: what can be known without a key.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_REQUIREMENT` it asks for what is not done here, such as to be encrypted first.
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` the options expect something else than is there, with the `pointer`.
 * @throws {@link DeviceError} `ERR_DEVICE_KEY` there is no such key slot or token, or none at all.
 * @throws {@link DeviceError} `ERR_DEVICE_OUT_OF_RANGE` the device ends before the data.
 */
export function checkHeader(check: HeaderCheck): void {
	checkRequirements(check);
	checkSegments(check);
	checkUnlocking(check);
}

function checkRequirements({ header, subject }: HeaderCheck): void {
	const { requirements } = header.metadata;
	const fail = (what: string): DeviceError =>
		new DeviceError("ERR_DEVICE_REQUIREMENT", `${subject}: ${what}`, {
			details: { requirements },
		});
	if (requirements.some((each) => /^(?:on|off)line-reencrypt/.test(each))) {
		throw fail(
			"its encryption is being changed, and that is not finished. " +
				"Finish it: cryptsetup reencrypt --resume-only DEVICE",
		);
	}
	if (requirements.length > 0) {
		throw fail(`its header requires ${requirements.join(", ")}, which is not known here`);
	}
}

function checkSegments({ header, options, subject, parentBytes }: HeaderCheck): void {
	const { segments } = header.metadata;
	const [segment] = segments;
	if (segment === undefined || segments.length > 1 || segment.cipher === undefined) {
		throw new DeviceError(
			"ERR_DEVICE_REQUIREMENT",
			`${subject}: its data are ${segments.map(({ type }) => type).join(", ") || "nowhere"}, ` +
				"expected one encrypted range",
		);
	}
	const { offsetBytes, sizeBytes = segment.sectorBytes ?? 512 } = segment;
	if (offsetBytes + sizeBytes > parentBytes) {
		throw new DeviceError(
			"ERR_DEVICE_OUT_OF_RANGE",
			`${subject}: its data begin at byte ${offsetBytes} and need ${sizeBytes} bytes, ` +
				`in a device of ${parentBytes}`,
		);
	}
	if (offsetBytes < 4096 && options.header === undefined) {
		throw new DeviceError(
			"ERR_DEVICE_FORMAT",
			`${subject}: a detached header is where the data should be. ` +
				"Set header, and let the parent be the device with the data",
		);
	}
	checkExpected(segment, options, subject);
}

function checkExpected(segment: Segment, options: Luks2Options, subject: string): void {
	const { sectorBytes, integrity = "none", cipher } = segment;
	const fail = (key: string, what: string): DeviceError =>
		new DeviceError("ERR_DEVICE_OPTIONS", `${subject}: ${key}: ${what}`, {
			pointer: `/${key}`,
			details: { cipher, sectorBytes, integrity },
		});
	if (options.sectorBytes !== undefined && options.sectorBytes !== sectorBytes) {
		throw fail("sector-size", `${options.sectorBytes}, and the container has ${sectorBytes}`);
	}
	if (options.integrity !== undefined && options.integrity !== integrity) {
		throw fail("integrity", `${options.integrity}, and the container has ${integrity}`);
	}
	if (options.integrityNoJournal && segment.integrity === undefined) {
		throw fail("integrity-no-journal", "the container has no integrity, and so no journal");
	}
	if (options.allowDiscards && segment.integrity !== undefined) {
		throw fail("allow-discards", "a container with integrity passes none on");
	}
}

function checkUnlocking({ header, options, subject }: HeaderCheck): void {
	const { unlocking } = options;
	const { keySlots, tokens } = header.metadata;
	const fail = (key: string, what: string): DeviceError =>
		new DeviceError("ERR_DEVICE_KEY", `${subject}: ${what}`, { pointer: `/${key}` });
	if (unlocking.by === "volume-key-file") return;
	const slots = [...keySlots].filter(([, { type }]) => type === "luks2").map(([slot]) => slot);
	if (slots.length === 0) {
		throw fail(unlocking.by, "no key slot is left: only its volume key opens it");
	}
	if (unlocking.by !== "token") {
		const { keySlot, by } = unlocking;
		if (keySlot !== undefined && !slots.includes(keySlot)) {
			throw fail("key-slot", `there is no key slot ${keySlot}, only ${listed(slots)}`);
		}
		// Source: LUKS2 On-Disk Format Specification, 3.2: 0 is "ignore".
		const isUsed = (slot: number) => slot === keySlot || keySlots.get(slot)?.priority !== 0;
		if (keySlot === undefined && !slots.some(isUsed)) {
			throw fail(by, `of key slots ${listed(slots)} none is used unless key-slot names it`);
		}
		return;
	}
	const { id, type } = unlocking;
	const found = [...tokens].map(([number, token]) => `${number} (${token.type})`);
	const are = `there are ${found.join(", ")}`;
	if (tokens.size === 0) throw fail("token-only", "its header has no token");
	if (id !== undefined && !tokens.has(id)) throw fail("token-id", `no token ${id}: ${are}`);
	if (type !== undefined && ![...tokens.values()].some((token) => token.type === type)) {
		throw fail("token-type", `no token of the type ${type}: ${are}`);
	}
}

function listed(slots: readonly number[]): string {
	return slots.join(", ");
}

/**
 * Looks whether a device that is to hold nothing but data has a header of its own, with which it would be opened without
 * the detached one: then the wrong device or the wrong header was given, and what was decrypted would be noise.
 *
 * @param own - What stands at the beginning of the device.
 * @throws {@link DeviceError} `ERR_DEVICE_FORMAT`
 */
export function checkDetached(own: FoundHeader, { header, options, subject }: HeaderCheck): void {
	const [segment] = header.metadata.segments;
	const isLuks = own.kind === "luks2" || own.kind === "luks1" || own.kind === "damaged";
	if (!isLuks) return;
	// A backup of its header, made by luksHeaderBackup, is as good as the header.
	const isSame = own.kind === "luks2" && own.header.uuid === header.uuid;
	if (isSame || (own.kind === "damaged" && (segment?.offsetBytes ?? 0) > 0)) return;
	const whose = own.kind === "luks2" ? ` (${own.header.uuid})` : "";
	throw new DeviceError(
		"ERR_DEVICE_FORMAT",
		`${subject}: header ${options.header} (${header.uuid}) does not belong to the parent, ` +
			`which begins with a LUKS header of its own${whose}. Leave header out, or give the right one`,
		{ pointer: "/header" },
	);
}
