import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe } from "vitest";
import { executable, type Place } from "./place.ts";

/** Where osbuild's sources are; empty where they are not. */
export const checkout: string = process.env["OSBUILD_CHECKOUT"] ?? "";

/** Tests with osbuild itself. */
export function describeWithOsbuild(name: string, body: () => void): void {
	describe(name, () => {
		beforeEach(({ skip }) => skip(checkout === "", "impossible here: no OSBUILD_CHECKOUT"));
		body();
	});
}

/** A device or a mount, and the executable that it is made by. */
interface Described {
	readonly name: string;
	readonly type: string;
	readonly options?: object;
}

/** What osbuild's managers have done. */
export interface Managed {
	readonly devices: Readonly<Record<string, { readonly path: string }>>;
	readonly mounts: Readonly<Record<string, { readonly path?: string }>>;
	readonly ran: { readonly status: number; readonly output: string };
	readonly log: readonly string[];
}

/** Has osbuild's own managers open and mount with our executables, run a shell script (its first argument is where mounts are), and close. */
export function manage(
	place: Place,
	job: {
		readonly devices: readonly (Described & { readonly parent?: string })[];
		readonly mounts?: readonly (Described & {
			readonly source?: string;
			readonly target: string;
			readonly partition?: number;
		})[];
		readonly script: string;
	},
): Managed {
	const library = new Library(place.folder);
	const input = {
		dev: place.dev,
		tree: place.tree,
		root: place.root,
		devices: job.devices.map((each) => ({
			options: {},
			...each,
			program: library.device(each.type),
		})),
		mounts: job.mounts?.map((each) => ({ ...each, program: library.mount(each.type) })),
		run: ["sh", "-ec", job.script, "sh", place.root, place.dev, place.tree],
	};
	const output = execFileSync("python3", [`${import.meta.dirname}/osbuild_managers.py`], {
		input: JSON.stringify(input),
		env: { ...process.env, PYTHONPATH: checkout },
		encoding: "utf8",
	});
	return JSON.parse(output) as Managed;
}

/** Ours under osbuild's names. */
class Library {
	readonly #folder: string;

	constructor(folder: string) {
		this.#folder = join(folder, "lib");
		mkdirSync(this.#folder, { recursive: true });
	}

	device(type: string): string {
		return this.#link(type, executable(devices[type] ?? type));
	}

	mount(type: string): string {
		return this.#link(type, executable("mount"));
	}

	#link(type: string, target: string): string {
		const path = join(this.#folder, type);
		try {
			symlinkSync(target, path);
		} catch {
			// It is there.
		}
		return path;
	}
}

const devices: Readonly<Record<string, string>> = {
	"org.osbuild.loopback": "loopback",
	"org.osbuild.luks2": "luks2",
	"org.osbuild.lvm2.lv": "lvm2",
};
