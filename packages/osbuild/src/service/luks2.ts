import metadata from "../../package.json" with { type: "json" };
import { osbuildDevice } from "./device-executable.ts";
import { serveOsbuild } from "./serve-osbuild.ts";

const ways = ["passphrase", "key-file", "volume-key-file", "token-only"];

/** The whole `main` of `devhost-luks2`. */
export function serveLuks2(): Promise<void> {
	return serveOsbuild(
		osbuildDevice({
			type: "org.osbuild.luks2",
			version: metadata.version,
			async load() {
				const { linuxLuks, luks2 } = await import("@devhost/luks2");
				return luks2(linuxLuks);
			},
			// As osbuild's default is, although its schema wants one.
			options: (options) =>
				ways.some((way) => way in options) ? options : { ...options, passphrase: "" },
			answer({ node, mapping }) {
				const path = `mapper/${mapping}`;
				const log = `opened as ${mapping}`;
				return { reply: { path, name: mapping, node }, nodes: [path], log };
			},
		}),
	);
}
