import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { slowness } from "@devhost/tools/testing";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import {
	type Disk,
	Laboratory,
	loadTargets,
	mappings,
	marksOf,
	run,
	until,
	writeMarks,
} from "./machine.ts";

const hold = join(import.meta.dirname, "fixtures", "hold.ts");
let laboratory: Laboratory;
let disks: Disk[];
let child: ChildProcess | undefined;

beforeAll(async () => {
	await loadTargets("thin-pool", "raid", "snapshot");
	laboratory = new Laboratory();
	disks = [laboratory.disk("a.img", 100), laboratory.disk("b.img", 100)];
	const lvm = (command: string, ...args: readonly string[]) =>
		laboratory.lvm(disks, command, ...args);
	lvm("vgcreate", "vg", ...disks.map(({ path }) => path));
	lvm("lvcreate", "-Wn", "-Zn", "-L", "8M", "-i", "2", "-n", "striped", "vg");
	lvm("lvcreate", "-L", "16M", "-V", "4M", "-T", "vg/pool", "-n", "thin");
	lvm("lvcreate", "--type", "raid1", "-m1", "--nosync", "-L", "4M", "-n", "mirrored", "vg");
	lvm("lvcreate", "-Wn", "-Zn", "-L", "4M", "-n", "origin", "vg");
	lvm("lvcreate", "-s", "-L", "4M", "-n", "snap", "vg/origin");
	for (const name of ["striped", "thin", "mirrored", "origin"])
		writeMarks(`/dev/mapper/vg-${name}`, name);
	lvm("vgchange", "-an", "vg");
});
afterAll(() => laboratory[Symbol.dispose]());
afterEach(async () => {
	if (child?.exitCode === null && child.kill("SIGKILL")) await once(child, "close");
});

/** Has a process of its own open volumes, one after the other; returns what it says of each. */
async function held(
	volumes: readonly string[],
	wrapper: readonly string[] = [],
): Promise<readonly unknown[]> {
	const [program = "", ...args] = [
		...wrapper,
		process.execPath,
		hold,
		JSON.stringify(disks),
		...volumes,
	];
	child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
	const said: unknown[] = [];
	if (child.stdout === null) return said;
	for await (const line of createInterface({ input: child.stdout })) {
		said.push(JSON.parse(line));
		if (said.length === volumes.length) break;
	}
	return said;
}

describe("a process that holds volumes", () => {
	test("leaves nothing when it is killed", async ({ expect }) => {
		const said = await held(["striped", "thin", "mirrored", "origin"]);
		const during = mappings();
		process.kill(-(child?.pid ?? 0), "SIGKILL");

		expect(said).toEqual(
			["striped", "thin", "mirrored", "origin"].map((name) => ({
				node: expect.stringMatching(/^dm-\d+$/),
				marks: marksOf(name, name === "striped" ? 8 : 4),
			})),
		);
		// One; thin, pool, data and metadata; mirrored, and data and metadata on either disk; origin and snapshot, and what is
		// beneath each.
		expect(during).toHaveLength(1 + 4 + 5 + 4);
		expect(during.every((name) => name.startsWith("devhost-"))).toBe(true);
		expect(await until(() => mappings().length === 0, 1_000 * slowness)).toBe(true);
	});

	test("needs the lvm tools for nothing but what needs them", async ({ expect }) => {
		const lvm = run("sh", "-c", "command -v lvm").trim();
		const without = [
			"unshare",
			"--mount",
			"sh",
			"-c",
			'for each in "$1" /usr"$1" "/usr/sbin/lvm" /sbin/lvm; do [ -e "$each" ] && mount --bind /dev/null "$each"; done; shift; exec "$@"',
			"sh",
			lvm,
		];

		const said = await held(["striped", "thin"], without);

		expect(said).toEqual([
			{ node: expect.stringMatching(/^dm-\d+$/), marks: marksOf("striped", 8) },
			{
				code: "ERR_DEVICE_TOOL",
				message:
					"thin: volume vg/thin is not linear or striped but thin: lvm not found. Install it: apt-get install lvm2",
			},
		]);
	});
});
