#!/usr/bin/env node
import { runDeviceService } from "@devhost/core";
import { exitNow } from "@devhost/linux";
import metadata from "../package.json" with { type: "json" };
import { linuxMounts } from "./linux-mounts.ts";
import { mounts } from "./mount.ts";

// No top-level await: the bundle is CommonJS, which starts sooner.
const settings = { module: "devhost.mount", version: metadata.version };
void runDeviceService(mounts(linuxMounts), settings).then(() =>
	// The host waits for it.
	exitNow(Number(process.exitCode ?? 0)),
);
