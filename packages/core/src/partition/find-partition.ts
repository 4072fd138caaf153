import { closestName } from "../closest-name.ts";
import { DeviceError } from "../error.ts";
import { shown } from "../shown.ts";
import type {
	Partition,
	PartitionIdentity,
	PartitionTable,
	RefusedPartition,
} from "./partition-table.ts";
import { parsePartitionType, type ParsedPartitionType, partitionTypes } from "./partition-types.ts";

/** Which partition is meant. */
export type PartitionSelector =
	| { readonly number: number }
	| { readonly label: string }
	| { readonly uuid: string }
	| {
			/** As {@link parsePartitionType} reads it. */
			readonly type: string;
	  };

/**
 * Finds the one partition that is meant, and may be opened.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` there is no such one, or several, or it is an extended one, with the
 * `pointer` of the selector's key; `ERR_DEVICE_OUT_OF_RANGE`, `ERR_DEVICE_METADATA` it must not be opened. The message lists
 * what is there.
 */
export function findPartition(table: PartitionTable, selector: PartitionSelector): Partition {
	const { partitions, refused, name } = table;
	const { key, wanted, matches } = matcher(table, selector);
	const found = partitions.filter(matches);
	const foundRefused = refused.filter(matches);
	const fail = (what: string): DeviceError =>
		new DeviceError("ERR_DEVICE_OPTIONS", `${name}: ${what}`, { pointer: `/${key}` });

	if (found.length + foundRefused.length > 1) {
		const numbers = [...found, ...foundRefused]
			.map(({ number }) => number)
			.toSorted((a, b) => a - b);
		throw fail(
			`${numbers.length} partitions have the ${key} ${wanted}. ${describe(table, numbers)}`,
		);
	}
	const [bad] = foundRefused;
	if (bad !== undefined) {
		throw new DeviceError(
			bad.code,
			`${name}: partition ${bad.number} ${bad.reason}. ${describe(table)}`,
		);
	}
	const [partition] = found;
	if (partition === undefined) {
		const what =
			key === "number" ? `no partition ${wanted}` : `no partition with the ${key} ${wanted}`;
		throw fail(`${what}. ${describe(table)}`);
	}
	if (partition.extended) {
		throw fail(
			`partition ${partition.number} is an extended one, which holds other partitions and nothing else. ` +
				describe(table),
		);
	}
	return partition;
}

interface Matcher {
	readonly key: "number" | "label" | "uuid" | "type";
	/** As messages have it. */
	readonly wanted: string;
	readonly matches: (partition: PartitionIdentity) => boolean;
}

function matcher(table: PartitionTable, selector: PartitionSelector): Matcher {
	if ("number" in selector) {
		const { number } = selector;
		return { key: "number", wanted: String(number), matches: (each) => each.number === number };
	}
	if ("label" in selector) {
		const { label } = selector;
		return { key: "label", wanted: shown(label), matches: (each) => each.label === label };
	}
	if ("uuid" in selector) {
		const uuid = selector.uuid.toLowerCase();
		return { key: "uuid", wanted: shown(uuid), matches: (each) => each.uuid === uuid };
	}
	const { gpt, mbr } = typeOf(table, selector.type);
	const type = table.type === "gpt" ? gpt : mbr;
	return { key: "type", wanted: shown(selector.type), matches: (each) => each.type === type };
}

function typeOf({ name }: PartitionTable, text: string): ParsedPartitionType {
	const type = parsePartitionType(text);
	if (type !== undefined) return type;
	const near = closestName(text, Object.keys(partitionTypes));
	throw new DeviceError(
		"ERR_DEVICE_OPTIONS",
		`${name}: ${shown(text)} is no type of partition; ` +
			(near === undefined
				? "expected a name such as root-x86-64 or esp, a GUID, or an MBR's byte such as 83"
				: `did you mean ${near}?`),
		{ pointer: "/type" },
	);
}

/**
 * What is there, in a sentence: `There are 1 "esp" (esp, 512 MiB, uuid …), 2 …`.
 *
 * @param numbers - Of those that are meant; without: all.
 */
function describe({ partitions, refused }: PartitionTable, numbers?: readonly number[]): string {
	const all: (Partition | RefusedPartition)[] = [...partitions, ...refused];
	const listed = all
		.filter(({ number }) => numbers?.includes(number) ?? true)
		.toSorted((a, b) => a.number - b.number);
	if (listed.length === 0) return "There are no partitions";
	const texts = listed.slice(0, maxListed).map(describeOne);
	if (listed.length > maxListed) texts.push(`${listed.length - maxListed} more`);
	return `${listed.length === 1 ? "There is" : "There are"} ${texts.join(", ")}`;
}

function describeOne(partition: Partition | RefusedPartition): string {
	const { number, label, type, typeName, uuid } = partition;
	const facts = [
		typeName ?? `type ${type}`,
		"reason" in partition
			? `not opened: ${partition.reason}`
			: describeSize(partition.sizeBytes),
		...(uuid === undefined ? [] : [`uuid ${uuid}`]),
	];
	return `${number}${label === undefined ? "" : ` ${shown(label)}`} (${facts.join(", ")})`;
}

function describeSize(sizeBytes: number): string {
	const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
	let size = sizeBytes;
	let unit = 0;
	while (size >= 1024 && size % 1024 === 0 && unit < units.length - 1) {
		size /= 1024;
		unit++;
	}
	return `${size} ${units[unit]}`;
}

/** As many as somebody reads. */
const maxListed = 20;
