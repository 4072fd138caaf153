#!/usr/bin/env node
import metadata from "../package.json" with { type: "json" };
import { osbuildDevice } from "./service/device-executable.ts";
import { serveOsbuild } from "./service/serve-osbuild.ts";

// No top-level await: the bundle is CommonJS, which starts sooner.
void serveOsbuild(
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
