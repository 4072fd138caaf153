import { DeviceMapper } from "@devhost/linux";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import { devhost, killStarted, startDevhost } from "./devhost.ts";
import { boundLoops, processesIn } from "./leftovers.ts";
import { OsbuildProject, osbuildLoop, testLibdir } from "./osbuild-project.ts";

// Programs start slowly in a guest.
vi.setConfig({ testTimeout: 120_000 });

let project: OsbuildProject;
beforeEach(() => void (project = new OsbuildProject()));
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

const args = (file: string): string[] => [
	"run",
	"--backend=native",
	`--libdir=${testLibdir}`,
	`--tree=${project.tree}`,
	file,
];

const format =
	"cryptsetup -q luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 {disk} -";
const crypt = {
	disk: osbuildLoop(),
	crypt: { type: "org.osbuild.luks2", parent: "disk", options: { passphrase: "osbuild" } },
};

/** A stage that runs these commands, which have no spaces in their arguments. */
function commands(devices: object, ...texts: readonly string[]): object {
	const list = texts.map((text) => ({ argv: text.split(" "), input: "osbuild" }));
	return { type: "org.test.run", options: { commands: list }, devices };
}

interface Written {
	readonly ran: readonly { readonly status: number; readonly output: string }[];
	readonly devices: Readonly<Record<string, object>>;
	readonly mapper: boolean;
}

const leftovers = (): object => {
	using mapper = DeviceMapper.open();
	return {
		mappings: mapper.list().map(({ name }) => name),
		loops: boundLoops(project.folder),
		processes: processesIn(project.folder),
	};
};
const nothing = { mappings: [], loops: [], processes: [] };

describe("a stage of osbuild on a mapping", () => {
	test("makes volumes in it as LVM does, which looks at mappings first, and changes none", async ({
		expect,
	}) => {
		project.disk(64 << 20);
		const file = project.stages(
			commands({ disk: osbuildLoop() }, format),
			commands(
				crypt,
				"pvcreate {crypt}",
				"vgcreate group {crypt}",
				"lvcreate -an -L 8M -n root group",
				// It may ask, and no more.
				"dmsetup remove_all",
				"dmsetup create devhost-test --notable",
				"dmsetup info",
			),
			commands(
				{
					...crypt,
					root: {
						type: "org.osbuild.lvm2.lv",
						parent: "crypt",
						options: { volume: "root" },
					},
				},
				"mkfs.ext4 -q {root}",
			),
		);

		const result = await devhost(args(file));

		expect(result.code).toBe(0);
		const { devices, ran } = project.written("ran.json") as Written;
		expect(ran).toMatchObject([{ status: 0 }]);
		expect(devices).toMatchObject({
			disk: { path: expect.stringMatching(/^\/dev\/loop/) },
			crypt: { path: "/dev/dm-0", name: expect.stringMatching(/^devhost-/) },
			root: { path: "/dev/dm-1", lvm: { vg_name: "group", lv_name: "root" } },
		});
		const said = result.stdout.split("\n").filter((line) => line.includes("org.test.run | ["));
		const outcomes = said.map((line) => {
			const isRefused = line.includes("Operation not permitted");
			// Whatever status dmsetup has then: that of remove_all is 0.
			const outcome = isRefused ? "refused" : line.includes("'status': 0") ? "done" : line;
			return `${/\['(\w+)/.exec(line)?.[1]} ${outcome}`;
		});
		expect(outcomes).toEqual([
			"cryptsetup done",
			"pvcreate done",
			"vgcreate done",
			"lvcreate done",
			"dmsetup refused",
			"dmsetup refused",
			"dmsetup done",
			"mkfs done",
		]);
		expect(leftovers()).toEqual(nothing);
	});

	test("finds nothing of device-mapper where it has no mapping", async ({ expect }) => {
		project.disk();
		const file = project.stages(commands({ disk: osbuildLoop() }, "true"));

		await devhost(args(file));

		expect(project.written("ran.json")).toMatchObject({ mapper: false });
	});

	test("leaves nothing when devhost is killed", async ({ expect }) => {
		project.disk(64 << 20);
		const file = project.stages(commands({ disk: osbuildLoop() }, format), {
			type: "org.test.end",
			options: { how: "wait" },
			devices: crypt,
		});
		const running = startDevhost(args(file));
		await running.printed("| waits");

		process.kill(running.child.pid as number, "SIGKILL");
		await running.ended;

		await expect.poll(leftovers, { timeout: 30_000 }).toEqual(nothing);
	});
});
