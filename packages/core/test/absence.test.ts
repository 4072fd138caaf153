import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, onTestFinished, test } from "vitest";
import { identify, isPresent, waitForAbsence } from "../src/absence.ts";

const node = { major: 7, minor: 3 };
const attributes = { same: ["diskseq"], exists: ["loop/backing_file"] };

/** A sysfs with one bound loop device in it. */
function fakeSysfs(): { sysfs: string; directory: string } {
	const sysfs = mkdtempSync(`${tmpdir()}/sysfs-`);
	onTestFinished(() => rmSync(sysfs, { recursive: true }));
	const directory = `${sysfs}/dev/block/7:3`;
	mkdirSync(`${directory}/loop`, { recursive: true });
	writeFileSync(`${directory}/dev`, "7:3\n");
	writeFileSync(`${directory}/diskseq`, "42\n");
	writeFileSync(`${directory}/loop/backing_file`, "/disk.img\n");
	return { sysfs, directory };
}

describe("isPresent", () => {
	test("recognises a device by what never changes", ({ expect }) => {
		const { sysfs, directory } = fakeSysfs();
		const identity = identify(node, attributes, sysfs);

		expect(identity.attributes).toEqual({ dev: "7:3", diskseq: "42" });
		expect(isPresent(identity, sysfs)).toBe(true);
		writeFileSync(`${directory}/loop/backing_file`, "/disk.img (deleted)\n");
		expect(isPresent(identity, sysfs)).toBe(true);
	});

	test("does not take another binding of the same number for ours", ({ expect }) => {
		const { sysfs, directory } = fakeSysfs();
		const identity = identify(node, attributes, sysfs);

		writeFileSync(`${directory}/diskseq`, "43\n");

		expect(isPresent(identity, sysfs)).toBe(false);
	});

	test.for(["loop", "dev", ""])("sees that %j is gone", (gone, { expect }) => {
		const { sysfs, directory } = fakeSysfs();
		const identity = identify(node, attributes, sysfs);

		rmSync(`${directory}/${gone}`, { recursive: true });

		expect(isPresent(identity, sysfs)).toBe(false);
	});

	test("does without attributes that an older kernel lacks", ({ expect }) => {
		const { sysfs, directory } = fakeSysfs();
		rmSync(`${directory}/diskseq`);

		const identity = identify(node, attributes, sysfs);

		expect(identity.attributes).toEqual({ dev: "7:3" });
		expect(isPresent(identity, sysfs)).toBe(true);
	});
});

describe("waitForAbsence", () => {
	test("returns without waiting when the device is gone", async ({ expect }) => {
		const { sysfs, directory } = fakeSysfs();
		const identity = identify(node, attributes, sysfs);
		rmSync(`${directory}/loop`, { recursive: true });
		const start = performance.now();

		await waitForAbsence(identity, { subject: "root", timeoutMs: 0, sysfs });

		expect(performance.now() - start).toBeLessThan(50);
	});

	test("waits until it is", async ({ expect }) => {
		const { sysfs, directory } = fakeSysfs();
		const identity = identify(node, attributes, sysfs);
		setTimeout(() => rmSync(`${directory}/loop`, { recursive: true }), 30);

		await waitForAbsence(identity, { subject: "root", timeoutMs: 4000, sysfs });

		expect(isPresent(identity, sysfs)).toBe(false);
	});

	test("names the device and its holders when the time is over", async ({ expect }) => {
		const { sysfs, directory } = fakeSysfs();
		mkdirSync(`${directory}/holders/dm-5`, { recursive: true });
		const identity = identify(node, attributes, sysfs);

		const waiting = waitForAbsence(identity, { subject: "root (loop3)", timeoutMs: 20, sysfs });

		await expect(waiting).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message: expect.stringMatching(/^root \(loop3\): still in use by .*device dm-5/),
			holders: expect.arrayContaining([{ kind: "device", device: "dm-5" }]),
			details: { node, diskseq: "42" },
		});
	});
});
