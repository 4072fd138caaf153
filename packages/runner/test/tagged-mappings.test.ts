import { mappingTag } from "@devhost/core";
import { describe, test } from "vitest";
import { newRunId } from "../src/run-id.ts";
import { mappingTagOf } from "../src/tagged-mappings.ts";

const run = newRunId();
const tag = mappingTag(run, "root");
const luks = `CRYPT-LUKS2-${"0123456789abcdef".repeat(2)}`;
const volume = `LVM-${"abcdefgh".repeat(8)}`;

describe("the tag of a mapping", () => {
	test.for<[string, string, string, string]>([
		["of a table of ours", tag, tag, "root"],
		["of cryptsetup", tag, `${luks}-${tag}`, "root"],
		[
			"of what cryptsetup puts beneath",
			`${tag}_dif`,
			`${luks.replace("LUKS2", "INTEGRITY")}-${tag}_dif`,
			"root",
		],
		["of a partition", tag, `PART-${tag}`, "root"],
		["of lvm, renamed", tag, volume, "root"],
		["without a uuid", tag, "", "root"],
		["of one that somebody has renamed", "archive", tag, "root"],
		["with the run's id as it is", `devhost-${run}-a-b`, `devhost-${run}-a-b`, "a-b"],
	])("is one: %s", ([, name, uuid, device], { expect }) => {
		expect(mappingTagOf({ name, uuid })).toMatchObject({ run, name: device });
	});

	test("of a program that names its runs itself has to be in name and uuid", ({ expect }) => {
		const own = mappingTag("my run", "root");

		expect(mappingTagOf({ name: own, uuid: own })).toMatchObject({ run: "my run" });
		expect(mappingTagOf({ name: own, uuid: "" })).toBeUndefined();
		expect(mappingTagOf({ name: own, uuid: `${luks}-${own}` })).toBeUndefined();
	});

	test.for<[string, string]>([
		["", ""],
		["devhost", ""],
		["devhost-", "devhost-"],
		["devhost-notours", "devhost-notours"],
		["devhost-not-ours", ""],
		["devhost-my-backup-disk-1", `${luks}-devhost-my-backup-disk-1`],
		["devhost-vg-root", volume],
		["devhost--vg-root", volume],
		[`xdevhost-${run}-root`, ""],
		[`x-${tag}`, `${luks}-x-${tag}`],
		["luks-archive", `${luks}-luks-archive`],
		["vg-root", volume],
	])("is none: %s, %s", ([name, uuid], { expect }) => {
		expect(mappingTagOf({ name, uuid })).toBeUndefined();
	});
});
