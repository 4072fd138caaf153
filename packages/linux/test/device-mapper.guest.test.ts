import { constants, readFileSync, readSync, writeSync } from "node:fs";
import { expect as expectNow, test } from "vitest";
import {
	blockSizeBytes,
	DeviceMapper,
	detachedMount,
	type DmTarget,
	isSysError,
	mknodat,
	openat2,
} from "../src/index.ts";

const zeros: DmTarget = { startSectors: 0, lengthSectors: 2048, type: "zero", parameters: "" };
const errors: DmTarget = { startSectors: 0, lengthSectors: 2048, type: "error", parameters: "" };

let count = 0;

/** A name of its own for each device, so that no test meets what another one made. */
function newName(): string {
	return `devhost-test-${process.pid}-${count++}`;
}

test("a guest has device-mapper, loaded when its control node is opened", ({ expect }) => {
	using mapper = DeviceMapper.open();

	expect(mapper.version()[0]).toBe(4);
	expect(mapper.targets().map(({ name }) => name)).toContain("linear");
});

test("a device is made, loaded, resumed, suspended, renamed and removed", async ({ expect }) => {
	using mapper = DeviceMapper.open();
	const name = newName();

	const created = await mapper.create(name, `${name}-uuid`);

	expect(created).toMatchObject({ name, uuid: `${name}-uuid`, hasLiveTable: false });
	expect(mapper.list()).toContainEqual({ name, uuid: `${name}-uuid`, node: created.node });

	await mapper.load({ name }, [zeros, { ...errors, startSectors: 2048 }]);
	expect(mapper.status({ name })).toMatchObject({ hasInactiveTable: true, hasLiveTable: false });
	expect(mapper.table({ name }, { inactive: true })).toHaveLength(2);
	await mapper.resume({ uuid: `${name}-uuid` });
	expect(mapper.status({ node: created.node })).toMatchObject({
		suspended: false,
		hasLiveTable: true,
		targetCount: 2,
	});
	expect(mapper.table({ name })).toEqual([zeros, { ...errors, startSectors: 2048 }]);
	await mapper.suspend({ name });
	expect(mapper.status({ name })?.suspended).toBe(true);
	await mapper.resume({ name });

	await mapper.rename(name, `${name}-new`);
	expect(mapper.status({ name })).toBeUndefined();
	expect(mapper.status({ name: `${name}-new` })?.uuid).toBe(`${name}-uuid`);
	await mapper.remove({ name: `${name}-new` });
	expect(mapper.status({ uuid: `${name}-uuid` })).toBeUndefined();
});
