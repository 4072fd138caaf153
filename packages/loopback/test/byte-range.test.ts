import { test } from "vitest";
import { type ByteRange, byteRange, type WantedRange } from "../src/byte-range.ts";

const megabyte = 1 << 20;

type Range = Partial<WantedRange> & { readonly fileBytes?: number };

function rangeOf({ fileBytes = megabyte, ...range }: Range): ByteRange {
	const wanted = {
		filename: "disk.img",
		startBytes: 0,
		sizeBytes: undefined,
		sectorBytes: 512,
		...range,
	};
	return byteRange(wanted, fileBytes);
}

test.for([
	[{}, 0, megabyte],
	[{ startBytes: 4096 }, 4096, megabyte - 4096],
	[{ startBytes: 4096, sizeBytes: 8192 }, 4096, 8192],
	[{ startBytes: megabyte - 512 }, megabyte - 512, 512],
	[{ sizeBytes: megabyte }, 0, megabyte],
	// A partial sector that is left outside harms nobody.
	[{ fileBytes: megabyte + 100, sizeBytes: megabyte }, 0, megabyte],
	[{ fileBytes: 2 ** 53 - 512 }, 0, 2 ** 53 - 512],
] as const)("%j is inside the file", ([range, offsetBytes, sizeBytes], { expect }) => {
	expect(rangeOf(range)).toEqual({ offsetBytes, sizeBytes });
});

test.for([
	[{ fileBytes: 0 }, "ERR_DEVICE_FILE"],
	[{ fileBytes: 511 }, "ERR_DEVICE_FILE"],
	[{ fileBytes: 2048, sectorBytes: 4096 }, "ERR_DEVICE_FILE"],
	[{ startBytes: megabyte }, "ERR_DEVICE_OUT_OF_RANGE"],
	[{ startBytes: megabyte + 512 }, "ERR_DEVICE_OUT_OF_RANGE"],
	[{ sizeBytes: megabyte + 512 }, "ERR_DEVICE_OUT_OF_RANGE"],
	[{ startBytes: 512, sizeBytes: megabyte }, "ERR_DEVICE_OUT_OF_RANGE"],
	[{ startBytes: 1e300 }, "ERR_DEVICE_OUT_OF_RANGE"],
	[{ sizeBytes: 512 * 1e300 }, "ERR_DEVICE_OUT_OF_RANGE"],
	[{ sizeBytes: 0 }, "ERR_DEVICE_OUT_OF_RANGE"],
	[{ startBytes: 100 }, "ERR_DEVICE_UNALIGNED"],
	[{ sizeBytes: 1000 }, "ERR_DEVICE_UNALIGNED"],
	[{ fileBytes: megabyte + 100 }, "ERR_DEVICE_UNALIGNED"],
	[{ startBytes: 512, sectorBytes: 4096 }, "ERR_DEVICE_UNALIGNED"],
	// osbuild takes this one, and the device is a sector shorter than the manifest says.
	[{ sizeBytes: 2049 * 512, fileBytes: 2 * megabyte, sectorBytes: 4096 }, "ERR_DEVICE_UNALIGNED"],
] as const)("%j is refused: %s", ([range, code], { expect }) => {
	expect(() => rangeOf(range)).toThrow(expect.objectContaining({ code }));
});

test("says where the range and the file end", ({ expect }) => {
	expect(() => rangeOf({ startBytes: 1024, sizeBytes: megabyte })).toThrow(
		"disk.img: sector 2 (byte 1024) to sector 2050 (byte 1049600) is outside the file, " +
			"which ends at sector 2048 (byte 1048576)",
	);
});

test("says that a range is empty, not that it is outside", ({ expect }) => {
	expect(() => rangeOf({ sizeBytes: 0 })).toThrow("disk.img: the range is empty");
});

test("says what would align the file", ({ expect }) => {
	expect(() => rangeOf({ fileBytes: megabyte + 100 })).toThrow(
		"disk.img: its 1048676 bytes are not whole sectors of 512 bytes; " +
			"give a size, or make the file 1049088 bytes",
	);
});
