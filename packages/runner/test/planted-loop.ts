import { execFileSync } from "node:child_process";
import { constants, existsSync, readFileSync } from "node:fs";
import {
	deletePartition,
	type Fd,
	isSysError,
	LO_FLAGS_AUTOCLEAR,
	loopClear,
	loopConfigure,
	loopGetFree,
	loopStatus,
	openat2,
} from "@devhost/linux";

/** A loop device that a test has made, and that goes after the test whatever its flags are. */
export interface PlantedLoop extends Disposable {
	/** `loop3`. */
	readonly name: string;
	/** `/dev/loop3`. */
	readonly path: string;
	/** What there is to see of it; undefined when it is not bound any more, or for somebody else. */
	state(): object | undefined;
}

/** How {@link plantLoop} binds. */
export interface PlantOptions {
	readonly file: string;
	readonly tag: string;
	/** Whether it goes with its last descriptor. @default false */
	readonly autoclear?: boolean;
}

/** Binds a file to a free loop device with this tag, and lets go of it: without `autoclear` it stays. */
export async function plantLoop(options: PlantOptions): Promise<PlantedLoop> {
	const [planted, loop] = await bindLoop(options);
	loop.close();
	return planted;
}

/** As {@link plantLoop}, with the descriptor that holds it. */
export async function bindLoop({
	file,
	tag,
	autoclear = false,
}: PlantOptions): Promise<[PlantedLoop, Fd]> {
	using control = openat2(-100, "/dev/loop-control", { flags: constants.O_RDWR });
	using backing = openat2(-100, file, { flags: constants.O_RDWR });
	const flags = autoclear ? LO_FLAGS_AUTOCLEAR : 0;
	const config = { file: backing, offsetBytes: 0, sizeBytes: 0, sectorBytes: 512, flags, tag };
	for (let attempt = 0; ; attempt++) {
		const name = `loop${await loopGetFree(control)}`;
		const loop = openat2(-100, `/dev/${name}`, { flags: constants.O_RDWR });
		try {
			await loopConfigure(loop, config);
		} catch (error) {
			loop.close();
			// Others on this machine may take one between our asking and our binding it.
			if (!isSysError(error, "EBUSY") || attempt > 50) throw error;
			continue;
		}
		return [planted(name), loop];
	}
}

function planted(name: string): PlantedLoop {
	const sequence = attribute(name, "diskseq");
	const path = `/dev/${name}`;
	const isIt = (): boolean =>
		attribute(name, "diskseq") === sequence && existsSync(`/sys/block/${name}/loop`);
	return {
		name,
		path,
		state() {
			if (!isIt()) return undefined;
			using loop = openat2(-100, path, { flags: constants.O_RDONLY });
			return { ...loopStatus(loop), file: attribute(name, "loop/backing_file"), sequence };
		},
		[Symbol.dispose]() {
			if (!isIt()) return;
			using loop = openat2(-100, path, { flags: constants.O_RDONLY });
			// It would stay, for whoever binds the device next.
			if (existsSync(`/sys/block/${name}/${name}p1`)) deletePartition(loop, 1);
			loopClear(loop);
		},
	};
}

function attribute(name: string, attribute: string): string {
	try {
		return readFileSync(`/sys/block/${name}/${attribute}`, "utf8").trimEnd();
	} catch {
		return "";
	}
}

/** The id of a run whose process has ended: nobody else gets its number at that time. */
export function deadRun(): string {
	const module = new URL("../src/run-id.ts", import.meta.url).href;
	const code = `import { newRunId } from ${JSON.stringify(module)}; console.log(newRunId());`;
	const argv = ["--input-type=module", "--eval", code];
	return execFileSync(process.execPath, argv, { encoding: "utf8" }).trim();
}
