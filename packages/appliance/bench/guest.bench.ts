/**
 * Guests against the shell script that boots one (bench/boot-guest.sh), and commands in a guest against the same on this
 * machine.
 *
 * The script's time is taken to the moment when its command says something, so without powering off; ours to the first byte
 * of the first command's output.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, run, runForNumber, table } from "../../../tools/src/benchmark.ts";
import { bootGuest } from "../src/index.ts";
import { outputOf } from "../src/testing.ts";

const script = (name: string): string => join(import.meta.dirname, name);
const folder = mkdtempSync(join(tmpdir(), "devhost-bench-guest-"));

try {
	const boot = await compare(
		[
			{
				name: "boot to a command's first output",
				unit: "ms",
				ours: () => runForNumber([process.execPath, script("boot-once.ts")]),
				peer: () => Number(run([script("boot-guest.sh")])),
				target: { atMost: 1.5 },
			},
		],
		5,
	);
	console.log(table("@devhost/appliance: booting a guest", "script", boot));

	await using guest = await bootGuest({ writable: [folder] });
	writeFileSync(join(folder, "input"), Buffer.alloc(64 << 20, "some text "));
	const commands: readonly (readonly [name: string, argv: readonly string[]])[] = [
		["sha256sum of 64 MiB", ["sha256sum", join(folder, "input")]],
		["gzip of 16 MiB", ["sh", "-c", `head -c 16M ${join(folder, "input")} | gzip -1 | wc -c`]],
		["true", ["true"]],
		["a shell that does nothing", ["sh", "-c", ":"]],
		["ls -l of /usr/bin", ["ls", "-l", "/usr/bin"]],
		["node --version", [process.execPath, "--version"]],
		["node -e 0", [process.execPath, "-e", "0"]],
	];
	const warm = await compare(
		commands.map(([name, argv]) => ({
			name,
			unit: "ms",
			ours: () => timed(() => outputOf(guest, argv)),
			peer: () => timed(() => execFileSync(argv[0] ?? "", argv.slice(1))),
			target: { atMost: 3 },
		})),
		7,
	);
	console.log(table("@devhost/appliance: a command in a warm guest", "host", warm));

	const writing = join(folder, "disk.img");
	const writeScript = readFileSync(script("write-loop.sh"), "utf8");
	const inGuest = (): Promise<number> =>
		outputOf(guest, ["sh", "-c", writeScript, "sh", writing]).then(({ stdout, stderr }) => {
			const seconds = Number(stdout.toString());
			if (!(seconds > 0)) throw new Error(`write-loop.sh in the guest: ${stderr}`);
			return 256 / seconds;
		});
	const native = (): number => 256 / Number(run(["sh", "-c", writeScript, "sh", writing]));
	const throughput = await compare(
		[
			{
				name: "write 256 MiB through a loop device",
				unit: "MiB/s",
				ours: inGuest,
				peer: native,
				// Nothing was promised; this is where it would be of no use.
				target: { atLeast: 0.05 },
			},
		],
		3,
	);
	console.log(table("@devhost/appliance: throughput", "native", throughput));
	await using idle = await bootGuest();
	console.log(`resident memory of an idle guest: ${residentMegabytes(idle.pid).toFixed(0)} MB\n`);
} finally {
	rmSync(folder, { recursive: true, force: true });
}

async function timed(work: () => unknown): Promise<number> {
	const startMs = performance.now();
	await work();
	return performance.now() - startMs;
}

/** Of all processes of the guest; what they share counts once. Source: proc_pid_smaps(5), `Pss`. */
function residentMegabytes(keeper: number): number {
	let kilobytes = 0;
	for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
		try {
			const stat = readFileSync(`/proc/${name}/stat`, "utf8");
			const [, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
			if (session !== String(keeper)) continue;
			const rollup = readFileSync(`/proc/${name}/smaps_rollup`, "utf8");
			kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
		} catch {
			// It has ended in the meantime.
		}
	}
	return (kilobytes * 1024) / 1e6;
}
