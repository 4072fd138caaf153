import fc from "fast-check";
import { describe, test } from "vitest";
import { decodeWhole, Utf8Decoder } from "../src/decode-utf8.ts";

describe("Utf8Decoder", () => {
	test("never splits a character, wherever the pieces are cut", ({ expect }) => {
		const property = fc.property(
			fc.string({ unit: "grapheme" }),
			fc.array(fc.nat(40)),
			(text, cuts) => {
				const bytes = new TextEncoder().encode(text);

				expect(decodeInPieces(bytes, cuts)).toBe(text);
			},
		);
		fc.assert(property);
	});

	test("says the same of any bytes in one piece and in many", ({ expect }) => {
		const property = fc.property(fc.uint8Array(), fc.array(fc.nat(9)), (bytes, cuts) => {
			expect(decodeInPieces(bytes, cuts)).toBe(decodeWhole(bytes));
		});
		fc.assert(property);
	});

	test("keeps its half character when the caller's buffer is used again", ({ expect }) => {
		const decoder = new Utf8Decoder();
		const buffer = Uint8Array.of(0x61, 0xc3);
		const first = decoder.decode(buffer);
		buffer.fill(0x62);

		expect(first + decoder.decode(Uint8Array.of(0xa9))).toBe("aé");
	});
});

test.for([
	["a lone continuation byte", [0x61, 0x80, 0x62], String.raw`a\x80b`],
	["a byte that is never used", [0xff], String.raw`\xff`],
	["an overlong form", [0xc0, 0x80], String.raw`\xc0\x80`],
	["a surrogate", [0xed, 0xa0, 0x80], String.raw`\xed\xa0\x80`],
	["more than U+10FFFF", [0xf4, 0x90, 0x80, 0x80], String.raw`\xf4\x90\x80\x80`],
	["a character that is cut off", [0xe2, 0x82], String.raw`\xe2\x82`],
	["a cut-off character before a good one", [0xe2, 0x82, 0xc3, 0xa9], String.raw`\xe2\x82é`],
	["a NUL", [0x00], "\0"],
] as const)("decodeWhole escapes %s", ([, bytes, text], { expect }) => {
	expect(decodeWhole(Uint8Array.from(bytes))).toBe(text);
});

function decodeInPieces(bytes: Uint8Array, cuts: readonly number[]): string {
	const decoder = new Utf8Decoder();
	let text = "";
	let at = 0;
	for (const cut of cuts) {
		text += decoder.decode(bytes.slice(at, at + cut));
		at += cut;
	}
	return text + decoder.decode(bytes.slice(at)) + decoder.end();
}
