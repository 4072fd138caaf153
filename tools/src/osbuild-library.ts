import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** A directory of modules as osbuild has it, which goes with the test. */
export class OsbuildLibrary {
	readonly path: string = mkdtempSync(join(tmpdir(), "devhost-library-"));

	constructor() {
		onTestFinished(() => rmSync(this.path, { recursive: true }));
	}

	/**
	 * Adds a module. Returns the path of its program.
	 *
	 * @param options - `meta`: what describes it, or the text of that, or nothing does; `program`: its text, by default that of the module
	 * in `osbuild_module.py`.
	 */
	add(
		folder: "devices" | "mounts",
		type: string,
		options: {
			readonly meta?: object | string | null | undefined;
			readonly program?: string | undefined;
			readonly mode?: number | undefined;
		} = {},
	): string {
		const path = join(this.path, folder, type);
		const { meta = folder === "devices" ? osbuildDevice : osbuildMount } = options;
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, options.program ?? program, { mode: options.mode ?? 0o755 });
		if (meta === null) return path;
		const text = typeof meta === "string" ? meta : JSON.stringify(meta);
		writeFileSync(`${path}.meta.json`, text);
		return path;
	}
}

const program = `#!/usr/bin/env python3
import runpy, sys
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(import.meta.dirname)})
runpy.run_path(${JSON.stringify(join(import.meta.dirname, "osbuild_module.py"))})
`;

const about = { summary: "A module that does what its options say", description: ["For tests."] };

/** What describes the device. */
export const osbuildDevice: object = {
	...about,
	schema: {
		additionalProperties: true,
		properties: {
			filename: { type: "string" },
			count: { type: "integer", minimum: 0, exclusiveMinimum: true, maximum: 253 },
		},
	},
};

/** What describes the mount. */
export const osbuildMount: object = {
	...about,
	schema_2: {
		additionalProperties: false,
		required: ["name", "type"],
		properties: {
			name: { type: "string" },
			type: { type: "string" },
			source: { type: "string" },
			target: { type: "string", pattern: "^/" },
			partition: { type: "number" },
			options: {
				type: "object",
				additionalProperties: true,
				properties: { count: { type: "number" } },
			},
		},
	},
};
