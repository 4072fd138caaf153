#!/usr/bin/env node
/**
 * The main job on real input: from this repository's documentation and sources to a partitioned disk image and to an
 * encrypted one, by `devhost run`; then a proof of every byte, by tools that know nothing of devhost where they can look
 * into it.
 */
import { spawnSync } from "node:child_process";
import { hash, randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const repository = join(import.meta.dirname, "..", "..");
const folder = join(repository, "build", "demo");
const tree = join(folder, "tree");
const image = join(tree, "disk.img");
const encrypted = join(folder, "encrypted");
/** What the manifest adds to the root: files with everything that a file may have. */
const attributes = "attributes";
/** Where the manifest puts the partitions. Bytes. */
const offsetBytes = { esp: 2048 * 512, root: 133_120 * 512 };

const scratch = mkdtempSync(join(tmpdir(), "devhost-demo-"));
try {
	prepare();
	title("devhost run: a partitioned disk, its partitions mounted by their labels");
	devhost(join(folder, "manifest.yaml"));
	title("The proof, without devhost");
	const digest = prove(scratch);
	title("devhost run: an encrypted disk, with volumes in it");
	const passphrase = randomBytes(16).toString("hex");
	devhost(join(encrypted, "manifest.yaml"), passphrase);
	title("The proof: opened again, for reading only, and every file compared");
	devhost(join(encrypted, "read-back.yaml"), passphrase);
	const encryptedDigest = proveEncrypted(passphrase);
	console.log(`\nDigest of all files in the first, the same on every backend: ${digest}`);
	console.log(`Digest of all files in the second:                           ${encryptedDigest}`);
	console.log(`The images: ${image}`);
	console.log(`            ${join(encrypted, "tree", "encrypted.img")}`);
} catch (error) {
	console.error(`\ndemo: ${error instanceof Error ? error.message : String(error)}`);
	process.exitCode = 1;
} finally {
	rmSync(scratch, { recursive: true });
}

/** The input: documentation for the ESP, everything that is source for the root. */
function prepare(): void {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(join(tree, "esp"), { recursive: true });
	const examples = join(repository, "examples");
	cpSync(join(examples, "partitioned-disk", "manifest.yaml"), join(folder, "manifest.yaml"));
	cpSync(join(examples, "encrypted-disk"), encrypted, { recursive: true });
	cpSync(join(repository, "docs"), join(tree, "esp", "docs"), { recursive: true });
	cpSync(join(repository, "LICENSE"), join(tree, "esp", "LICENSE"));
	const leaveOut = new Set([
		"node_modules",
		"build",
		"dist",
		".git",
		".toolchain",
		".turbo",
		"prebuilds",
	]);
	for (const part of ["README.md", "LICENSE", "package.json", "docs", "packages", "tools"]) {
		cpSync(join(repository, part), join(tree, "root", part), {
			recursive: true,
			filter: (source) => !leaveOut.has(source.slice(source.lastIndexOf("/") + 1)),
		});
	}
	cpSync(join(tree, "root"), join(encrypted, "tree", "root"), { recursive: true });
}

/** Shows what it does. The passphrase of a container is in the environment. */
function devhost(manifest: string, passphrase?: string): void {
	const environment = passphrase === undefined ? {} : { PASSPHRASE: passphrase };
	command("npx", ["--no-install", "devhost", "run", manifest], { show: true, environment });
}

/** What can be seen of the second image without device-mapper, and that what was read back is all. Returns a digest of that. */
function proveEncrypted(passphrase: string): string {
	const image = join(encrypted, "tree", "encrypted.img");
	step("the container opens with the passphrase, and with no other", () => {
		const test = ["open", "--test-passphrase", "--disable-locks", "--key-file=-", image];
		command("cryptsetup", test, { input: passphrase });
		const other = spawnSync("cryptsetup", test, { input: `${passphrase}x`, env: systemPath() });
		if (other.status !== 2) throw new Error(`cryptsetup ended with ${other.status}, not 2`);
	});
	const root = join(encrypted, "tree", "root");
	step(`what was read back is every file of the root (${count(root)} files)`, () => {
		const found = readFileSync(join(encrypted, "tree", "found.sha256"), "utf8");
		const lines = found.trimEnd().split("\n");
		const wanted = new Set([...sums(root)].map((line) => line.replace("  ", "  ./")));
		const different = [...wanted.symmetricDifference(new Set(lines))].slice(0, 5);
		if (different.length > 0) throw new Error(`not the same: ${different.join(", ")}`);
	});
	return hash("sha256", [...sums(root)].join("\n"));
}

/** Returns a digest of everything that was read back. */
function prove(place: string): string {
	step("sfdisk --verify", () => command("sfdisk", ["--verify", image]));
	for (const [name, type] of [
		["esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"],
		["root", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"],
	] as const) {
		step(`the ${name} partition is where and what it should be`, () => {
			const { partitiontable } = JSON.parse(
				command("sfdisk", ["--json", image]),
			) as PartitionTable;
			const partition = partitiontable.partitions.find(
				(candidate) => candidate.name === name,
			);
			if (partition?.start !== offsetBytes[name] / 512 || partition.type !== type) {
				throw new Error(`sfdisk says: ${JSON.stringify(partition)}`);
			}
		});
	}
	const parts = join(place, "parts");
	mkdirSync(parts);
	const esp = join(parts, "esp");
	const root = join(parts, "root");
	extract(offsetBytes.esp, 131_072, esp);
	extract(offsetBytes.root, 262_144, root);
	step("fsck.fat -n", () => command("fsck.fat", ["-n", esp]));
	step("e2fsck -f -n", () => command("e2fsck", ["-f", "-n", root]));

	const read = { esp: join(place, "esp"), root: join(place, "root") };
	mkdirSync(read.esp);
	mkdirSync(read.root);
	step(`every file of the ESP, read back by mcopy (${count(join(tree, "esp"))} files)`, () => {
		command("mcopy", ["-s", "-Q", "-m", "-i", esp, "::/*", read.esp]);
		expectEqual(join(tree, "esp"), read.esp);
	});
	step(
		`every file of the root, read back by debugfs (${count(join(tree, "root"))} files)`,
		() => {
			command("debugfs", ["-R", `rdump / ${read.root}`, root]);
			// The directory that the ESP is mounted on, and what is looked at next.
			for (const name of ["lost+found", "boot", attributes])
				rmSync(join(read.root, name), { recursive: true });
			expectEqual(join(tree, "root"), read.root);
		},
	);
	step("owner, mode, link count and attribute of a file, by debugfs", () => {
		const look = (request: string): string => command("debugfs", ["-R", request, root]);
		const said = look(`stat /${attributes}/program`) + look(`ea_list /${attributes}/program`);
		for (const wanted of [
			/Mode: +04750/,
			/User: +1000 +Group: +1001/,
			/Links: 2/,
			/user.comment/,
		]) {
			if (!wanted.test(said)) throw new Error(`no ${String(wanted)} in:\n${said}`);
		}
	});
	return hash("sha256", [...sums(read.esp), ...sums(read.root)].join("\n"));
}

interface PartitionTable {
	readonly partitiontable: {
		readonly partitions: { start: number; type: string; name: string }[];
	};
}

function extract(offset: number, sectors: number, target: string): void {
	command("dd", [
		`if=${image}`,
		`of=${target}`,
		"bs=1M",
		"iflag=skip_bytes,count_bytes",
		`skip=${offset}`,
		`count=${sectors * 512}`,
		"conv=sparse",
		"status=none",
	]);
}

function files(place: string): string[] {
	return readdirSync(place, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => relative(place, join(entry.parentPath, entry.name)))
		.toSorted();
}

function count(place: string): number {
	return files(place).length;
}

/** A line for each file, as sha256sum(1) prints it. */
function sums(place: string): ReadonlySet<string> {
	return new Set(
		files(place).map((file) => `${hash("sha256", readFileSync(join(place, file)))}  ${file}`),
	);
}

/** The sha256 of every file, and that none is missing or too many. */
function expectEqual(wanted: string, found: string): void {
	const [expected, actual] = [sums(wanted), sums(found)];
	if (expected.size === 0) throw new Error("there is no file to compare");
	const different = [...expected.symmetricDifference(actual)].slice(0, 5);
	if (different.length > 0) throw new Error(`differs from the source: ${different.join(", ")}`);
}

function title(text: string): void {
	console.log(process.stdout.isTTY ? `\n\u001B[1m${text}\u001B[0m` : `\n${text}`);
}

function step(name: string, work: () => unknown): void {
	const start = performance.now();
	work();
	console.log(`  ✓ ${name.padEnd(62)} ${(performance.now() - start).toFixed(0).padStart(6)} ms`);
}

function command(
	program: string,
	argv: readonly string[],
	options: {
		readonly show?: boolean;
		readonly environment?: Readonly<Record<string, string>>;
		readonly input?: string;
	} = {},
): string {
	const result = spawnSync(program, argv, {
		cwd: repository,
		encoding: "utf8",
		env: { ...systemPath(), npm_config_update_notifier: "false", ...options.environment },
		input: options.input,
		stdio: [
			options.input === undefined ? "ignore" : "pipe",
			options.show ? "inherit" : "pipe",
			options.show ? "inherit" : "pipe",
		],
	});
	if (result.error !== undefined) throw result.error;
	if (result.status !== 0) {
		const said = options.show ? "" : `\n${result.stdout}${result.stderr}`;
		throw new Error(
			`${program} ${argv.join(" ")}: ended with ${result.status ?? result.signal}${said}`,
		);
	}
	return result.stdout ?? "";
}

/** Our environment, in which tools of file systems are found: they live in sbin, which is not on everybody's path. */
function systemPath(): NodeJS.ProcessEnv {
	return { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
}
