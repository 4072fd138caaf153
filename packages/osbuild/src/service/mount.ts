import metadata from "../../package.json" with { type: "json" };
import { mountType, osbuildMount } from "./mount-executable.ts";
import { say } from "./say.ts";
import { serveOsbuild } from "./serve-osbuild.ts";

/** The whole `main` of `devhost-mount`. */
export async function serveMount(): Promise<void> {
	const type = mountType(process.argv);
	if (type === undefined) {
		say(
			"devhost-mount: which type? Call it by that name (mounts/org.osbuild.ext4), or name it as the first argument",
		);
		process.exitCode = 2;
		return;
	}
	const executable = {
		version: metadata.version,
		async load() {
			const { linuxMounts, mounts } = await import("@devhost/mount");
			return mounts(linuxMounts);
		},
	};
	await serveOsbuild(osbuildMount(type, executable));
}
