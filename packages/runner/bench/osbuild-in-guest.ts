/**
 * osbuild-in-guest.ts FOLDER MANIFEST LIBDIR ROUNDS: makes an image by turns with `devhost run` and with osbuild, and prints the milliseconds as
 * JSON.
 */
import { join } from "node:path";
import { argv } from "node:process";
import { runByDevhost, runByOsbuild } from "./osbuild-manifests.ts";

const [, , folder = "", file = "", libdir = "", rounds = "3"] = argv;
const ours: number[] = [];
const peer: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
	ours.push(runByDevhost({ folder: join(folder, `ours-${round}`), file, libdir }));
	peer.push(runByOsbuild({ folder: join(folder, `peer-${round}`), file, libdir }));
}
console.log(JSON.stringify({ ours, peer }));
