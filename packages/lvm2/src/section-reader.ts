import {
	type ConfigEntry,
	type ConfigScalar,
	type ConfigSection,
	positionText,
} from "./config-text.ts";
import { metadataError } from "./metadata-error.ts";

/** Takes what is expected out of parsed sections, and says where it is not there. */
export class SectionReader {
	readonly #text: string;

	/** @param text - Which was parsed. */
	constructor(text: string) {
		this.#text = text;
	}

	section(entry: ConfigEntry, key: string): ConfigSection {
		if (entry.value instanceof Map) return entry.value as ConfigSection;
		throw this.wrong(entry, `${key} is no section`);
	}

	/** A section that may be missing; empty then. */
	optionalSection(of: ConfigSection, key: string): ConfigSection {
		const entry = of.get(key);
		return entry === undefined ? new Map() : this.section(entry, key);
	}

	/** A whole number from 0 to `maximum`. */
	integer(
		of: ConfigSection,
		key: string,
		where: ConfigEntry,
		maximum: number = maxUint32,
	): number {
		const { value } = this.#required(of, key, where);
		if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= maximum)
			return value;
		throw this.wrong(of.get(key) ?? where, `${key} is no whole number from 0 to ${maximum}`);
	}

	string(of: ConfigSection, key: string, where: ConfigEntry): string {
		const { value } = this.#required(of, key, where);
		if (typeof value === "string") return value;
		throw this.wrong(of.get(key) ?? where, `${key} is no string`);
	}

	optionalString(of: ConfigSection, key: string, where: ConfigEntry): string | undefined {
		return of.has(key) ? this.string(of, key, where) : undefined;
	}

	list(of: ConfigSection, key: string, where: ConfigEntry): readonly ConfigScalar[] {
		const { value } = this.#required(of, key, where);
		if (Array.isArray(value)) return value as readonly ConfigScalar[];
		// lvm2 takes a single value for a list of one.
		if (!(value instanceof Map)) return [value as ConfigScalar];
		throw this.wrong(of.get(key) ?? where, `${key} is no list`);
	}

	/** A list of strings. */
	strings(of: ConfigSection, key: string, where: ConfigEntry): readonly string[] {
		const list = this.list(of, key, where);
		if (list.every((value) => typeof value === "string")) return list;
		throw this.wrong(of.get(key) ?? where, `${key} has what is no string`);
	}

	/** `ERR_DEVICE_METADATA` at a place in the text. */
	wrong(where: ConfigEntry, what: string): Error {
		return metadataError(
			"ERR_DEVICE_METADATA",
			`${positionText(this.#text, where.offset)}: ${what}`,
		);
	}

	#required(of: ConfigSection, key: string, where: ConfigEntry): ConfigEntry {
		const entry = of.get(key);
		if (entry === undefined) throw this.wrong(where, `${key} is missing`);
		return entry;
	}
}

const maxUint32 = 0xffffffff;
