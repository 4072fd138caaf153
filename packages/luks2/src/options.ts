import {
	describeOption,
	type DeviceProblem,
	jsonPointer,
	refuseOptions,
	shown,
	toPlain,
} from "@devhost/core";
import {
	findLuks2ManifestOptionsProblems,
	type Luks2ManifestOptions,
	type SchemaProblem,
} from "./generated/luks2-manifest-options.ts";

/** What unlocks a container. Secrets themselves are no options: see `OpenContext.secret`. */
export type Unlocking =
	| { readonly by: "passphrase"; readonly keySlot: number | undefined }
	| {
			readonly by: "key-file";
			readonly keySlot: number | undefined;
			/** Bytes that are skipped at its beginning. */
			readonly offsetBytes: number;
			/** Bytes that are used; undefined: all that follow. */
			readonly sizeBytes: number | undefined;
	  }
	| { readonly by: "volume-key-file" }
	| {
			readonly by: "token";
			/** Its number; undefined: any. */
			readonly id: number | undefined;
			readonly type: string | undefined;
	  };

/** Options of a LUKS2 device, as the driver uses them. */
export interface Luks2Options {
	readonly unlocking: Unlocking;
	/** A detached header's file beneath the tree, without a leading `/`. */
	readonly header: string | undefined;
	readonly readOnly: boolean;
	readonly allowDiscards: boolean;
	/** What the container must have; undefined: any. */
	readonly sectorBytes: number | undefined;
	/** What the container must have, in dm-crypt's words or `none`; undefined: anything. */
	readonly integrity: string | undefined;
	readonly integrityNoJournal: boolean;
	readonly sameCpuCrypt: boolean;
	readonly submitFromCryptCpus: boolean;
	readonly noReadWorkqueue: boolean;
	readonly noWriteWorkqueue: boolean;
	readonly disableKeyring: boolean;
}

const flag = "true or false";
const bytes = "a whole number of bytes";
const reference = "an object that says where the key is, such as { file: disk.key }";
const expected: Readonly<Record<keyof Luks2ManifestOptions, string>> = {
	passphrase: "a secret: a string, or where it is, such as { env: LUKS_PASSPHRASE }",
	"key-file": reference,
	"keyfile-offset": `${bytes}, 0 or more`,
	"keyfile-size": `${bytes} from 1 to 8388608`,
	"volume-key-file": reference,
	"token-only": "true",
	"token-id": "the number of a token, 0 to 31",
	"token-type": "the type of a token, such as luks2-keyring",
	"key-slot": "the number of a key slot, 0 to 31",
	header: "the path of a file beneath the tree",
	"read-only": flag,
	"allow-discards": flag,
	"sector-size": "512, 1024, 2048 or 4096 bytes",
	integrity: "an algorithm such as hmac-sha256, or none",
	"integrity-no-journal": flag,
	"same-cpu-crypt": flag,
	"submit-from-crypt-cpus": flag,
	"no-read-workqueue": flag,
	"no-write-workqueue": flag,
	"disable-keyring": flag,
};

const ways = ["passphrase", "key-file", "volume-key-file", "token-only"] as const;

/**
 * Checks options as they stand in a manifest (`device.json` has their JSON Schema) and gives them their units.
 *
 * Of a secret only whether it is there counts.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` with everything that is wrong in `problems`.
 */
export function parseLuks2Options(value: unknown): Luks2Options {
	const plain = toPlain(value ?? {});
	const problems = findLuks2ManifestOptionsProblems(plain)
		// What alternatives and conditions say inside, they say again as a whole.
		.filter(({ schemaPath }) => !/\/(?:anyOf|oneOf)\//.test(schemaPath))
		.map((problem) => describe(problem, plain));
	refuseOptions(problems);
	return withUnits(plain as Luks2ManifestOptions);
}

function withUnits(options: Luks2ManifestOptions): Luks2Options {
	return {
		unlocking: unlockingOf(options),
		header: options.header?.replace(/^\/+/, ""),
		readOnly: options["read-only"] ?? false,
		allowDiscards: options["allow-discards"] ?? false,
		sectorBytes: options["sector-size"],
		// luksFormat says hmac-sha256, dm-crypt and the header hmac(sha256).
		integrity: options.integrity?.replace(/^(p?hmac|cmac)-(.+)$/, "$1($2)"),
		integrityNoJournal: options["integrity-no-journal"] ?? false,
		sameCpuCrypt: options["same-cpu-crypt"] ?? false,
		submitFromCryptCpus: options["submit-from-crypt-cpus"] ?? false,
		noReadWorkqueue: options["no-read-workqueue"] ?? false,
		noWriteWorkqueue: options["no-write-workqueue"] ?? false,
		disableKeyring: options["disable-keyring"] ?? false,
	};
}

function unlockingOf(options: Luks2ManifestOptions): Unlocking {
	const keySlot = options["key-slot"];
	if (options.passphrase !== undefined) return { by: "passphrase", keySlot };
	if (options["key-file"] !== undefined) {
		const offsetBytes = options["keyfile-offset"] ?? 0;
		return { by: "key-file", keySlot, offsetBytes, sizeBytes: options["keyfile-size"] };
	}
	if (options["volume-key-file"] !== undefined) return { by: "volume-key-file" };
	return { by: "token", id: options["token-id"], type: options["token-type"] };
}

function describe(problem: SchemaProblem, value: unknown): DeviceProblem {
	const complaint = (pointer: string, message: string): DeviceProblem => {
		return { code: "ERR_DEVICE_OPTIONS", pointer, message };
	};
	const { instancePath, keyword, params } = problem;
	const show = (key: string, given: unknown): string =>
		isSecret(key) ? kindOf(given) : shown(given);
	if (instancePath !== "") return describeOption(problem, value, { expected, show });
	if (keyword === "oneOf") {
		const given = ways.filter((way) => Object.hasOwn(value as object, way));
		return complaint(
			"",
			given.length === 0
				? `nothing to unlock it with, expected one of ${ways.join(", ")}`
				: `${given.join(" and ")}: expected only one of them`,
		);
	}
	if (keyword === "dependentRequired") {
		const { property, missingProperty } = params;
		return complaint(
			jsonPointer([String(property)]),
			`${String(property)}: goes with ${String(missingProperty)}, which is missing`,
		);
	}
	if (keyword === "anyOf") {
		return complaint(
			jsonPointer(["key-slot"]),
			"key-slot: goes with passphrase or key-file, and there is neither",
		);
	}
	return describeOption(problem, value, { expected, show });
}

function isSecret(key: string): boolean {
	return key === "passphrase" || key === "key-file" || key === "volume-key-file";
}

function kindOf(value: unknown): string {
	return value === null ? "null" : Array.isArray(value) ? "a list" : `of type ${typeof value}`;
}
