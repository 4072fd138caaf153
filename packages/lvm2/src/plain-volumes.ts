import type { Segment } from "./volume-group.ts";

/** A linear volume, as far as its own section tells. */
export interface PlainVolume {
	readonly name: string;
	readonly uuid: string;
	/** Of `status` and `flags`; the same object for the same words. */
	readonly status: readonly string[];
	readonly flags: readonly string[];
	readonly extentCount: number;
	/** Without their areas. */
	readonly segments: readonly Omit<Segment, "areas">[];
	/** For each segment what it lies on: the name that the text has for it, and an extent. */
	readonly places: readonly { readonly name: string; readonly startExtent: number }[];
}

/** A text with volumes taken out of it. */
export interface TextWithout {
	readonly text: string;
	/** Where the key `logical_volumes` should be in it, in characters. It is nothing but a guess until the text is parsed. */
	readonly offset: number;
	/** In their order. */
	readonly volumes: readonly PlainVolume[];
}

/**
 * Takes those volumes out of a text that are linear and written exactly as lvm2 writes them, from the first one on up to one
 * that is not.
 *
 * Large groups consist of such volumes. A regular expression reads one at a go, in a fifth of the time that their words
 * take one by one. What it takes out, the parser would read the same way; nobody but that says what is wrong.
 *
 * @returns Undefined where there is none.
 */
export function takePlainVolumes(text: string): TextWithout | undefined {
	const begin = logicalVolumes.exec(text);
	if (begin === null) return undefined;
	const from = begin.index + begin[0].length;
	const volumes: PlainVolume[] = [];
	const lists = new Map<string, readonly string[]>();
	let end = from;
	for (;;) {
		volumeHead.lastIndex = end;
		const head = volumeHead.exec(text);
		if (head === null) break;
		const [, name = "", uuid = "", status = "", flags = "", count] = head;
		const segments: PlainVolume["segments"][number][] = [];
		const places: PlainVolume["places"][number][] = [];
		let extentCount = 0;
		let at = volumeHead.lastIndex;
		for (let left = Number(count); left > 0; left--) {
			linearSegment.lastIndex = at;
			const segment = linearSegment.exec(text);
			if (segment === null) break;
			const [, index, start, length, member = "", extent] = segment;
			const isNext = Number(index) === segments.length + 1 && Number(start) === extentCount;
			if (!isNext || Number(length) === 0 || Number(extent) > maxUint32) break;
			at = linearSegment.lastIndex;
			segments.push({
				startExtent: extentCount,
				extentCount: Number(length),
				type: "striped",
				flags: none,
				stripeSectors: 0,
			});
			places.push({ name: member, startExtent: Number(extent) });
			extentCount += Number(length);
		}
		closingBrace.lastIndex = at;
		const isWhole = segments.length === Number(count) && closingBrace.test(text);
		if (!isWhole || extentCount > maxUint32 || name.length > maxNameLength) break;
		end = closingBrace.lastIndex;
		volumes.push({
			name,
			uuid,
			status: wordsOf(status, lists),
			flags: wordsOf(flags, lists),
			extentCount,
			segments,
			places,
		});
	}
	if (volumes.length === 0) return undefined;
	return { text: text.slice(0, from) + text.slice(end), offset: begin.index + 1, volumes };
}

/** `"READ", "WRITE"`. */
function wordsOf(list: string, known: Map<string, readonly string[]>): readonly string[] {
	let words = known.get(list);
	if (words === undefined) known.set(list, (words = list.match(/[A-Z_]+/g) ?? none));
	return words;
}

const none: readonly never[] = [];
const maxUint32 = 0xffffffff;
const maxNameLength = 127;

// Everything that repeats here is one character, or few: see `tokenText`. As `_print_lv` and `_print_segment` of lvm2 write it
// (lib/format_text/export.c), with any white space between.
const logicalVolumes = /[\t-\r }]logical_volumes[\t-\r ]*\{/;
const gap = String.raw`[\t-\r ]*`;
const gapOrComment = String.raw`[\t-\r ]*(?:#[^\n\0]*\n[\t-\r ]*)?`;
const number = String.raw`(0|[1-9]\d{0,9})`;
const words = String.raw`\[((?:"[A-Z_]+"(?:, )?){0,20})\]`;
const uuidText = String.raw`([A-Za-z0-9]{6}(?:-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6})`;
const creation =
	String.raw`(?:creation_time = [1-9]\d{0,14}${gapOrComment}` +
	String.raw`creation_host = "[^"\\\0]*"${gapOrComment})?`;
const volumeHead: RegExp = sticky(
	String.raw`([A-Za-z0-9+_][A-Za-z0-9+_.-]*) \{`,
	`id = "${uuidText}"`,
	`status = ${words}`,
	`flags = ${words}`,
	`${creation}segment_count = ${number}`,
);
const linearSegment: RegExp = sticky(
	String.raw`segment(\d{1,10}) \{`,
	`start_extent = ${number}`,
	`extent_count = ${number}`,
	`type = "striped"`,
	String.raw`stripe_count = 1${gapOrComment}stripes = \[`,
	String.raw`"([A-Za-z0-9+_.-]+)", ${number}`,
	String.raw`\]`,
	String.raw`\}`,
);
const closingBrace: RegExp = sticky(String.raw`\}`);

/** Matches parts with white space before each, from `lastIndex` on or not at all. */
function sticky(...parts: readonly string[]): RegExp {
	return new RegExp(parts.map((part) => gap + part).join(""), "y");
}
