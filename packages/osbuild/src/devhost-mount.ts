#!/usr/bin/env node
import metadata from "../package.json" with { type: "json" };
import { mountType, osbuildMount } from "./service/mount-executable.ts";
import { serveOsbuild } from "./service/serve-osbuild.ts";

const type = mountType(process.argv);
const executable = {
	version: metadata.version,
	async load() {
		const { linuxMounts, mounts } = await import("@devhost/mount");
		return mounts(linuxMounts);
	},
};

if (type === undefined) {
	process.stderr.write(
		"devhost-mount: which type? Call it by that name (mounts/org.osbuild.ext4), or name it as the first argument\n",
	);
	process.exitCode = 2;
} else {
	// No top-level await: the bundle is CommonJS, which starts sooner.
	void serveOsbuild(osbuildMount(type, executable));
}
