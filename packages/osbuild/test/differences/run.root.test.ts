import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeAsRoot, OsbuildLibrary } from "@devhost/tools/testing";
import { type ExpectStatic, test } from "vitest";
import { checkout } from "../service/checkout.ts";

const devhost = new URL("../../../../node_modules/.bin/devhost", import.meta.url).pathname;

/** A stage that runs its option `script`, in the tree, with the paths of its devices. */
const shell = `#!/usr/bin/env python3
import json, os, subprocess, sys
with open("/run/osbuild/api/arguments", encoding="utf8") as file:
    given = json.load(file)
os.chdir(given["tree"])
devices = [device["path"] for device in given["devices"].values()]
sys.exit(subprocess.run(["sh", "-ec", given["options"]["script"], "sh", *devices], check=False).returncode)
`;

interface Ran {
	readonly status: number | null;
	readonly stdout: string;
	/** All that was printed. */
	readonly output: string;
}

/** A folder in which one of the two runs manifests. */
class Builder {
	readonly #library: OsbuildLibrary = new OsbuildLibrary();
	readonly #own: boolean;

	constructor(own: boolean) {
		this.#own = own;
		const { path } = this.#library;
		const any = { type: "object", additionalProperties: true };
		const schema = { options: any, devices: any };
		const meta = { summary: "Runs a script", description: ["For tests."], schema_2: schema };
		mkdirSync(join(path, "stages"));
		writeFileSync(join(path, "stages/org.test.shell"), shell, { mode: 0o755 });
		writeFileSync(join(path, "stages/org.test.shell.meta.json"), JSON.stringify(meta));
		this.#library.add("devices", "org.test.disk");
		mkdirSync(this.tree);
		if (own) return;
		for (const folder of ["osbuild", "runners", "schemas", "devices", "sources"])
			cpSync(join(checkout, folder), join(path, folder), { recursive: true });
		for (const name of ["org.osbuild.truncate", "org.osbuild.truncate.meta.json"])
			cpSync(join(checkout, "stages", name), join(path, "stages", name));
	}

	get tree(): string {
		return join(this.#library.path, "tree");
	}

	/** Runs a pipeline whose stages make a disk and then run these scripts. */
	run(
		stages: readonly {
			readonly script: string;
			readonly device?: object;
			readonly secret?: string;
		}[],
		...argv: readonly string[]
	): Ran {
		const { path } = this.#library;
		const manifest = {
			version: "2",
			pipelines: [
				{
					name: "image",
					stages: [{ script: "truncate --size=1M disk.img" }, ...stages].map(
						({ device, ...options }: { script: string; device?: object }) => ({
							type: "org.test.shell",
							options,
							...(device !== undefined && { devices: { disk: device } }),
						}),
					),
				},
			],
		};
		const file = join(path, "manifest.json");
		writeFileSync(file, JSON.stringify(manifest));
		const how = { encoding: "latin1", cwd: path } as const;
		const { status, stdout, stderr } = this.#own
			? spawnSync(devhost, ["run", "--libdir", path, "--tree", this.tree, ...argv, file], how)
			: spawnSync(
					"python3",
					["-m", "osbuild", "--libdir", path, ...this.#places, ...argv, file],
					{
						...how,
						env: { ...process.env, PYTHONPATH: checkout },
					},
				);
		return { status, stdout, output: stdout + stderr };
	}

	/** A file that was made. */
	made(name: string): string {
		const folder = this.#own ? this.tree : join(this.#library.path, "out/image");
		return readFileSync(join(folder, name), "utf8");
	}

	get #places(): string[] {
		const store = [
			"--store",
			"store",
			"--cache-max-size",
			"unlimited",
			"--checkpoint",
			"image",
		];
		return [...store, "--output-directory", "out", "--export", "image"];
	}
}

/** What osbuild needs of a machine. */
const needs = ["/etc/containers", "/usr/bin/systemd-sysusers", "/usr/bin/systemd-tmpfiles"];
const missing = checkout === "" ? ["OSBUILD_CHECKOUT"] : needs.filter((path) => !existsSync(path));

type Check = (builder: Builder, expect: ExpectStatic) => void;

/** A row of docs/osbuild-differences.md about what runs. */
function difference(id: string, sides: { readonly devhost: Check; readonly osbuild: Check }): void {
	test(`${id}: devhost`, { timeout: 120_000 }, ({ expect }) => {
		sides.devhost(new Builder(true), expect);
		expect.hasAssertions();
	});
	test(`${id}: osbuild`, { timeout: 120_000 }, ({ expect, skip }) => {
		skip(missing.length > 0, `impossible here: no ${missing.join(", ")}`);
		sides.osbuild(new Builder(false), expect);
		expect.hasAssertions();
	});
}

const loop = (options: object = {}) => ({
	type: "org.osbuild.loopback",
	options: { filename: "disk.img", ...options },
});

describeAsRoot("runs", () => {
	const gone = [{ script: "true", device: loop({ filename: "gone.img" }) }];

	difference("run-open-error", {
		devhost(builder, expect) {
			const { status, stdout } = builder.run(gone, "--json");
			expect(status).toBe(3);
			expect(stdout).toContain('"code":"ERR_DEVICE_FILE"');
		},
		osbuild(builder, expect) {
			const { status, stdout, output } = builder.run(gone, "--json");
			expect(status).toBe(1);
			expect(stdout).toBe("");
			expect(output).toContain("Traceback");
		},
	});

	const failing = [
		{
			script: "true",
			device: { type: "org.test.disk", options: { filename: "disk.img", stop: "exit" } },
		},
	];

	difference("run-close-error", {
		devhost(builder, expect) {
			const { status, stdout } = builder.run(failing, "--json");
			expect(status).toBe(4);
			expect(stdout).toContain('"code":"ERR_DEVICE_CLOSE"');
		},
		osbuild(builder, expect) {
			const { status, stdout } = builder.run(failing, "--json");
			expect(status).toBe(0);
			expect(stdout).toContain('"success": true');
		},
	});

	// In its /dev, as other file systems may be `nodev`.
	const node = [{ script: "mknod /dev/disk b 7 0; test -b /dev/disk" }];

	difference("run-mknod", {
		devhost(builder, expect) {
			const { status, output } = builder.run(node);
			expect(status).toBe(1);
			expect(output).toContain("Operation not permitted");
		},
		osbuild(builder, expect) {
			expect(builder.run(node)).toMatchObject({ status: 0 });
		},
	});

	const name = [{ script: "readlink /proc/self/ns/uts >uts" }];
	const machine = readlinkSync("/proc/self/ns/uts");

	difference("run-hostname", {
		devhost(builder, expect) {
			builder.run(name);
			expect(builder.made("uts").trim()).not.toBe(machine);
		},
		osbuild(builder, expect) {
			builder.run(name);
			expect(builder.made("uts").trim()).toBe(machine);
		},
	});

	const text = [{ script: "printf 'no \\377 text\\n'" }];

	difference("run-output", {
		devhost(builder, expect) {
			expect(builder.run(text)).toMatchObject({ status: 0 });
		},
		osbuild(builder, expect) {
			const { status, output } = builder.run(text);
			expect(status).toBe(1);
			expect(output).toContain("UnicodeDecodeError");
		},
	});

	const secret = [{ script: "true", secret: "correct horse" }];

	difference("run-secret", {
		devhost(builder, expect) {
			expect(builder.run(secret, "--verbose").output).not.toContain("correct horse");
			expect(builder.run(secret, "--json").output).not.toContain("correct horse");
		},
		osbuild(builder, expect) {
			expect(builder.run(secret).output).toContain("correct horse");
		},
	});

	const size = (sectors: number) => [
		{ script: 'blockdev --getsz "$1" >sectors', device: loop({ size: sectors }) },
	];

	difference("run-again", {
		devhost(builder, expect) {
			builder.run(size(8));
			builder.run(size(16));
			expect(builder.made("sectors")).toBe("16\n");
		},
		osbuild(builder, expect) {
			builder.run(size(8));
			builder.run(size(16));
			expect(builder.made("sectors")).toBe("8\n");
		},
	});
});
