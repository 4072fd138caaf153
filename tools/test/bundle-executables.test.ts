import {
	existsSync,
	readFileSync,
	readdirSync,
	statSync,
	symlinkSync,
	unlinkSync,
	mkdirSync,
	writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "vitest";
import { bundleExecutables } from "../src/bundle-executables.ts";
import { runCommand } from "../src/run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const manifest = { name: "a", type: "module", sideEffects: false };

test("loads what is imported dynamically when it is needed, and no module twice", async ({
	expect,
}) => {
	const folder = temporaryFolder({
		"package.json": manifest,
		"src/cli.ts": `#!/usr/bin/env node
import { writeSync } from "node:fs";
import { next } from "./count.ts";
writeSync(1, \`start \${next()}\\n\`);
void import("./graph.ts").then(({ graph }) => writeSync(1, graph()));
`,
		"src/graph.ts": `import { next } from "./count.ts";
export function graph(): string { return \`graph \${next()}\\n\`; }
`,
		"src/count.ts": `let count = 0;\nexport function next(): number { return ++count; }\n`,
	});

	const { problems } = await bundleExecutables({
		packageFolder: folder,
		entries: ["src/cli.ts"],
	});
	const { output } = await runCommand(join(folder, "dist/cli.cjs"), [], { cwd: "/" });

	expect(problems).toEqual([]);
	expect(output).toBe("start 1\ngraph 2\n");
	expect(readFileSync(join(folder, "dist/cli.cjs"), "utf8")).not.toContain("graph ");
	expect(statSync(join(folder, "dist/cli.cjs")).mode & 0o111).toBe(0o111);
});

test("chunks export values, which nobody has to call for", async ({ expect }) => {
	const folder = temporaryFolder({
		"package.json": manifest,
		"src/cli.ts": `import { next as following, first } from "./count.ts";
process.stdout.write(String(following(first.number)));
void import("./graph.ts");
`,
		"src/graph.ts": `import { next, first } from "./count.ts";
process.stdout.write(String(next(first.number)));
`,
		"src/count.ts": `export const first = { number: 6 };
export function next(n: number): number { return n + 1; }
`,
	});

	await bundleExecutables({ packageFolder: folder, entries: ["src/cli.ts"] });
	const { output } = await runCommand(process.execPath, [join(folder, "dist/cli.cjs")], {
		cwd: "/",
	});

	expect(output).toBe("77");
	const dist = join(folder, "dist");
	const shared = readdirSync(dist).filter((name) => /^chunk-chunk-.*\.cjs$/.test(name));
	const exported: unknown = createRequire(dist)(join(dist, shared[0] as string));
	const properties = Object.values(Object.getOwnPropertyDescriptors(exported));
	expect(properties).toHaveLength(2);
	expect(properties.filter(({ get }) => get !== undefined)).toEqual([]);
});

test("import.meta means what it means in the unbundled dist, also of another package", async ({
	expect,
}) => {
	const folder = temporaryFolder({
		"package.json": manifest,
		"src/cli/show.ts": `import { where } from "b";
console.log(import.meta.filename, import.meta.dirname, import.meta.url, where, import.meta.resolve("b"));
`,
		"other/package.json": {
			name: "b",
			type: "module",
			exports: { ".": "./dist/index.js", "./package.json": "./package.json" },
		},
		"other/dist/index.js": `export const where = import.meta.filename;\n`,
	});
	mkdirSync(join(folder, "node_modules"));
	symlinkSync(join(folder, "other"), join(folder, "node_modules/b"));

	await bundleExecutables({ packageFolder: folder, entries: ["src/cli/show.ts"] });
	const { output } = await runCommand(process.execPath, [join(folder, "dist/show.cjs")], {
		cwd: "/",
	});

	expect(output.trim().split(" ")).toEqual([
		`${folder}/dist/cli/show.js`,
		`${folder}/dist/cli`,
		`file://${folder}/dist/cli/show.js`,
		`${folder}/other/dist/index.js`,
		`file://${folder}/other/dist/index.js`,
	]);
});

test("a module that is only known later is still imported as one", async ({ expect }) => {
	const folder = temporaryFolder({
		"package.json": manifest,
		"src/cli.ts": `const { value } = await1(process.argv[2]);
function await1(name: string) { void import(name).then((m) => console.log(m.value)); return { value: 0 }; }
void value;
void import("node:child_process").then((m) => console.log(typeof m.default.spawn));
`,
		"later.mjs": "export const value = await Promise.resolve(7);\n",
	});

	await bundleExecutables({ packageFolder: folder, entries: ["src/cli.ts"] });
	const url = `file://${folder}/later.mjs`;
	const { output } = await runCommand(process.execPath, [join(folder, "dist/cli.cjs"), url], {
		cwd: "/",
	});

	expect(output.trim().split("\n").toSorted()).toEqual(["7", "function"]);
});

test("V8 takes the code cache of a chunk; without one, or with a bad one, an executable is the same", async ({
	expect,
}) => {
	const folder = temporaryFolder({
		"package.json": manifest,
		"src/cli.ts": `console.log([1, 2].map((value) => value * 7).join());\n`,
	});

	await bundleExecutables({ packageFolder: folder, entries: ["src/cli.ts"] });

	const dist = join(folder, "dist");
	const chunk = join(dist, readdirSync(dist).find((name) => name.endsWith(".cjs")) as string);
	const look = `import { readFileSync } from "node:fs";
import { chunkScript } from ${JSON.stringify(join(import.meta.dirname, "../src/chunk-script.ts"))};
const [file] = process.argv.slice(1);
const script = chunkScript(readFileSync(file, "latin1"), file, readFileSync(file + ".cache"));
console.log(script.cachedDataRejected);
`;
	const lookArguments = ["--input-type=module", "-e", look, chunk];
	const accepted = await runCommand(process.execPath, lookArguments, { cwd: "/" });
	expect(accepted.output).toBe("false\n");

	const program = join(dist, "cli.cjs");
	const outputs = [];
	for (const change of [
		() => {},
		() => writeFileSync(`${chunk}.cache`, "no cache at all, but long enough to have a header"),
		() => unlinkSync(`${chunk}.cache`),
	]) {
		change();
		outputs.push((await runCommand(process.execPath, [program], { cwd: "/" })).output);
	}
	expect(outputs).toEqual(["7,14\n", "7,14\n", "7,14\n"]);
});

test("a stack trace shows the sources to whoever asks Node for that", async ({ expect }) => {
	const folder = temporaryFolder({
		"package.json": manifest,
		"src/cli.ts": `#!/usr/bin/env node\n\n\nthrow new Error("on line four");\n`,
	});

	await bundleExecutables({ packageFolder: folder, entries: ["src/cli.ts"] });
	const argv = ["--enable-source-maps", join(folder, "dist/cli.cjs")];
	const { output } = await runCommand(process.execPath, argv, { cwd: "/" });

	expect(output).toContain(`${folder}/src/cli.ts:4`);
});

test("tells which parts make an executable too large", async ({ expect }) => {
	const folder = temporaryFolder({
		"package.json": manifest,
		"src/service.ts": `import { text } from "./text.ts";\nconsole.log(text);\n`,
		"src/text.ts": `export const text = "${"x".repeat(2000)}" + process.argv[2];\n`,
	});

	const { problems } = await bundleExecutables({
		packageFolder: folder,
		entries: ["src/service.ts"],
		limitBytes: 1000,
	});

	expect(problems).toHaveLength(1);
	expect(problems[0]).toMatch(
		/^dist\/service\.cjs: loads 2\.\d kB at its start, the limit is 1\.0 kB\./,
	);
	expect(problems[0]).toMatch(/2\.\d kB {2}src\/text\.ts/);
});

test("removes chunks of earlier builds and carries the licences of others", async ({ expect }) => {
	const folder = temporaryFolder({
		"package.json": manifest,
		"src/cli.ts": `import { b } from "b";\nconsole.log(b);\n`,
		"dist/chunk-old-ABCDEFGH.cjs": "",
		"node_modules/b/package.json": { name: "b", main: "b.js" },
		"node_modules/b/b.js": "exports.b = 1;\n",
		"node_modules/b/LICENSE": "Do what you like.\n",
	});

	await bundleExecutables({ packageFolder: folder, entries: ["src/cli.ts"] });

	const names = readdirSync(join(folder, "dist")).map((name) =>
		name.replace(/-[0-9A-Z]{8}\./, "-HASH."),
	);
	expect(names.toSorted()).toEqual([
		"chunk-cli-HASH.cjs",
		"chunk-cli-HASH.cjs.cache",
		"chunk-cli-HASH.cjs.map",
		"cli.cjs",
		"licenses.txt",
	]);
	expect(readFileSync(join(folder, "dist/licenses.txt"), "utf8")).toBe(
		"b\n-\nDo what you like.\n",
	);

	writeFileSync(join(folder, "src/cli.ts"), "console.log(1);\n");
	await bundleExecutables({ packageFolder: folder, entries: ["src/cli.ts"] });

	expect(existsSync(join(folder, "dist/licenses.txt"))).toBe(false);
});
