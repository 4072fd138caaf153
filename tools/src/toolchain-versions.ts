import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./repository.ts";

/** The toolchain that setup fetches and the workspace's own have to be the same; sentences about those that are not. */
export function findToolchainProblems(root: string = repositoryRoot): string[] {
	const read = (file: string): string => readFileSync(join(root, file), "utf8");
	const main = JSON.parse(read("package.json")) as Manifest;
	const toolchain = JSON.parse(read("tools/setup/toolchain/package.json")) as Manifest;
	const catalog = read("pnpm-workspace.yaml");
	const wanted = { ...toolchain.dependencies, ...toolchain.optionalDependencies };
	const problems = Object.entries(wanted)
		.filter(([name]) => name.startsWith("node-"))
		.filter(([name, version]) => !new RegExp(`^  ${name}: ${version}$`, "m").test(catalog))
		.map(
			([name, version]) => `pnpm-workspace.yaml: expected ${name}: ${version} in the catalog`,
		);
	const pnpm = wanted["pnpm"] ?? "";
	if (main.packageManager !== `pnpm@${pnpm}`)
		problems.push(`package.json: packageManager: expected pnpm@${pnpm}`);
	if (main.devDependencies?.["pnpm"] !== pnpm)
		problems.push(`package.json: devDependencies.pnpm: expected ${pnpm}`);
	return problems;
}

interface Manifest {
	readonly packageManager?: string;
	readonly dependencies?: Readonly<Record<string, string>>;
	readonly optionalDependencies?: Readonly<Record<string, string>>;
	readonly devDependencies?: Readonly<Record<string, string>>;
}
