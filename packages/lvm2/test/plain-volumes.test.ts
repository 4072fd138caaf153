import fc from "fast-check";
import { test } from "vitest";
import { parseVolumeGroup, parseWords } from "../src/parse-volume-group.ts";
import { takePlainVolumes } from "../src/plain-volumes.ts";
import { fixture, smallText, textOf } from "./metadata-image.ts";

const root = smallText.slice(smallText.indexOf("\t\troot {"), smallText.indexOf("\t}\n}"));

/** A volume with the shape of that in the small text. */
function volume(
	name: string,
	segments: readonly (readonly [count: number, extent: number])[],
): string {
	const segment = /\t\t\tsegment1 \{[^}]*\}\n/.exec(root)?.[0] ?? "";
	let start = 0;
	const texts = segments.map(([count, extent], index) => {
		const text = segment
			.replace("segment1", `segment${index + 1}`)
			.replace("start_extent = 0", `start_extent = ${start}`)
			.replace("extent_count = 4", `extent_count = ${count}`)
			.replace('"pv0", 10', `"pv0", ${extent}`);
		start += count;
		return text;
	});
	return root
		.replace("root", name)
		.replace("segment_count = 1", `segment_count = ${segments.length}`)
		.replace(segment, texts.join("\n"));
}

function group(...volumes: readonly string[]): string {
	return smallText.replace(root, volumes.join("\n"));
}

/** What parsing comes to: a group, or the words of an error. */
function outcomeOf(parse: (text: string) => unknown, text: string): unknown {
	try {
		return parse(text);
	} catch (error) {
		const { code, message } = error as { code?: unknown; message?: unknown };
		return { code, message };
	}
}

const several = group(
	volume("home", [[2, 0]]),
	volume("a-b.c+d_e", [
		[3, 20],
		[1, 30],
		[5, 40],
	]),
	volume("root", [[4, 10]]),
);

test("takes what is linear, up to what is not", ({ expect }) => {
	const names = (text: string) => takePlainVolumes(text)?.volumes.map(({ name }) => name);

	expect(names(several)).toEqual(["home", "a-b.c+d_e", "root"]);
	expect(names(textOf(fixture(0)))).toEqual(["plain"]);
	expect(names(several.replace('"striped"', '"thin"'))).toBeUndefined();
	expect(
		names(smallText.replace("logical_volumes", "historical_logical_volumes")),
	).toBeUndefined();
});

test.for([
	["a small group", smallText],
	["several volumes", several],
	["all kinds of volumes", textOf(fixture(0))],
] as const)("comes to the same as word by word: %s", ([, text], { expect }) => {
	expect(parseVolumeGroup(text)).toEqual(parseWords(text));
});

test.for([
	["two of one name", group(volume("root", [[1, 0]]), volume("root", [[1, 1]]))],
	["a plain one and another of one name", group(root, root.replace('"striped"', '"error"'))],
	["segments in another order", several.replace("segment1", "segment2")],
	["a segment twice", several.replace("segment2", "segment1")],
	["a gap", several.replace("start_extent = 3", "start_extent = 4")],
	["a volume on another", several.replace('"pv0", 20', '"home", 0')],
	["a volume on nothing", several.replace('"pv0", 20', '"pv7", 0')],
	["an extent that is too large", several.replace('"pv0", 20', '"pv0", 4294967296')],
	["a count that is too large", several.replace("extent_count = 2", "extent_count = 4294967296")],
	["overlapping volumes", several.replace('"pv0", 20', '"pv0", 9')],
	["a name that is too long", several.replace("home", "h".repeat(128))],
	["a name that is none", several.replace("home", "..")],
	["a flag that nobody knows", several.replace('"VISIBLE"', '"VISIBLE", "SHINY"')],
	["a further key", several.replace("segment_count", 'profile = "x"\nsegment_count')],
	["a key twice", several.replace("segment_count", "segment_count = 1\nsegment_count")],
	[
		"no segments",
		group(root.replace(/segment_count = 1.*\n\t\t\}\n/s, "segment_count = 0\n}\n")),
	],
	["a comment", several.replace("segment_count", "# x }\nsegment_count")],
	["a comment with a NUL", several.replace("# linear", "# \0 linear")],
	[
		"volumes in a string",
		smallText.replace("seqno", `note = "\n logical_volumes {${root}}"\nseqno`),
	],
	[
		"volumes in a section that is none of the group's",
		several.replace("seqno", `x { logical_volumes {${root}} }\nseqno`),
	],
	["text behind a NUL", `${smallText}\0${several}`],
] as const)("nor is there a difference with %s", ([, text], { expect }) => {
	expect(outcomeOf(parseVolumeGroup, text)).toEqual(outcomeOf(parseWords, text));
});

test("nor with anything else", ({ expect }) => {
	const place = fc.integer({ min: several.indexOf("logical_volumes"), max: several.length });
	const piece = fc.oneof(
		fc.constantFrom(
			"{",
			"}",
			"[",
			"]",
			"=",
			'"',
			"#",
			"\n",
			"\0",
			"0",
			"-1",
			" ",
			"segment2 {",
			"root {",
			'"READ", ',
		),
		fc.string({ maxLength: 2 }),
	);
	const change = fc.record({ from: place, length: fc.nat(80), piece: fc.oneof(piece, place) });
	fc.assert(
		fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
			let text = several;
			for (const { from, length, piece: put } of changes) {
				const added = typeof put === "string" ? put : several.slice(put, put + length);
				text = text.slice(0, from) + added + text.slice(from + length);
			}
			expect(outcomeOf(parseVolumeGroup, text)).toEqual(outcomeOf(parseWords, text));
		}),
		{ numRuns: 1000 },
	);
});

test.for([
	["volumes", group(...Array.from({ length: 5000 }, (_, index) => volume(`v${index}`, [])))],
	["white space", smallText.replace("root {", `${" ".repeat(1 << 20)}root {`)],
	[
		"flags",
		smallText.replace('"READ", "WRITE", "VISIBLE"', Array(100_000).fill('"READ"').join(", ")),
	],
	["names", smallText.replace("root {", `${"r".repeat(1 << 20)} {`)],
	["segments", smallText.replace("segment1 {", "segment1 {".repeat(50_000))],
] as const)("nor with a great deal of %s", ([, text], { expect }) => {
	expect(outcomeOf(parseVolumeGroup, text)).toEqual(outcomeOf(parseWords, text));
});
