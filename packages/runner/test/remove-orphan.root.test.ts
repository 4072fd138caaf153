import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeAsRoot } from "@devhost/tools/testing";
import { afterEach, beforeEach, onTestFinished, test } from "vitest";
import { type ListedDevice, listDevices } from "../src/list-devices.ts";
import { removeOrphan } from "../src/remove-orphan.ts";
import { holdOpen } from "./hold-open.ts";
import { bindLoop, type PlantedLoop, plantLoop } from "./planted-loop.ts";

let folder: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-orphan-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = `${(Date.now() - 1000).toString(36)}-1zzz-0`;

/** A device that nobody owns, and what is listed of it. */
async function plantOrphan(): Promise<[PlantedLoop, ListedDevice]> {
	const file = join(folder, "orphan.img");
	writeFileSync(file, "");
	truncateSync(file, 1 << 20);
	const loop = await plantLoop({ tag: `devhost:${run}:root`, file });
	onTestFinished(() => loop[Symbol.dispose]());
	return [loop, await listed(loop)];
}

async function listed({ name }: PlantedLoop): Promise<ListedDevice> {
	const { devices } = await listDevices();
	return devices.find((device) => device.name === name) as ListedDevice;
}

describeAsRoot("an orphan that was found", () => {
	test("is removed once", async ({ expect }) => {
		const [loop, device] = await plantOrphan();

		expect(await removeOrphan(device)).toBe(true);
		expect(await removeOrphan(device)).toBe(false);
		expect(loop.state()).toBeUndefined();
	});

	test("is left alone when it has become another one meanwhile", async ({ expect }) => {
		const [loop, device] = await plantOrphan();

		expect(await removeOrphan({ ...device, device: "other" })).toBe(false);
		expect(await removeOrphan({ ...device, run: "other" })).toBe(false);
		expect(await removeOrphan({ ...device, diskSequence: "1" })).toBe(false);
		expect(loop.state()).toBeDefined();
	});

	test("is left alone when somebody has opened it meanwhile", async ({ expect }) => {
		const [loop, device] = await plantOrphan();
		const before = loop.state();
		const opener = await holdOpen(loop.path);

		const removing = removeOrphan(device, { timeoutMs: 100 });

		await expect(removing).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			message: `${loop.name} (root of run ${run}): still in use by pid ${opener.pid} (sleep) with ${loop.path} open`,
		});
		expect(loop.state()).toEqual(before);
		await opener.end();
		expect(await removeOrphan(device)).toBe(true);
	});

	test("is waited for when it goes with what stood on it", async ({ expect }) => {
		const file = join(folder, "armed.img");
		writeFileSync(file, new Uint8Array(1 << 20));
		const tag = `devhost:${run}:root`;
		const [loop, fd] = await bindLoop({ tag, file, autoclear: true });
		onTestFinished(() => loop[Symbol.dispose]());
		const device = await listed(loop);

		const staying = removeOrphan(device, { timeoutMs: 100 });

		await expect(staying).rejects.toMatchObject({ code: "ERR_DEVICE_BUSY" });
		const removing = removeOrphan(device);
		fd.close();
		expect(await removing).toBe(true);
	});
});
