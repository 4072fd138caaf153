import type { LoopSys } from "@devhost/loopback";
import metadata from "../../package.json" with { type: "json" };
import { osbuildDevice } from "./device-executable.ts";
import { serveOsbuild } from "./serve-osbuild.ts";

/** The whole `main` of `devhost-loopback`. */
export function serveLoopback(): Promise<void> {
	return serveOsbuild(
		osbuildDevice({
			type: "org.osbuild.loopback",
			version: metadata.version,
			async load() {
				const { linuxLoop, loopback } = await import("@devhost/loopback");
				const sys = linuxLoop();
				// Manifests of osbuild have a whole disk and slices of it in one stage (zipl.inst), each with a service of its
				// own: they share their bytes. A run of devhost, which would want them for itself, is still told of them.
				const lockRange: LoopSys["lockRange"] = (file, range, mode) =>
					sys.lockRange(file, range, mode === "exclusive" ? "shared" : mode);
				return loopback({ ...sys, lockRange });
			},
			answer: ({ path, node, options }) => ({
				reply: { path, node },
				nodes: [],
				log: `${path} acquired (locked: ${options["lock"] === true ? "True" : "False"})`,
			}),
		}),
	);
}
