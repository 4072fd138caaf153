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
				return loopback(linuxLoop());
			},
			answer: ({ path, node, options }) => ({
				reply: { path, node },
				nodes: [],
				log: `${path} acquired (locked: ${options["lock"] === true ? "True" : "False"})`,
			}),
		}),
	);
}
