#!/usr/bin/env node
import { runDeviceService } from "@devhost/core";
import { exitNow } from "@devhost/linux";
import metadata from "../package.json" with { type: "json" };
import { logicalVolume } from "./logical-volume.ts";

// No top-level await: the bundle is CommonJS, which starts sooner.
const loadMachine = async () => (await import("./linux-volume.ts")).linuxVolume();
/** While the host still opens what is beneath. What fails here fails again when it is needed, and is told then. */
async function prepare(): Promise<void> {
	const [machine] = await Promise.all([loadMachine(), import("./open-volume.ts")]);
	machine.prepare();
}
setImmediate(() => void prepare().catch(() => {}));
void runDeviceService(logicalVolume(loadMachine), { version: metadata.version }).then(() =>
	// The host waits for it.
	exitNow(Number(process.exitCode ?? 0)),
);
