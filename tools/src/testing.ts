import { readdirSync } from "node:fs";
import { describe } from "vitest";

export { deviceUses, type DeviceUseName, useDevice } from "./device-users.ts";
export { type FencedBlock, fencedBlocks } from "./fenced-blocks.ts";
export { OsbuildLibrary, osbuildDevice, osbuildMount } from "./osbuild-library.ts";
export { OsbuildHost, type OsbuildAnswer, osbuildPeer } from "./osbuild-host.ts";
export { Terminal } from "./terminal.ts";
export { dataKinds, dataSizeBytes, writtenData } from "./written-data.ts";

/** Tests that need root. Under `CI=true` they are never skipped: they fail there without it. */
export function describeAsRoot(name: string, body: () => void): void {
	const able = process.getuid?.() === 0 || process.env["CI"] === "true";
	describe.skipIf(!able)(able ? name : `${name} (skipped: needs root)`, body);
}

/** By how much a test's limits of time are longer where it runs: in a guest a process takes that much longer to start. */
export const slowness: number = process.env["DEVHOST_TEST_IN_GUEST"] === undefined ? 1 : 20;

/** How many descriptors this process has open: taken before and after, equal means that nothing leaked. */
export function descriptorCount(): number {
	return readdirSync("/proc/self/fd").length;
}
