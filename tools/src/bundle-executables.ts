import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { build, transform, type Metafile, type OutputFile, type Plugin } from "esbuild";
import { chunkHead } from "./chunk-script.ts";

/** What {@link bundleExecutables} bundles, and how. */
export interface BundleOptions {
	/** The package whose executables are bundled. */
	readonly packageFolder: string;
	/** Sources of the executables, relative to the package: `src/cli.ts` becomes `dist/cli.cjs`. */
	readonly entries: readonly string[];
	/** Packages that stay outside, to be resolved by Node when they are needed. */
	readonly external?: readonly string[];
	/** What an executable may have to load before its first line runs, in bytes. @default 100,000 */
	readonly limitBytes?: number;
	/** Whether files are written, or only measured. @default true */
	readonly write?: boolean;
	/** Where the executables go, relative to the package, one folder below it. @default "dist" */
	readonly outFolder?: string;
}

/** What became of the executables. */
export interface BundleResult {
	/** Sentences about executables that break a rule; empty when all is well. */
	readonly problems: readonly string[];
	/** For each executable, relative to the package, the bytes that are loaded at its start. */
	readonly startBytes: Readonly<Record<string, number>>;
}

const target = "node24";
// esbuild does not know yet that Node has it since 24.
const supported = { using: true };

/**
 * Bundles executables as CommonJS, which Node starts 2 to 3 ms sooner than ESM.
 *
 * What is imported dynamically (`await import("./graph-command.ts")`) becomes a chunk of its own that is loaded when
 * that line runs, and what several of them need becomes a chunk that they share, so that no module exists twice.
 *
 * Beside each chunk is its code cache: compiling is most of what a start costs beyond Node's own. It is for the V8 that made
 * it; any other one compiles, as it would without.
 *
 * `import.meta.url`, `.filename`, `.dirname` and `.resolve()` mean what they mean in the unbundled `dist`: a module of another package
 * finds its own package's files, wherever that is installed.
 *
 * @throws Error with esbuild's messages when something cannot be bundled.
 */
export async function bundleExecutables(options: BundleOptions): Promise<BundleResult> {
	const { packageFolder, entries, external = [], limitBytes = 100_000 } = options;
	const dist = join(packageFolder, options.outFolder ?? "dist");

	// esbuild splits ESM only. So it bundles and splits as ESM, and each piece is then translated to CommonJS by itself.
	const result = await build({
		absWorkingDir: packageFolder,
		entryPoints: [...entries],
		outdir: dist,
		outExtension: { ".js": ".cjs" },
		entryNames: "chunk-[name]-[hash]",
		chunkNames: "chunk-[name]-[hash]",
		bundle: true,
		splitting: true,
		format: "esm",
		platform: "node",
		target,
		supported,
		// V8 reads all of it at every start. Whoever needs to read a stack trace has the source maps.
		minify: true,
		sourcemap: "inline",
		sourcesContent: false,
		legalComments: "none",
		external: [...external],
		metafile: true,
		write: false,
		logLevel: "silent",
		plugins: [importMetaPlugin(packageFolder)],
	});

	const files = await Promise.all(result.outputFiles.map(toCommonJs));
	const bytes = new Map(files.map((file) => [relative(packageFolder, file.path), file.bytes]));
	const executables = findExecutables(result.metafile);
	const shebangs = new Map(
		result.outputFiles.map(({ path, text }) => [path, shebang.exec(text)?.[0]]),
	);
	if (options.write ?? true) {
		await removeChunks(dist);
		await mkdir(dist, { recursive: true });
		for (const file of files) await writeChunk(file);
		if (files.some(({ text }) => text.includes(importModule))) {
			await writeFile(join(dist, importModule), "module.exports = (name) => import(name);\n");
		}
		await writeCodeCaches(files.map(({ path }) => path));
		for (const [file, chunk] of executables) {
			const path = join(packageFolder, chunk);
			await writeExecutable(join(packageFolder, file), path, shebangs.get(path));
		}
		await writeLicenses(packageFolder, dist, result.metafile);
	}

	const startBytes = measureStart(executables, result.metafile, bytes);
	const problems = Object.entries(startBytes)
		.filter(([, startSize]) => startSize > limitBytes)
		.map(([file, startSize]) =>
			tooLarge(
				{ file, chunk: executables.get(file) as string },
				startSize,
				limitBytes,
				result.metafile,
			),
		);
	return { problems, startBytes };
}

interface CommonJsFile {
	readonly path: string;
	readonly text: string;
	readonly map: string;
	readonly bytes: number;
}

// The executable's, not its chunk's, which begins with an empty line instead.
const shebang = /^#!.*/;

async function toCommonJs({ path, text: source }: OutputFile): Promise<CommonJsFile> {
	const module = exportValues(callRealImports(source.replace(shebang, "")));
	const { code, map } = await transform(module, {
		format: "cjs",
		platform: "node",
		target,
		// import() of a chunk becomes a promise of require(), which costs no ESM loader.
		supported: { ...supported, "dynamic-import": false },
		// An uncaught error shows the line that threw: not 90 kB of it.
		lineLimit: 200,
		minify: true,
		sourcemap: "external",
		sourcesContent: false,
		sourcefile: path,
	});
	const text = `${chunkHead}\n${code}})\n//# sourceMappingURL=${basename(path)}.map\n`;
	return { path, text, map: afterOneLine(map), bytes: Buffer.byteLength(text) };
}

/**
 * Has a chunk export values, not variables.
 *
 * esbuild would make two functions for each of what a chunk exports, and whoever uses it would call both, each time: a seventh of all
 * calls of a run with many devices. The linter makes sure that nothing is exported that is assigned a second time, and that
 * modules do not need each other in a circle.
 */
function exportValues(code: string): string {
	return code.replace(
		/\bexport\s*\{([^{}]*)\};?(?=\s*(\/\/# sourceMappingURL=.*)?\s*$)/,
		(_, names) => {
			const values = (names as string).split(",").map((name) => {
				const [local, exported = local] = name.trim().split(/\s+as\s+/);
				return `${exported}:${local}`;
			});
			return `module.exports={${values.join(",")}};`;
		},
	);
}

/** The map of a text with one more line before it. */
function afterOneLine(map: string): string {
	const fields = JSON.parse(map) as { readonly mappings: string };
	return JSON.stringify({ ...fields, mappings: `;${fields.mappings}` });
}

async function writeChunk({ path, text, map }: CommonJsFile): Promise<void> {
	await writeFile(path, text);
	await writeFile(`${path}.map`, map);
}

/** In a process of its own, and without settings of ours, which would be those of the cache. */
async function writeCodeCaches(chunks: readonly string[]): Promise<void> {
	const program = join(import.meta.dirname, "write-code-cache.ts");
	await promisify(execFile)(process.execPath, [program, ...chunks], { env: {} });
}

/** Writes what people start: the loader of chunks, with the first one. */
async function writeExecutable(
	path: string,
	chunk: string,
	firstLine: string | undefined,
): Promise<void> {
	await build({
		entryPoints: [join(import.meta.dirname, "chunk-loader.ts")],
		outfile: path,
		bundle: true,
		format: "cjs",
		platform: "node",
		// Whoever has an older Node than an executable needs is told so by its first chunk.
		target: "node12",
		minify: true,
		define: { firstChunk: JSON.stringify(`./${basename(chunk)}`) },
		external: ["./chunk-*.cjs"],
		...(firstLine !== undefined && { banner: { js: firstLine } }),
		logLevel: "silent",
	});
	if (firstLine !== undefined) await chmod(path, 0o755);
}

/**
 * What is neither a chunk nor part of Node is imported by a module that Node itself has loaded: only an import() there takes
 * the URL of a file, or a module that awaits.
 */
function callRealImports(code: string): string {
	return code.replaceAll(/\bimport\((?!"(?:\.\/|node:))/g, `require("./${importModule}")(`);
}

const importModule = "import-module.cjs";

async function removeChunks(dist: string): Promise<void> {
	const names = await readdir(dist).catch(() => []);
	const chunks = names.filter(
		(name) => /^chunk-.*\.cjs(\.map|\.cache)?$/.test(name) || name === importModule,
	);
	await Promise.all(chunks.map((name) => rm(join(dist, name), { force: true })));
}

/** The executables and the first chunk of each. */
function findExecutables({ outputs }: Metafile): Map<string, string> {
	const found = new Map<string, string>();
	for (const [chunk, { entryPoint }] of Object.entries(outputs)) {
		if (entryPoint === undefined || isDynamicEntry(chunk, outputs)) continue;
		const name = basename(entryPoint).replace(/\.ts$/, ".cjs");
		found.set(join(dirname(chunk), name), chunk);
	}
	return found;
}

/** Bytes of every executable and of the chunks that it imports at its start. */
function measureStart(
	executables: ReadonlyMap<string, string>,
	{ outputs }: Metafile,
	bytes: ReadonlyMap<string, number>,
): Record<string, number> {
	const result: Record<string, number> = {};
	for (const [file, chunk] of executables) {
		const loaded = startFiles(chunk, outputs);
		result[file] = loaded.reduce((sum, each) => sum + (bytes.get(each) ?? 0), 0);
	}
	return result;
}

function isDynamicEntry(file: string, outputs: Metafile["outputs"]): boolean {
	return Object.values(outputs).some(({ imports }) =>
		imports.some(({ path, kind }) => path === file && kind === "dynamic-import"),
	);
}

function startFiles(file: string, outputs: Metafile["outputs"]): string[] {
	const found = new Set([file]);
	for (const each of found) {
		for (const { path, kind } of outputs[each]?.imports ?? []) {
			if (kind === "import-statement" && path in outputs) found.add(path);
		}
	}
	return [...found];
}

function tooLarge(
	{ file, chunk }: { readonly file: string; readonly chunk: string },
	bytes: number,
	limitBytes: number,
	{ outputs }: Metafile,
): string {
	const inputs = startFiles(chunk, outputs)
		.flatMap((each) => Object.entries(outputs[each]?.inputs ?? {}))
		.map(([path, { bytesInOutput }]) => ({ path, bytes: bytesInOutput }))
		.toSorted((a, b) => b.bytes - a.bytes)
		.slice(0, 8)
		.map((input) => `  ${kilobytes(input.bytes).padStart(9)}  ${input.path}`);
	return [
		`${file}: loads ${kilobytes(bytes)} at its start, the limit is ${kilobytes(limitBytes)}. Import what is not always needed where it is needed: await import("./…").`,
		"The largest parts:",
		...inputs,
	].join("\n");
}

function kilobytes(bytes: number): string {
	return `${(bytes / 1000).toFixed(1)} kB`;
}

/**
 * Gives every module the `import.meta` that it would have in its own package's `dist`.
 *
 * A bundle is one file in one package; without this the addon would be looked for beside the bundle.
 */
function importMetaPlugin(packageFolder: string): Plugin {
	return {
		name: "import-meta",
		setup({ onLoad }) {
			// Read at every start: executables say which version they are, and what options they take, but not what hosts want to know.
			onLoad({ filter: /[/\\](package|device)\.json$/ }, async ({ path }) => {
				const all = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
				const { name, version, types, options } = all;
				return {
					contents: JSON.stringify({ name, version, types, options }, withoutWords),
					loader: "json",
				};
			});
			onLoad({ filter: /\.[cm]?[jt]s$/ }, async ({ path }) => {
				const source = await readFile(path, "utf8");
				if (!source.includes("import.meta.")) return undefined;
				const own = await owningPackage(path);
				const inside = relative(own.folder, path)
					.replace(/^src\b/, "dist")
					.replace(/\.ts$/, ".js");
				const folder =
					own.folder === packageFolder
						? `require("node:path").dirname(__dirname)`
						: installedFolder(own.name);
				const filename = `require("node:path").join(${folder},${JSON.stringify(inside.split(sep).join("/"))})`;
				return {
					contents: replaceImportMeta(source, filename),
					loader: path.endsWith("ts") ? "ts" : "js",
					resolveDir: dirname(path),
				};
			});
		},
	};
}

/** Leaves out what messages of hosts say of options, which hosts read in the file itself. */
function withoutWords(key: string, value: unknown): unknown {
	return key === "x-expected" ? undefined : value;
}

/**
 * An expression for the folder of a package that the bundle's package depends on. Mostly it is where it is looked for first;
 * Node's own search takes 3 ms.
 */
function installedFolder(name: string): string {
	const beside = `require("node:path").join(__dirname,"../node_modules",${JSON.stringify(name)})`;
	const found = `require("node:path").dirname(require.resolve(${JSON.stringify(`${name}/package.json`)}))`;
	return `(()=>{try{return require("node:fs").realpathSync(${beside})}catch{return ${found}}})()`;
}

/**
 * Replaces the members of `import.meta` by what they mean for a CommonJS file that stands for the module `filename`.
 *
 * @param filename - An expression.
 */
export function replaceImportMeta(source: string, filename: string): string {
	// As a computed member, which esbuild does not take for a file to resolve while it bundles.
	const lazily = filename.replaceAll("require.resolve(", `require["resolve"](`);
	const url = `require("node:url").pathToFileURL(${lazily}).href`;
	return source
		.replaceAll(/\bimport\.meta\.url\b/g, url)
		.replaceAll(/\bimport\.meta\.filename\b/g, lazily)
		.replaceAll(/\bimport\.meta\.dirname\b/g, `require("node:path").dirname(${lazily})`)
		.replaceAll(
			/\bimport\.meta\.resolve\(/g,
			`((name)=>require("node:url").pathToFileURL(require("node:module").createRequire(${lazily}).resolve(name)).href)(`,
		);
}

interface OwningPackage {
	readonly name: string;
	readonly folder: string;
}

async function owningPackage(path: string): Promise<OwningPackage> {
	for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
		const text = await readFile(join(folder, "package.json"), "utf8").catch(() => undefined);
		const name = text === undefined ? undefined : (JSON.parse(text) as { name?: string }).name;
		if (name !== undefined) return { name, folder };
	}
	throw new Error(`${path}: belongs to no package`);
}

/** Writes the licences of other people's code in the bundle, which ask to go where it goes, to `licenses.txt` beside it. */
async function writeLicenses(
	packageFolder: string,
	dist: string,
	{ inputs }: Metafile,
): Promise<void> {
	const foreign = new Map<string, OwningPackage>();
	for (const input of Object.keys(inputs)) {
		const path = join(packageFolder, input);
		if (!path.includes(`${sep}node_modules${sep}`)) continue;
		const owner = await owningPackage(path);
		foreign.set(owner.name, owner);
	}
	const file = join(dist, "licenses.txt");
	if (foreign.size === 0) return await rm(file, { force: true });

	const texts = [...foreign.values()]
		.toSorted((a, b) => (a.name < b.name ? -1 : 1))
		.map(async ({ name, folder }) => {
			const names = await readdir(folder);
			const license = names.find((each) => /^licen[cs]e(\.(md|txt))?$/i.test(basename(each)));
			const text = license
				? await readFile(join(folder, license), "utf8")
				: "(no licence file)";
			return `${name}\n${"-".repeat(name.length)}\n${text.trim()}\n`;
		});
	await writeFile(file, (await Promise.all(texts)).join("\n\n"));
}
