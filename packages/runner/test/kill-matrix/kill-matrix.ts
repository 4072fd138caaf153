import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { slowness } from "@devhost/tools/testing";
import { cliFile } from "../devhost.ts";
import { ownMounts, processesIn } from "../leftovers.ts";

/**
 * How much is tried: "full", every step × victim × signal, which takes an hour in a guest; "steps", every step once; else what a test
 * asks for.
 */
const extent = process.env["DEVHOST_KILL_MATRIX"];

/** What is killed: the process that takes the step, the one that started it, or all of the group. */
type Target = (typeof targets)[number];

const targets = ["self", "parent", "group"] as const;
const signals = ["SIGKILL", "SIGTERM", "SIGSEGV"] as const;

/** A step of a run: the nth one that a process of this role takes. */
interface Step {
	/** `host`, or the folder of a package: its service. */
	readonly role: string;
	readonly index: number;
	/** `ioctl-4c0a`. */
	readonly call: string;
}

/** A program that opens devices, and where they are. */
export interface KilledProgram {
	/** Where its files are; nothing else on this machine is in there. */
	readonly folder: string;
	/** Its arguments: of `devhost`, or of a script. */
	readonly args: readonly string[];
	/** The script, where it is not `devhost` itself. */
	readonly file?: string;
}

/** What a matrix came to. */
export interface KillMatrixResult {
	/** Steps of one run. */
	readonly steps: readonly Step[];
	/** Runs with a kill. */
	readonly kills: number;
	/** Of these, how often the step was reached. */
	readonly hits: number;
	/** The longest time from the end of the killed run until nothing of it was left, in milliseconds. */
	readonly slowestMs: number;
	/** What was left, and after which kill. */
	readonly failures: readonly string[];
}

/**
 * Whether nearly all kills came at their step: the last steps of a process are not taken in a run in which it reads twice at once
 * what it read one by one when they were counted.
 */
export function hasHit({ kills, hits }: KillMatrixResult): boolean {
	return hits >= kills * 0.9 - 2;
}

/** What a matrix came to, in a line. */
export function describeMatrix({ steps, kills, hits, slowestMs }: KillMatrixResult): string {
	return `${steps.length} steps, ${kills} kills, ${hits} at their step; clean after at most ${slowestMs.toFixed()} ms`;
}

/** The library that counts steps, compiled once per process. */
export class KillPoints implements Disposable {
	readonly #folder: string = mkdtempSync(join(tmpdir(), "devhost-kill-"));
	readonly library: string = join(this.#folder, "kill-point.so");

	constructor() {
		const source = join(import.meta.dirname, "kill-point.c");
		execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", this.library, source]);
	}

	/**
	 * Runs the program once undisturbed, then once for every step, which ends one of its processes.
	 *
	 * @param sample - Of the steps, every how many-eth, and the first of these.
	 */
	async matrix(
		program: KilledProgram,
		{ every = 1, first = 0 }: { readonly every?: number; readonly first?: number } = {},
	): Promise<KillMatrixResult> {
		const steps = await this.#steps(program);
		const failures: string[] = [];
		let [kills, hits, slowestMs] = [0, 0, 0];
		for (const [number, step] of steps.entries()) {
			if (extent === undefined && number % every !== first) continue;
			for (const [target, signal] of combinations(step, number)) {
				const log = this.#log();
				const before = machineState();
				await this.#run(program, {
					KILL_LOG: log,
					KILL_AT: `${step.role} ${step.index}`,
					KILL_TARGET: target,
					KILL_SIGNAL: String(constants.signals[signal]),
				});
				const { left, afterMs } = await settled(program.folder, before);
				kills++;
				if (
					read(log).some((seen) => seen.role === step.role && seen.index === step.index)
				) {
					hits++;
				}
				slowestMs = Math.max(slowestMs, afterMs);
				if (left.length > 0) {
					const where = `${step.role} ${step.index} ${step.call}`;
					failures.push(`${signal} to ${target} after ${where}: ${left.join(", ")}`);
				}
			}
		}
		return { steps, kills, hits, slowestMs, failures };
	}

	[Symbol.dispose](): void {
		rmSync(this.#folder, { recursive: true });
	}

	async #steps(program: KilledProgram): Promise<Step[]> {
		const log = this.#log();
		const before = machineState();
		const { code, output } = await this.#run(program, { KILL_LOG: log });
		if (code !== 0) throw new Error(`it fails without a kill, too: ${output}`);
		const { left } = await settled(program.folder, before);
		if (left.length > 0) throw new Error(`left without a kill: ${left.join(", ")}`);
		return read(log);
	}

	async #run(
		{ file = cliFile, args, folder }: KilledProgram,
		environment: Readonly<Record<string, string>>,
	): Promise<{ readonly code: number | null; readonly output: string }> {
		mkdirSync(join(folder, temporary), { recursive: true });
		// A group of its own: a signal to the group is none to us.
		const child = spawn(process.execPath, [file, ...args], {
			cwd: folder,
			detached: true,
			env: {
				PATH: process.env["PATH"],
				TMPDIR: join(folder, temporary),
				LD_PRELOAD: this.library,
				...environment,
			},
			stdio: ["ignore", "pipe", "pipe"],
		});
		let output = "";
		for (const stream of [child.stdout, child.stderr]) {
			stream.setEncoding("utf8").on("data", (text: string) => (output += text));
		}
		const timer = setTimeout(() => child.kill("SIGKILL"), 20_000 * slowness);
		// Not "close": what is left behind may have our pipes.
		const code = await new Promise<number | null>((resolve, reject) => {
			child.on("error", reject);
			child.on("exit", resolve);
		});
		clearTimeout(timer);
		return { code, output };
	}

	#log(): string {
		const log = join(this.#folder, "steps.log");
		rmSync(log, { force: true });
		return log;
	}
}

/** For the nth step: all, or another one each time, so that every call sees most of them in one of the stacks. */
function combinations({ role }: Step, number: number): (readonly [Target, NodeJS.Signals])[] {
	// The parent of the host is this process.
	const able = targets.filter((target) => role !== "host" || target !== "parent");
	const all = able.flatMap((target) => signals.map((signal) => [target, signal] as const));
	return extent === "full" ? all : [all[(number * 5) % all.length] as (typeof all)[number]];
}

function read(log: string): Step[] {
	if (!existsSync(log)) return [];
	const lines = readFileSync(log, "utf8").trimEnd().split("\n");
	return lines.map((line) => {
		const [role = "", index = "", call = ""] = line.split(" ");
		return { role, index: Number(index), call };
	});
}

/** What a run could leave that has no folder to be recognised by. */
interface MachineState {
	readonly mappings: readonly string[];
	readonly keys: readonly string[];
	readonly mounts: readonly string[];
	readonly files: readonly string[];
}

function machineState(): MachineState {
	return {
		mappings: names("/sys/block").flatMap((name) => {
			return name.startsWith("dm-") ? (text(`/sys/block/${name}/dm/name`) ?? []) : [];
		}),
		keys: (text("/proc/keys") ?? "").split("\n").filter((line) => line.includes("cryptsetup")),
		mounts: ownMounts(),
		// What others make there meanwhile has other names.
		files: ["/dev", "/dev/mapper", "/run", "/run/cryptsetup", "/run/lock", "/run/lvm"]
			.flatMap((folder) => names(folder).map((name) => `${folder}/${name}`))
			.filter((path) => /devhost|cryptsetup|lvm/.test(path)),
	};
}

/** The folder for temporary files, in the program's. */
const temporary = "temporary";

/** Waits a second at most until nothing is left. */
async function settled(
	folder: string,
	before: MachineState,
): Promise<{ readonly left: readonly string[]; readonly afterMs: number }> {
	const startMs = performance.now();
	const endMs = startMs + 1_000 * Math.sqrt(slowness);
	for (;;) {
		const left = leftovers(folder, before);
		const nowMs = performance.now();
		if (left.length === 0 || nowMs > endMs) return { left, afterMs: nowMs - startMs };
		await delay(10);
	}
}

function leftovers(folder: string, before: MachineState): string[] {
	const after = machineState();
	const newer = (key: keyof MachineState): string[] =>
		after[key].filter((name) => !before[key].includes(name));
	return [
		...names(join(folder, temporary)).map((name) => `temporary file ${name}`),
		...boundTo(folder).map((name) => `bound ${name}`),
		...strayPartitions().map((name) => `partition ${name}`),
		...newer("mappings").map((name) => `mapping ${name}`),
		...newer("keys").map((line) => `key ${line}`),
		...newer("files").map((path) => `file ${path}`),
		...newer("mounts").map((line) => `mount ${line}`),
		...processesIn(folder).map((pid) => `process ${pid} ${commandOf(pid)}`),
		...keepers().map((pid) => `process ${pid} ${commandOf(pid)}`),
	];
}

/** Loop devices on files of the folder, or on files that are deleted: what is in a tmpfs of a dead namespace. */
function boundTo(folder: string): string[] {
	return names("/sys/block").filter((name) =>
		text(`/sys/block/${name}/loop/backing_file`)?.startsWith(folder),
	);
}

/** Partitions that have outlived what a loop device was bound to, in the way of who has it next. */
function strayPartitions(): string[] {
	return names("/sys/class/block").filter((name) => {
		const [, loop] = /^(loop\d+)p\d+$/.exec(name) ?? [];
		return loop !== undefined && !names(`/sys/block/${loop}`).includes("loop");
	});
}

/** Programs of ours that have no file in the folder open. */
function keepers(): number[] {
	return names("/proc")
		.filter((name) => /^\d+$/.test(name))
		.map(Number)
		.filter((pid) => /keep-mapping|cryptsetup|lvchange|service\.cjs/.test(commandOf(pid)))
		.filter((pid) => text(`/proc/${pid}/environ`)?.includes("KILL_LOG") ?? true);
}

function commandOf(pid: number): string {
	return text(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ").trim() ?? "";
}

function names(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch {
		return []; // not on this machine
	}
}

function text(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8").trimEnd();
	} catch {
		return undefined; // gone meanwhile
	}
}
