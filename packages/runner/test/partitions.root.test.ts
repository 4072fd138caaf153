import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { afterEach, beforeEach, test } from "vitest";
import { loopback, openHost, partition } from "../src/index.ts";
import { devhost, eventsOf, killStarted, Project, startDevhost } from "./devhost.ts";
import { boundLoops, processesWith } from "./leftovers.ts";

let project: Project;
beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** A disk with an ESP and a root partition. */
function disk(name: string): void {
	const file = project.image(name, 64 << 20);
	execFileSync("sfdisk", ["--quiet", file], {
		input: 'label: gpt\nsize=8MiB, type=uefi, name="esp"\nsize=16MiB, name="root"\n',
	});
}

const nodesInDev = "ls /dev | grep -E '^(loop|dm-)' | sed -E 's/^loop[0-9]+/loop/' | tr '\\n' ' '";

describeAsRoot("partitions in a manifest", () => {
	test(
		"of a loop device with and without partscan are nodes of the stages that use them",
		{
			timeout: 20_000 * slowness,
		},
		async ({ expect }) => {
			disk("first.img");
			disk("second.img");
			const manifest = project.manifest({
				devices: {
					all: {
						type: "devhost.loopback",
						options: { filename: "first.img", partscan: true },
					},
					root: { type: "devhost.partition", parent: "all", options: { label: "root" } },
					other: { type: "devhost.loopback", options: { filename: "second.img" } },
					esp: { type: "devhost.partition", parent: "other", options: { type: "esp" } },
				},
				stages: [
					{ name: "one", uses: ["esp"], run: ["sh", "-c", `${nodesInDev} > one`] },
					{ name: "all", uses: ["all"], run: ["sh", "-c", `${nodesInDev} > all`] },
					{
						name: "kin",
						uses: ["root", "all"],
						run: [
							"sh",
							"-c",
							"mkfs.ext4 -q {devices.root} && blkid -p -s PART_ENTRY_NAME -o value {devices.root} > kin",
						],
					},
				],
			});

			const result = await devhost(["run", "--json", "--backend=native", manifest]);

			expect(result).toMatchObject({ code: 0, stderr: "" });
			expect(project.read("one")).toBe("loopp1 ");
			expect(project.read("all")).toBe("loop loopp1 loopp2 ");
			expect(project.read("kin")).toBe("root\n");
			const opened = eventsOf(result).flatMap((event) =>
				event.event === "device-opened" ? [[event.device, event.path]] : [],
			);
			expect(opened.find(([device]) => device === "root")).toEqual([
				"root",
				expect.stringMatching(/^(\/dev\/)?loop\d+p2$/),
			]);
			expect(boundLoops(project.folder)).toEqual([]);
		},
	);

	test(
		"leave nothing when their service is killed, and neither when all are",
		async ({ expect }) => {
			disk("disk.img");
			const manifest = project.manifest({
				devices: {
					disk: { type: "devhost.loopback", options: { filename: "disk.img" } },
					root: { type: "devhost.partition", parent: "disk", options: { number: 2 } },
				},
				stages: [
					{ name: "wait", uses: ["root"], run: ["sh", "-c", "echo begun; sleep 6262"] },
				],
			});
			for (const isWhole of [false, true]) {
				const running = startDevhost(["run", "--json", "--backend=native", manifest]);
				await running.printed("begun");
				const [loop = ""] = boundLoops(project.folder);
				const [service] = servicesOf(running.child.pid);
				const all = [running.child.pid, ...servicesOf(running.child.pid, "")];

				for (const pid of isWhole ? all : [service])
					if (pid !== undefined) process.kill(pid, "SIGKILL");
				const { code } = await running.ended;

				if (!isWhole) expect(code).toBe(3);
				await expect.poll(() => boundLoops(project.folder)).toEqual([]);
				await expect
					.poll(() =>
						readdirSync(`/sys/block/${loop}`).filter((name) => /p\d/.test(name)),
					)
					.toEqual([]);
				await expect.poll(() => processesWith("sleep", "6262")).toEqual([]);
			}
		},
		20_000 * slowness,
	);

	test(
		"are opened for a program by the library",
		{ timeout: 20_000 * slowness },
		async ({ expect }) => {
			disk("disk.img");
			{
				await using host = openHost({ tree: project.folder });
				await using devices = await host.open({
					disk: loopback({ filename: "disk.img", "read-only": true }),
					root: partition("disk", { label: "root", "read-only": true }),
				});

				const root = devices.get("root");
				expect(root.details).toMatchObject({ number: 2, label: "root", readOnly: true });
				expect(readFileSync(host.pathOf(root)).length).toBe(16 << 20);
			}
			expect(boundLoops(project.folder)).toEqual([]);
		},
	);
});

/** The services that a process has started. */
function servicesOf(parent: number | undefined, name: string = "/partition/"): number[] {
	return readdirSync("/proc")
		.filter((pid) => /^\d+$/.test(pid))
		.map(Number)
		.filter((pid) => {
			try {
				const [, after = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
				const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
				return (
					Number(after.split(" ")[1]) === parent &&
					command.includes("/dist/service.cjs") &&
					command.includes(name)
				);
			} catch {
				return false; // It went meanwhile.
			}
		});
}
