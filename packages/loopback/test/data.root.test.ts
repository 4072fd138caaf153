import { constants, copyFileSync } from "node:fs";
import {
	AT_FDCWD,
	detachedMount,
	isSysError,
	LO_FLAGS_AUTOCLEAR,
	LO_FLAGS_READ_ONLY,
	loopConfigure,
	loopGetFree,
	openat2,
} from "@devhost/linux";
import {
	dataKinds,
	dataSizeBytes,
	describeAsRoot,
	slowness,
	writtenData,
} from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { attachLoop } from "../src/attach-loop.ts";
import { Folder } from "./machine.ts";

const roundCount = 100;
let folder: Folder;

beforeEach(() => {
	folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

/** Another device for the file, of the kernel's alone: it can only be read, and only for a moment. */
async function withPlainLoop<Result>(
	file: string,
	work: (path: string) => Result,
): Promise<Result> {
	using control = openat2(AT_FDCWD, "/dev/loop-control", { flags: constants.O_RDWR });
	using backing = openat2(AT_FDCWD, file, { flags: constants.O_RDONLY });
	for (;;) {
		const path = `/dev/loop${await loopGetFree(control)}`;
		using loop = openat2(AT_FDCWD, path, { flags: constants.O_RDONLY });
		try {
			const range = { offsetBytes: 0, sizeBytes: 0, sectorBytes: 512 };
			const flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
			await loopConfigure(loop, { ...range, file: backing, flags, tag: "" });
		} catch (error) {
			if (isSysError(error, "EBUSY")) continue; // somebody was quicker
			throw error;
		}
		return work(path);
	}
}

describeAsRoot("what was written", () => {
	test.for(dataKinds)(
		"is in the file after close, 100 times: %s",
		{ timeout: 120_000 * slowness },
		async (kind, { expect }) => {
			const file = folder.file("disk.img", dataSizeBytes[kind]);
			const data = writtenData(kind, detachedMount);
			data.format(file);
			const before = folder.file("before.img", 0);

			const differences = (image: string): Promise<readonly string[]> =>
				withPlainLoop(image, (path) => data.differences(path));

			for (let round = 0; round < roundCount; round++) {
				// That the last one can be missed is shown by what there was before it.
				if (round === roundCount - 1) copyFileSync(file, before);
				const loop = await attachLoop({ file });
				data.write(loop.path);
				await loop.close();
				expect(await differences(file)).toEqual([]);
			}
			expect(await differences(before)).not.toEqual([]);
			expect(folder.boundLoops()).toEqual([]);
		},
	);
});
