import { describeOption, type DeviceProblem, refuseOptions, toPlain } from "@devhost/core";
import {
	findMountManifestOptionsProblems,
	type MountManifestOptions,
} from "./generated/mount-manifest-options.ts";
import { kernelTypeOf, type MountType, mountTypes } from "./types.ts";

/** Options of a mount, as the driver uses them. */
export interface MountOptions {
	/** Nothing is written, not even by the file system itself. */
	readonly readOnly: boolean;
	/** A journal that was not finished is left so. */
	readonly norecovery: boolean;
	readonly nouuid: boolean;
	readonly subvol?: string;
	readonly compress?: string;
	/** Numeric. */
	readonly uid?: number;
	/** Numeric. */
	readonly gid?: number;
	/** Octal digits. */
	readonly umask?: string;
	readonly shortname?: NonNullable<MountManifestOptions["shortname"]>;
	readonly suid: boolean;
	readonly dev: boolean;
	readonly exec: boolean;
	/** Of a bind mount: `tree:///path` or `mount://NAME/path`. */
	readonly from?: string;
	/** Of an overlay, the topmost first. */
	readonly lower: readonly string[];
	readonly upper?: string;
	readonly work?: string;
	/** Of a tmpfs, as its manual has it: `64m`. */
	readonly size?: string;
	/** Octal digits. */
	readonly mode?: string;
}

const flag = "true or false";
const id = "a number from 0 to 4294967294";
const location = "tree:///path or mount://NAME/path";
const expected: Readonly<Record<keyof MountManifestOptions, string>> = {
	"read-only": flag,
	readonly: flag,
	norecovery: flag,
	nouuid: flag,
	subvol: "the path of a subvolume, without a comma",
	compress: "zlib, lzo, zstd or no, and :LEVEL behind it",
	uid: id,
	gid: id,
	umask: 'three octal digits in quotes: "022"',
	shortname: "lower, win95, winnt or mixed",
	suid: flag,
	dev: flag,
	exec: flag,
	from: location,
	lower: `a list of 1 to 64 of ${location}`,
	upper: location,
	work: location,
	size: 'bytes, such as "64m", or a share of the memory, such as "10%"',
	mode: 'octal digits in quotes: "0755"',
	source: "mount:// or mount://NAME",
};

/**
 * Checks options of a type as they stand in a manifest (`mount.json` has their JSON Schema).
 *
 * @param type - As in `mount.json`.
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` with everything that is wrong in `problems`.
 */
export function parseMountOptions(type: string, value: unknown): MountOptions {
	const rules = mountTypes[type];
	if (rules === undefined) throw new TypeError(`no type of mount: ${type}`);
	const plain = toPlain(value === undefined ? {} : value);
	if (rules.others === true && isObject(plain)) return withDefaults({});
	const own = Object.fromEntries(
		Object.entries(expected).filter(([name]) => rules.options.includes(name)),
	);
	const problems = [...findMountManifestOptionsProblems(plain), ...problemsOfType(rules, plain)];
	refuseOptions([
		...problems.map((problem) => describeOption(problem, plain, { expected: own })),
		...togetherProblems(type, plain),
	]);
	return withDefaults(plain as MountManifestOptions);
}

/** What another type may have and this one has not, and what it has to have: in the form of a validator's. */
function problemsOfType({ options, required = [] }: MountType, plain: unknown): Problem[] {
	if (!isObject(plain)) return [];
	const unknown = Object.keys(plain).filter((key) => !options.includes(key));
	const missing = required.filter((key) => !(key in plain));
	return [
		...unknown.map((key) => problem("additionalProperties", { additionalProperty: key })),
		...missing.map((key) => problem("required", { missingProperty: key })),
	];
}

type Problem = Parameters<typeof describeOption>[0];

function problem(keyword: string, params: Readonly<Record<string, unknown>>): Problem {
	return { instancePath: "", keyword, params };
}

/** What does not go together. */
function togetherProblems(type: string, plain: unknown): DeviceProblem[] {
	if (!isObject(plain)) return [];
	const complaints: DeviceProblem[] = [];
	const complain = (key: string, message: string): void => {
		complaints.push({ code: "ERR_DEVICE_OPTIONS", pointer: `/${key}`, message });
	};
	const isReadOnly = plain["read-only"] === true || plain["readonly"] === true;
	const kernelType = kernelTypeOf(type);
	if (plain["norecovery"] === true && !isReadOnly && kernelType !== "ext4") {
		const key = type.startsWith("org.osbuild.") ? "readonly" : "read-only";
		complain(
			"norecovery",
			`norecovery: a file system that was not recovered is not written; set ${key}: true, too`,
		);
	}
	if (type === "overlay") {
		const isHalf = (plain["upper"] === undefined) !== (plain["work"] === undefined);
		if (isHalf) complain("upper", "upper and work: expected both or none, on one file system");
	}
	return complaints;
}

function withDefaults(options: MountManifestOptions): MountOptions {
	const { subvol, compress, uid, gid, umask, shortname, upper, work, size, mode } = options;
	const from = options.from ?? options.source;
	return {
		readOnly: options["read-only"] ?? options.readonly ?? false,
		norecovery: options.norecovery ?? false,
		nouuid: options.nouuid ?? false,
		suid: options.suid ?? false,
		dev: options.dev ?? false,
		exec: options.exec ?? true,
		lower: options.lower ?? [],
		...(subvol !== undefined && { subvol }),
		...(compress !== undefined && { compress }),
		...(uid !== undefined && { uid }),
		...(gid !== undefined && { gid }),
		...(umask !== undefined && { umask }),
		...(shortname !== undefined && { shortname }),
		...(from !== undefined && { from }),
		...(upper !== undefined && { upper }),
		...(work !== undefined && { work }),
		...(size !== undefined && { size }),
		...(mode !== undefined && { mode }),
	};
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
