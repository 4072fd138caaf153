import { execFileSync } from "node:child_process";
import { constants, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	AT_FDCWD,
	detachedMount,
	DeviceMapper,
	type DeviceNumber,
	type DmTarget,
	mknodat,
	openat2,
	statFd,
} from "@devhost/linux";
import { dataKinds, dataSizeBytes, writtenData } from "@devhost/tools/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type Host, loopback, luks2, lvm2, openHost } from "../src/index.ts";
import { boundLoops } from "./leftovers.ts";

const roundCount = 100;
/** Unlocking takes longer than all else. */
const roundsOfContainer = 10;

const folder = mkdtempSync(join(tmpdir(), "devhost-data-"));
const image = join(folder, "disk.img");
const passphrase = { file: join(folder, "passphrase") };
const plainName = `devhost-data-test-${process.pid}`;
const mapper = DeviceMapper.open();
const written = Object.fromEntries(
	dataKinds.map((kind) => [kind, writtenData(kind, detachedMount)]),
);
/** What LVM itself loads for the volumes; of the container there is always the same. */
const tables = new Map<string, readonly DmTarget[]>();
let host: Host;

beforeAll(async () => {
	const sizesBytes = Object.values(dataSizeBytes);
	writeFileSync(image, "");
	truncateSync(image, sizesBytes.reduce((sum, size) => sum + size) + (32 << 20));
	writeFileSync(passphrase.file, "secret");
	const quickly = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", "--disable-locks"];
	const key = `--key-file=${passphrase.file}`;
	tool("cryptsetup", ["-q", "luksFormat", "--type=luks2", ...quickly, key, image]);
	await withPlainContainer((_, path) => {
		lvm(path, ["vgcreate", "--physicalextentsize=512k", "data", path]);
		for (const kind of dataKinds) {
			const size = `--size=${dataSizeBytes[kind]}b`;
			lvm(path, ["lvcreate", "-Wn", "-Zn", size, `--name=${kind}`, "data"]);
			tables.set(kind, mapper.table({ name: `data-${kind}` }));
			written[kind]?.format(`/dev/mapper/data-${kind}`);
		}
		lvm(path, ["vgchange", "-an", "data"]);
	});
	host = openHost({ tree: folder });
});
afterAll(async () => {
	await host[Symbol.asyncDispose]();
	rmSync(folder, { recursive: true });
});

/** Opens the container with cryptsetup, for a moment. */
async function withPlainContainer<Result>(
	work: (node: DeviceNumber, path: string) => Result | Promise<Result>,
): Promise<Result> {
	const key = `--key-file=${passphrase.file}`;
	tool("cryptsetup", ["open", "--type=luks2", "--disable-locks", key, image, plainName]);
	try {
		const path = `/dev/mapper/${plainName}`;
		using device = openat2(AT_FDCWD, path, { flags: constants.O_RDONLY });
		const { node } = statFd(device);
		if (node === undefined) throw new Error("no device");
		return await work(node, path);
	} finally {
		tool("cryptsetup", ["close", "--disable-locks", plainName]);
	}
}

/** What of the data is not there, by mappings of device-mapper alone that can only be read, on an open container. */
async function differences(container: DeviceNumber): Promise<readonly string[]> {
	const found: string[] = [];
	using nodes = detachedMount("tmpfs");
	for (const kind of dataKinds) {
		const name = `${plainName}-${kind}`;
		const { node } = await mapper.create(name, name);
		try {
			const on = `${container.major}:${container.minor}`;
			const table = (tables.get(kind) ?? []).map((target) => {
				return { ...target, parameters: target.parameters.replace(/^\d+:\d+/, on) };
			});
			await mapper.load({ name }, table, { readOnly: true });
			await mapper.resume({ name });
			mknodat(nodes, kind, "block", node, 0o600);
			const path = `/proc/self/fd/${nodes.fd}/${kind}`;
			found.push(
				...(written[kind]?.differences(path) ?? []).map((what) => `${kind}: ${what}`),
			);
		} finally {
			await mapper.remove({ name });
		}
	}
	return found;
}

function lvm(device: string, [command = "", ...args]: readonly string[]): void {
	const settings = [
		"devices{use_devicesfile=0}",
		"backup{backup=0 archive=0}",
		"global{event_activation=0}",
		"activation{udev_sync=0 udev_rules=0 monitoring=0}",
	];
	tool("lvm", [command, `--config=${settings.join(" ")}`, `--devices=${device}`, ...args]);
}

function tool(file: string, args: readonly string[]): void {
	execFileSync(file, args, {
		stdio: "pipe",
		env: {
			PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
			LC_ALL: "C.UTF-8",
			DM_DISABLE_UDEV: "1",
			LVM_SUPPRESS_FD_WARNINGS: "1",
		},
	});
}

/** The volumes, beneath which the container has to be open. */
function volumeSpecs(): Parameters<Host["open"]>[0] {
	return Object.fromEntries(dataKinds.map((kind) => [kind, lvm2("crypt", { volume: kind })]));
}

/** From now on, whatever is written to a volume is gone, and nobody is told. */
async function dropWrites(node: DeviceNumber): Promise<void> {
	const table = mapper.table({ node }).map((target) => {
		// Working for no second, and then dropping for one, again and again.
		return { ...target, type: "flakey", parameters: `${target.parameters} 0 1 1 drop_writes` };
	});
	await mapper.load({ node }, table);
	await mapper.suspend({ node });
	await mapper.resume({ node });
}

describe("what was written to volumes in a container on a loop device", () => {
	test("is in the file when they are closed, 100 times", async ({ expect }) => {
		for (let round = 0; round < roundCount; round += roundsOfContainer) {
			{
				await using beneath = await host.open({
					disk: loopback({ filename: "disk.img" }),
					crypt: luks2("disk", { passphrase }),
				});
				for (let inContainer = 0; inContainer < roundsOfContainer; inContainer++) {
					{
						await using volumes = await host.open(volumeSpecs());
						for (const kind of dataKinds)
							written[kind]?.write(host.pathOf(volumes.get(kind)));
					}
					expect(await differences(beneath.get("crypt").node)).toEqual([]);
				}
			}
			// Nothing is open any more but the file.
			expect(boundLoops(folder)).toEqual([]);
			expect(mapper.list()).toEqual([]);
			expect(await withPlainContainer(differences)).toEqual([]);
		}
	});

	// Last: it is not there afterwards.
	test("would be missed if it were not", async ({ expect }) => {
		await using beneath = await host.open({
			disk: loopback({ filename: "disk.img" }),
			crypt: luks2("disk", { passphrase }),
		});
		const volumes = await host.open(volumeSpecs());
		for (const kind of dataKinds) {
			await dropWrites(volumes.get(kind).node);
			written[kind]?.write(host.pathOf(volumes.get(kind)));
		}
		await expect(volumes.close()).rejects.toMatchObject({ code: "ERR_DEVICE_NOT_OURS" });

		const missed = await differences(beneath.get("crypt").node);

		expect(new Set(missed.map((what) => what.split(":")[0]))).toEqual(new Set(dataKinds));
	});
});
