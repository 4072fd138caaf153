#!/usr/bin/env node
import { runDeviceService } from "@devhost/core";
import { exitNow } from "@devhost/linux";
import metadata from "../package.json" with { type: "json" };
import { partition } from "./partition.ts";

// No top-level await: the bundle is CommonJS, which starts sooner.
const loadMachine = async () => (await import("./linux-disk.ts")).linuxDisk();
// While the host still opens what is beneath. What fails now fails again when it is needed, and is told then.
const preload = () => Promise.all([loadMachine(), import("./open-partition.ts")]);
setImmediate(() => void preload().catch(() => {}));
void runDeviceService(partition(loadMachine), { version: metadata.version }).then(() =>
	// The host waits for it.
	exitNow(Number(process.exitCode ?? 0)),
);
