/** How a key is made of a passphrase. */
export interface KeyDerivation {
	/** `argon2id`, `argon2i` or `pbkdf2`. */
	readonly type: string;
	/** What Argon2 needs; undefined: next to nothing. */
	readonly memoryBytes: number | undefined;
}

/** A place for a key. */
export interface KeySlot {
	/** `luks2`; `reencrypt` holds no key of anybody. */
	readonly type: string;
	/** 0: only used when it is asked for by its number. */
	readonly priority: number;
	readonly derivation: KeyDerivation | undefined;
}

/** Where a key may be had without anybody who knows a passphrase. */
export interface Token {
	/** `luks2-keyring`, `systemd-tpm2`, … */
	readonly type: string;
	/** Numbers of the slots that it opens. */
	readonly keySlots: readonly number[];
}

/** A range of the data device. */
export interface Segment {
	/** `crypt`, or `linear` while it is being encrypted or decrypted. */
	readonly type: string;
	/** Where it begins on the device with the data. */
	readonly offsetBytes: number;
	/** `undefined`: to the end of the device. */
	readonly sizeBytes: number | undefined;
	/** In dm-crypt's words: `aes-xts-plain64`; undefined for `linear`. */
	readonly cipher: string | undefined;
	/** Undefined for `linear`. */
	readonly sectorBytes: number | undefined;
	/** What guards the data against changes, in dm-crypt's words: `hmac(sha256)`, `none` for a cipher that does it. */
	readonly integrity: string | undefined;
}

/** What the JSON area says, as far as anybody here asks. Numbers of slots and tokens are theirs on the device. */
export interface Metadata {
	readonly keySlots: ReadonlyMap<number, KeySlot>;
	readonly tokens: ReadonlyMap<number, Token>;
	readonly segments: readonly Segment[];
	/** What a program has to know to do anything at all with this container: `online-reencrypt-v2`. */
	readonly requirements: readonly string[];
}

/** A JSON area that is none. The message says what is wrong, as an end to "its metadata: …". */
export class MetadataError extends Error {
	override readonly name = "MetadataError";
}

/**
 * Reads the JSON area of a header.
 *
 * Only what is asked for is looked at, and that is checked: cryptsetup validates the whole before it opens anything.
 *
 * Source: LUKS2 On-Disk Format Specification 1.1.3, section 3.
 *
 * @param area - To its end, or to the first NUL.
 * @throws {@link MetadataError}
 */
export function parseMetadata(area: Buffer): Metadata {
	const end = area.indexOf(0);
	const root = object(parse(area.toString("utf8", 0, end < 0 ? area.length : end)), "the text");
	const config = object(root["config"] ?? {}, "config");
	const requirements = object(config["requirements"] ?? {}, "config.requirements");
	return {
		keySlots: numbered(root, "keyslots", keySlot),
		tokens: numbered(root, "tokens", token),
		segments: [...numbered(root, "segments", segment).entries()]
			.toSorted(([a], [b]) => a - b)
			.map(([, each]) => each),
		requirements: strings(requirements["mandatory"] ?? [], "config.requirements.mandatory"),
	};
}

type Fields = Readonly<Record<string, unknown>>;

function keySlot(fields: Fields, name: string): KeySlot {
	const kdf = fields["kdf"] === undefined ? undefined : object(fields["kdf"], `${name}.kdf`);
	const memory = kdf?.["memory"];
	return {
		type: string(fields["type"], `${name}.type`),
		priority: typeof fields["priority"] === "number" ? fields["priority"] : 1,
		derivation: kdf && {
			type: string(kdf["type"], `${name}.kdf.type`),
			memoryBytes: typeof memory === "number" ? memory * 1024 : undefined,
		},
	};
}

function token(fields: Fields, name: string): Token {
	return {
		type: string(fields["type"], `${name}.type`),
		keySlots: strings(fields["keyslots"] ?? [], `${name}.keyslots`).map(Number),
	};
}

function segment(fields: Fields, name: string): Segment {
	const type = string(fields["type"], `${name}.type`);
	const size = string(fields["size"], `${name}.size`);
	const integrity =
		fields["integrity"] === undefined
			? undefined
			: object(fields["integrity"], `${name}.integrity`);
	const isCrypt = type === "crypt";
	return {
		type,
		offsetBytes: bytes(fields["offset"], `${name}.offset`),
		sizeBytes: size === "dynamic" ? undefined : bytes(size, `${name}.size`),
		cipher: isCrypt ? string(fields["encryption"], `${name}.encryption`) : undefined,
		sectorBytes: isCrypt ? number(fields["sector_size"], `${name}.sector_size`) : undefined,
		integrity: integrity && string(integrity["type"], `${name}.integrity.type`),
	};
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw new MetadataError("not JSON");
	}
}

function numbered<T>(
	root: Fields,
	key: string,
	read: (fields: Fields, name: string) => T,
): ReadonlyMap<number, T> {
	const found = new Map<number, T>();
	for (const [index, value] of Object.entries(object(root[key] ?? {}, key))) {
		if (!/^\d{1,9}$/.test(index)) throw new MetadataError(`${key}.${index} has no number`);
		const name = `${key}.${index}`;
		found.set(Number(index), read(object(value, name), name));
	}
	return found;
}

function object(value: unknown, name: string): Fields {
	if (typeof value === "object" && value !== null && !Array.isArray(value)) {
		return value as Fields;
	}
	throw new MetadataError(`${name} is no object`);
}

function string(value: unknown, name: string): string {
	if (typeof value === "string") return value;
	throw new MetadataError(`${name} is no string`);
}

function strings(value: unknown, name: string): readonly string[] {
	if (!Array.isArray(value)) throw new MetadataError(`${name} is no list`);
	return value.map((item) => string(item, name));
}

function number(value: unknown, name: string): number {
	if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
	throw new MetadataError(`${name} is no number`);
}

/** Numbers of 64 bits are strings in the JSON area. */
function bytes(value: unknown, name: string): number {
	if (typeof value === "string" && /^\d{1,15}$/.test(value)) return Number(value);
	throw new MetadataError(`${name} is no number of bytes`);
}
