import metadata from "../../package.json" with { type: "json" };
import { osbuildDevice } from "./device-executable.ts";
import { serveOsbuild } from "./serve-osbuild.ts";

/** The whole `main` of `devhost-lvm2`. */
export function serveVolume(): Promise<void> {
	return serveOsbuild(
		osbuildDevice({
			type: "org.osbuild.lvm2.lv",
			version: metadata.version,
			async load() {
				const { linuxVolume, logicalVolume } = await import("@devhost/lvm2");
				return logicalVolume(linuxVolume);
			},
			needs: (parent, { vg_partnum: number }) =>
				typeof number === "number" && number > 0 ? [`${parent}p${number}`] : [],
			answer({ node, mapping, details }) {
				const { lvm } = details as { lvm: { vg_name: string; lv_name: string } };
				const { vg_name: group, lv_name: volume } = lvm;
				const path = `${group}/${volume}`;
				// As device-mapper has it: findmnt and others look there.
				const escaped = `${group.replaceAll("-", "--")}-${volume.replaceAll("-", "--")}`;
				return {
					reply: { path, node, lvm: { vg_name: group, lv_name: volume } },
					nodes: [path, `mapper/${escaped}`, `mapper/${mapping}`],
					log: `${path} opened as ${mapping}`,
				};
			},
		}),
	);
}
