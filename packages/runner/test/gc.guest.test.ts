import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mappingTag } from "@devhost/core";
import { DeviceMapper, type DeviceNumber, type DmTarget } from "@devhost/linux";
import { afterEach, beforeEach, onTestFinished, test } from "vitest";
import type { FoundDevice } from "../src/device-events.ts";
import { newRunId } from "../src/run-id.ts";
import { gc, ls, saidOf } from "./device-commands.ts";
import { killStarted, Project, startDevhost } from "./devhost.ts";
import { holdOpen } from "./hold-open.ts";
import { stacks } from "./kill-matrix/stacks.ts";
import { bindLoop, deadRun, type PlantedLoop, plantLoop } from "./planted-loop.ts";

const sectors = 32_768;
const zeros: DmTarget = { startSectors: 0, lengthSectors: sectors, type: "zero", parameters: "" };

let project: Project;
let mapper: DeviceMapper;

beforeEach(() => {
	project = new Project();
	mapper = DeviceMapper.open();
});
afterEach(() => {
	mapper.close();
	project[Symbol.dispose]();
});

/** All that device-mapper has, by name, with what a removal or a change would change. */
function mappings(): Record<string, unknown> {
	return Object.fromEntries(mapper.list().map(({ name }) => [name, mapper.status({ name })]));
}

/** Makes a mapping that goes after the test. */
async function plant(
	name: string,
	uuid: string,
	table: readonly DmTarget[] = [zeros],
): Promise<string> {
	const { node } = await mapper.create(name, uuid);
	removeAfterwards(node);
	await mapper.load({ name }, table);
	await mapper.resume({ name });
	return `dm-${node.minor}`;
}

/** Of those that are made later first. */
function removeAfterwards(node: DeviceNumber): void {
	onTestFinished(async () => {
		using own = DeviceMapper.open();
		if (own.status({ node }) !== undefined) await own.remove({ node });
	});
}

/** The first MiB of a device. */
function linear(kernelName: string): DmTarget {
	const number = readFileSync(`/sys/block/${kernelName}/dev`, "utf8").trimEnd();
	return { startSectors: 0, lengthSectors: 2048, type: "linear", parameters: `${number} 0` };
}

/** A loop device, a LUKS2 container on it that cryptsetup has opened, and a volume in that: nobody holds them. */
async function plantStack(run: string): Promise<readonly string[]> {
	const file = project.image(`${run}.img`, 24 << 20);
	const tag = `devhost:${run}:disk`;
	const [loop, fd] = await bindLoop({ tag, file, autoclear: true });
	onTestFinished(() => loop[Symbol.dispose]());
	const name = mappingTag(run, "crypt");
	const fast = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
	const cryptsetup = (...args: string[]): void => {
		execFileSync(
			"cryptsetup",
			["--batch-mode", "--disable-locks", "--key-file", "-", ...args],
			{
				input: "secret",
				env: { PATH: process.env["PATH"], DM_DISABLE_UDEV: "1" },
			},
		);
	};
	cryptsetup("luksFormat", "--type", "luks2", ...fast, loop.path);
	cryptsetup("open", loop.path, name);
	fd.close();
	const { node } = mapper.status({ name }) ?? {};
	if (node === undefined) throw new Error("cryptsetup made nothing");
	removeAfterwards(node);
	const top = mappingTag(run, "lv");
	const crypt = `dm-${node.minor}`;
	return [await plant(top, top, [linear(crypt)]), crypt, loop.name];
}

test("gc removes orphans, the top of a stack first, and none of 20 foreign devices", async ({
	expect,
}) => {
	const run = deadRun();
	const tag = mappingTag(run, "root");
	const digits = "0123456789abcdef".repeat(2);
	const foreign: readonly (readonly [string, string])[] = [
		["archive", ""],
		["devhost", "devhost"],
		["devhost-", "devhost-"],
		["devhost-notours", "devhost-notours"],
		["devhost-not-ours", ""],
		["devhost-my-backup-1", `CRYPT-LUKS2-${digits}-devhost-my-backup-1`],
		["devhost-vg-root", `LVM-${"abcdefgh".repeat(8)}`],
		["devhost--vg-root", `LVM-${"hgfedcba".repeat(8)}`],
		[`x${tag}`, ""],
		[`x-${tag}`, `CRYPT-LUKS2-${digits}-x-${tag}`],
		[`${run}-root`, `${run}-root`],
		["luks-archive", `CRYPT-LUKS2-${digits}-luks-archive`],
		["vg-root", `LVM-${"abcdabcd".repeat(8)}`],
		["DEVHOST-root", "DEVHOST-root"],
		["dev-host-root", `mpath-${digits}`],
		// Ours, but its run goes on.
		[mappingTag(newRunId(), "root"), ""],
	];
	for (const [name, uuid] of foreign) await plant(name, uuid);
	const loops: PlantedLoop[] = [];
	for (const loopTag of ["", "devhost-notours", `xdevhost:${run}:root`, `/devhost:${run}:root`]) {
		const loop = await plantLoop({ tag: loopTag, file: project.image("foreign.img") });
		onTestFinished(() => loop[Symbol.dispose]());
		loops.push(loop);
	}
	const before = mappings();
	const loopsBefore = loops.map((loop) => loop.state());
	const [top, crypt, loop] = await plantStack(run);
	const lonely = await plant(tag, tag);
	// Whoever reads it would wait for ever.
	await mapper.suspend({ name: tag });
	const empty = mappingTag(run, "empty");
	const { node } = await mapper.create(empty, empty);
	removeAfterwards(node);

	const dry = await gc(["--dry-run"]);
	const { code, events } = await gc();

	const ours = [`${top} lv`, `${crypt} crypt`, `${loop} disk`];
	const others = [`${lonely} root`, `dm-${node.minor} empty`];
	expect(saidOf(events).toSorted()).toEqual(
		[...ours, ...others].map((what) => `orphan-removed ${what}`).toSorted(),
	);
	expect(saidOf(events).filter((line) => ours.some((what) => line.endsWith(what)))).toEqual(
		ours.map((what) => `orphan-removed ${what}`),
	);
	expect(saidOf(dry.events).toSorted()).toEqual(
		[...ours, ...others].map((what) => `orphan-found ${what}`).toSorted(),
	);
	expect(code).toBe(0);
	expect(mappings()).toEqual(before);
	expect(loops.map((each) => each.state())).toEqual(loopsBefore);
	expect(Object.keys(before).length + loops.length).toBe(20);
});

test("gc keeps what somebody uses and all beneath it, and says who; ls shows it", async ({
	expect,
}) => {
	const [top = "", crypt = "", loop = ""] = await plantStack(deadRun());
	const target = join(project.folder, "mnt");
	mkdirSync(target);
	execFileSync("mkfs.ext4", ["-q", "-O", "^has_journal", `/dev/${top}`]);
	execFileSync("mount", [`/dev/${top}`, target]);
	using unmounting = new DisposableStack();
	unmounting.defer(() => execFileSync("umount", [target]));
	const run = deadRun();
	const opened = await plant(mappingTag(run, "opened"), mappingTag(run, "opened"));
	const { pid } = await holdOpen(`/dev/${opened}`);
	const beneath = await plant(mappingTag(run, "beneath"), mappingTag(run, "beneath"));
	const above = await plant("somebodys", "", [linear(beneath)]);
	const before = mappings();

	const { code, events } = await gc();
	const { devices } = await ls();

	expect(code).toBe(0);
	expect(mappings()).toEqual(before);
	const reasons = Object.fromEntries(
		events.flatMap((event) =>
			event.event === "device-kept" ? [[event.device.name, event.reason]] : [],
		),
	);
	expect(reasons).toEqual({
		[top]: expect.stringContaining(`still in use by a mount at ${target}`),
		[crypt]: expect.stringContaining(`still in use by device ${top}`),
		[loop]: expect.stringMatching(new RegExp(`device ${crypt}; it goes with them$`)),
		[opened]: expect.stringContaining(`still in use by pid ${pid} (sleep)`),
		[beneath]: expect.stringContaining(`still in use by device ${above}`),
	});
	const shown = (name: string): Partial<FoundDevice> | undefined =>
		devices.find((device) => device.name === name);
	expect(shown(top)).toMatchObject({ type: "devhost.lvm2.lv", sizeBytes: 1 << 20, device: "lv" });
	expect(shown(crypt)).toMatchObject({ type: "devhost.luks2", state: "in-use", device: "crypt" });
	expect(shown(loop)).toMatchObject({ type: "devhost.loopback", state: "closing" });
	expect(shown(above)).toBeUndefined();
});

test("gc may run twice at once", async ({ expect }) => {
	const before = mappings();
	const [, , loop] = await plantStack(deadRun());

	const results = await Promise.all([gc(), gc()]);

	expect(results.map(({ code }) => code)).toEqual([0, 0]);
	expect(mappings()).toEqual(before);
	const { devices } = await ls();
	expect(devices.filter(({ name }) => name === loop)).toEqual([]);
});

test("ls shows all devices of a run, and gc touches none of them", async ({ expect }) => {
	const devices = stacks["a container on a loop device"]?.(project.folder);
	const script = "echo begun; while ! [ -e go ]; do sleep 0.2; done";
	const stages = [{ name: "wait", uses: ["top"], run: ["sh", "-c", script] }];
	const manifest = project.manifest({ devices, stages });
	const run = startDevhost(["run", "--json", "--backend=native", manifest]);
	onTestFinished(killStarted);
	await run.printed("begun");
	const before = mappings();

	const { code, events } = await gc();
	const listed = await ls();
	const during = mappings();
	project.write("go", "");
	const result = await run.ended;

	expect(code).toBe(0);
	expect(saidOf(events)).toEqual([]);
	expect(during).toEqual(before);
	const shown = listed.devices.map(({ device, type, state }) => ({ device, type, state }));
	expect(shown).toEqual([
		{ device: "disk", type: "devhost.loopback", state: "in-use" },
		{ device: "top", type: "devhost.luks2", state: "in-use" },
	]);
	expect(result).toMatchObject({ code: 0, stderr: "" });
	expect(mappings()).toEqual({});
});
