/**
 * A volume in a container on a loop device, opened and closed in a guest kernel, from nothing running to nothing left: by the
 * library and by osbuild's three device services. Both start the processes of three services and stop them.
 *
 * The peer is a program that runs what osbuild's services run; with `OSBUILD_CHECKOUT=PATH` it is osbuild itself.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, execPath } from "node:process";
import { type Comparison, compare, run, table } from "../../../tools/src/benchmark.ts";
import { bootGuest } from "@devhost/appliance";

type Figure = "ownMs" | "wallMs";
type Figures = Readonly<Record<"ours" | "peer", readonly Readonly<Record<Figure, number>>[]>>;

const rounds = 7;
const checkout = env["OSBUILD_CHECKOUT"];
const script = (name: string): string => join(import.meta.dirname, name);
// As an installed osbuild is: the guest may not write here.
if (checkout !== undefined) {
	run(["/usr/bin/python3", "-m", "compileall", "-q", join(checkout, "osbuild")]);
}

const folder = mkdtempSync(join(tmpdir(), "devhost-bench-stack-"));
try {
	const figures = await inGuest();
	const comparison = (name: string, figure: Figure): Comparison => {
		const [ours, peer] = [figures.ours.values(), figures.peer.values()];
		return {
			name,
			unit: "ms",
			ours: () => Number(ours.next().value?.[figure]),
			peer: () => Number(peer.next().value?.[figure]),
			target: { atMost: 0.5 },
		};
	};
	const results = await compare(
		[
			comparison("open and close, in a program that runs", "ownMs"),
			comparison("a program that does it, start to exit", "wallMs"),
		],
		rounds - 1,
	);
	const peerName = checkout === undefined ? "as osbuild's services" : "osbuild";
	console.log(table("devhost: a stack of three, in a guest", peerName, results));
} finally {
	rmSync(folder, { recursive: true, force: true });
}

async function inGuest(): Promise<Figures> {
	await using guest = await bootGuest({ writable: [folder] });
	const output: Uint8Array[] = [];
	const command = [execPath, script("stack-in-guest.ts"), folder, String(rounds)];
	const { code } = await guest.run(command, {
		environment: {
			PATH: env["PATH"] ?? "",
			...(checkout !== undefined && { OSBUILD_CHECKOUT: checkout }),
		},
		onStdout: (bytes) => void output.push(bytes),
		onStderr: (bytes) => void process.stderr.write(bytes),
	});
	if (code !== 0) throw new Error(`stack-in-guest.ts ended with ${code}`);
	return JSON.parse(Buffer.concat(output).toString()) as Figures;
}
