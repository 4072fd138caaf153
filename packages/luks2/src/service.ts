#!/usr/bin/env node
import { runDeviceService } from "@devhost/core";
import { exitNow } from "@devhost/linux";
import metadata from "../package.json" with { type: "json" };
import { luks2 } from "./luks2.ts";

// No top-level await: the bundle is CommonJS, which starts sooner.
const loadMachine = async () => (await import("./linux-luks.ts")).linuxLuks();
// While the host still opens what is beneath. What fails now fails again when it is needed, and is told then.
const preload = () =>
	Promise.all([loadMachine(), import("./open-luks2.ts"), import("node:crypto")]);
setImmediate(() => void preload().catch(() => {}));
void runDeviceService(luks2(loadMachine), { version: metadata.version }).then(() =>
	// The host waits for it.
	exitNow(Number(process.exitCode ?? 0)),
);
