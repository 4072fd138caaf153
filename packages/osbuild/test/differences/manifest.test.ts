import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, onTestFinished, test } from "vitest";
import { checkout } from "../service/checkout.ts";

const devhost = new URL("../../../../node_modules/.bin/devhost", import.meta.url).pathname;

const noop = { type: "org.osbuild.noop" };
const loop = (options: object = {}) => ({
	type: "org.osbuild.loopback",
	options: { filename: "disk.img", ...options },
});
const onDisk = (type: string, more: object = {}) => {
	return { name: "a", type: `org.osbuild.${type}`, source: "disk", target: "/", ...more };
};

/** A manifest of one stage. */
function stage(more: object): object {
	return { version: "2", pipelines: [{ name: "image", stages: [{ ...noop, ...more }] }] };
}

/** What `devhost check` finds wrong: a line for each. */
function checked(manifest: object): string[] {
	const folder = mkdtempSync(join(tmpdir(), "devhost-manifest-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const file = join(folder, "manifest.json");
	writeFileSync(file, JSON.stringify(manifest));
	mkdirSync(join(folder, "tree"));
	writeFileSync(join(folder, "tree/disk.img"), "");
	truncateSync(join(folder, "tree/disk.img"), 2 ** 20);
	const libdir = join(folder, "lib");
	mkdirSync(join(libdir, "stages"), { recursive: true });
	const program = join(libdir, "stages", noop.type);
	writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
	const any = { type: "object", additionalProperties: true };
	const schema = { options: any, inputs: any };
	const meta = { summary: "Does nothing", description: ["Nothing."], schema_2: schema };
	writeFileSync(`${program}.meta.json`, JSON.stringify(meta));

	const argv = ["check", "--json", "--libdir", libdir, "--pipeline", "image", file];
	const { stdout } = spawnSync(devhost, argv, { encoding: "utf8" });
	const events = stdout
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line) as { event: string; code: string; path: string });
	return events
		.filter(({ event }) => event === "problem")
		.map((problem) => JSON.stringify(problem));
}

interface Opinion {
	readonly version: string;
	readonly errors: readonly string[];
	readonly raised: string | null;
}

function osbuildSays(manifest: object): Opinion {
	const program = `${import.meta.dirname}/osbuild_formats.py`;
	const output = execFileSync("python3", [program, checkout], {
		input: JSON.stringify(manifest),
		env: { ...process.env, PYTHONPATH: checkout },
		encoding: "utf8",
	});
	return JSON.parse(output) as Opinion;
}

const isThere =
	checkout !== "" &&
	spawnSync("python3", ["-c", "import osbuild.meta"], {
		env: { ...process.env, PYTHONPATH: checkout },
	}).status === 0;

/**
 * A row of docs/osbuild-differences.md about what is said of a manifest before anything runs.
 *
 * @param says - What is in the one problem that each finds; undefined: it finds none.
 */
function difference(
	id: string,
	manifest: object,
	says: { readonly devhost: RegExp | undefined; readonly osbuild: RegExp | undefined },
): void {
	test(`${id}: devhost`, { timeout: 60_000 }, ({ expect }) => {
		const problems = checked(manifest);
		expect(problems).toEqual(
			says.devhost === undefined ? [] : [expect.stringMatching(says.devhost)],
		);
	});
	test(`${id}: osbuild`, { timeout: 60_000 }, ({ expect, skip }) => {
		skip(!isThere, "impossible here: no OSBUILD_CHECKOUT, or not what it needs");
		const { errors, raised } = osbuildSays(manifest);
		const found = [...errors, ...(raised === null ? [] : [raised])];
		if (says.osbuild === undefined) expect(found).toEqual([]);
		else expect(found.join("\n")).toMatch(says.osbuild);
	});
}

describe("what is refused before anything runs", () => {
	difference(
		"manifest-version-1",
		{ pipeline: { stages: [{ name: noop.type }] } },
		{ devhost: /ERR_MANIFEST_OSBUILD.*version 1/, osbuild: undefined },
	);

	difference(
		"manifest-type-path",
		stage({ devices: { disk: { type: "../stages/org.osbuild.noop" } } }),
		{
			devhost: /ERR_DEVICE_TYPE/,
			osbuild: undefined,
		},
	);

	difference("manifest-stage-path", stage({ type: "../stages/org.osbuild.noop" }), {
		devhost: /ERR_MANIFEST_OSBUILD.*is not the name of a stage/,
		osbuild: undefined,
	});

	const luks2 = { type: "org.osbuild.luks2", options: { passphrase: "x" } };

	difference("manifest-parent-missing", stage({ devices: { luks: luks2 } }), {
		devhost: /ERR_DEVICE_PARENT/,
		osbuild: undefined,
	});

	difference(
		"manifest-parent-unwanted",
		stage({
			devices: { disk: loop({ size: 8 }), other: { ...loop({ start: 8 }), parent: "disk" } },
		}),
		{ devhost: /ERR_DEVICE_PARENT/, osbuild: undefined },
	);

	difference(
		"manifest-options-missing",
		stage({ devices: { disk: { type: "org.osbuild.loopback" } } }),
		{
			devhost: /ERR_DEVICE_OPTIONS.*filename is missing/,
			osbuild: undefined,
		},
	);

	difference("manifest-sectors", stage({ devices: { disk: loop({ start: -1 }) } }), {
		devhost: /ERR_DEVICE_OPTIONS.*start/,
		osbuild: undefined,
	});

	difference("manifest-range", stage({ devices: { disk: loop({ start: 2000, size: 100 }) } }), {
		devhost: /ERR_DEVICE_OUT_OF_RANGE|ERR_MANIFEST_RANGE/,
		osbuild: undefined,
	});

	difference(
		"manifest-same-target",
		stage({
			devices: { disk: loop() },
			mounts: [onDisk("ext4"), onDisk("ext4", { name: "b" })],
		}),
		{ devhost: /ERR_MANIFEST_DUPLICATE/, osbuild: undefined },
	);

	difference(
		"manifest-no-stages",
		{ version: "2", pipelines: [{ name: "image" }] },
		{ devhost: /has no stages/, osbuild: undefined },
	);

	const tree = { type: "org.osbuild.tree", origin: "org.osbuild.pipeline" };

	difference(
		"manifest-input-tree",
		{
			version: "2",
			pipelines: [
				{ name: "files", stages: [noop] },
				{
					name: "image",
					stages: [
						{ ...noop, inputs: { files: { ...tree, references: ["name:files"] } } },
					],
				},
			],
		},
		{ devhost: /ERR_MANIFEST_OSBUILD.*--input files=DIRECTORY/, osbuild: undefined },
	);

	const file = `sha256:${createHash("sha256").update("x").digest("hex")}`;
	const files = { type: "org.osbuild.files", origin: "org.osbuild.source", references: [file] };

	difference(
		"manifest-inputs",
		{
			...stage({ inputs: { files } }),
			sources: {
				"org.osbuild.inline": { items: { [file]: { encoding: "base64", data: "eA==" } } },
			},
		},
		{ devhost: /ERR_MANIFEST_OSBUILD.*input of type org.osbuild.files/, osbuild: undefined },
	);
});

describe("what is taken that osbuild refuses", () => {
	difference("manifest-direct-io", stage({ devices: { disk: loop({ "direct-io": true }) } }), {
		devhost: undefined,
		osbuild: /'direct-io' was unexpected/,
	});

	const secret = {
		type: "org.osbuild.luks2",
		parent: "disk",
		options: { passphrase: { env: "X" } },
	};

	difference("manifest-secret", stage({ devices: { disk: loop(), luks: secret } }), {
		devhost: undefined,
		osbuild: /\{'env': 'X'\} is not of type 'string'/,
	});

	difference(
		"manifest-devhost-types",
		stage({ devices: { disk: { ...loop(), type: "devhost.loopback" } } }),
		{ devhost: undefined, osbuild: /could not find schema information for 'devhost.loopback'/ },
	);

	difference(
		"manifest-erofs-partition",
		stage({
			devices: { disk: loop({ partscan: true }) },
			mounts: [onDisk("erofs", { partition: 1 })],
		}),
		{ devhost: undefined, osbuild: /'partition' was unexpected/ },
	);

	const { pipelines } = stage({}) as { pipelines: object[] };

	difference(
		"manifest-sources",
		{ version: "2", pipelines, sources: { "org.osbuild.none": {} } },
		{ devhost: undefined, osbuild: /could not find schema information for 'org.osbuild.none'/ },
	);

	difference(
		"manifest-other-pipelines",
		{
			version: "2",
			pipelines: [{ name: "build", stages: [{ type: "org.osbuild.none" }] }, ...pipelines],
		},
		{ devhost: undefined, osbuild: /could not find schema information for 'org.osbuild.none'/ },
	);
});
