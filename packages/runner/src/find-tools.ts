import { accessSync, constants, readFileSync } from "node:fs";
import { RunError } from "./error.ts";

/** The programs that make a sandbox: absolute paths. */
export interface SandboxTools {
	readonly bwrap: string;
	/** Of util-linux. */
	readonly unshare: string;
}

/** Where programs are where nobody says it: what services and stages have as their PATH. */
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Finds what a sandbox is made with along a search path; where that has no directory, in the usual places.
 *
 * @throws {@link RunError} `ERR_SANDBOX_MISSING` with the command that installs it on this distribution.
 */
export function findTools(searchPath: string): SandboxTools {
	// A relative entry would let the working directory choose what runs as root.
	const given = searchPath.split(":").filter((folder) => folder.startsWith("/"));
	const folders = given.length > 0 ? given : usualPath.split(":");
	const place = folders.join(":") + (given.length > 0 ? "" : ", as PATH names no directory");
	const find = (program: string, what: string): string => {
		const file = findProgram(program, folders);
		if (file !== undefined) return file;
		const message =
			`${what}: no ${program} in ${place}. ` +
			`Install it with: ${installCommand(what, readDistribution())}; without isolation: --sandbox none`;
		throw new RunError("ERR_SANDBOX_MISSING", message);
	};
	return { bwrap: find("bwrap", "bubblewrap"), unshare: find("unshare", "util-linux") };
}

/**
 * Finds a program where services do, which is not where this process finds its own.
 *
 * @returns Its path, or the command that installs the package that has it.
 */
export function findServiceTool(
	program: string,
	packageName: string,
): { readonly file: string } | { readonly install: string } {
	const file = findProgram(program, usualPath.split(":"));
	return file === undefined
		? { install: installCommand(packageName, readDistribution()) }
		: { file };
}

function findProgram(name: string, folders: readonly string[]): string | undefined {
	for (const folder of folders) {
		const file = `${folder}/${name}`;
		try {
			accessSync(file, constants.X_OK);
			return file;
		} catch {
			continue;
		}
	}
	return undefined;
}

/** The command that installs a package. @param distribution - `ID` and `ID_LIKE` of os-release(5), nearest first. */
export function installCommand(name: string, distribution: readonly string[]): string {
	for (const id of distribution) {
		const command = commands[id];
		if (command !== undefined) return `${command} ${name}`;
	}
	return `your distribution's package manager (package ${name})`;
}

const commands: Record<string, string> = {
	debian: "apt-get install -y",
	ubuntu: "apt-get install -y",
	fedora: "dnf install -y",
	rhel: "dnf install -y",
	centos: "dnf install -y",
	arch: "pacman -S --noconfirm",
	alpine: "apk add",
	suse: "zypper install -y",
	opensuse: "zypper install -y",
};

/** Source: os-release(5). */
function readDistribution(): string[] {
	try {
		const text = readFileSync("/etc/os-release", "utf8");
		return ["ID", "ID_LIKE"].flatMap((key) => {
			const value = new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1] ?? "";
			return value.replaceAll(/["']/g, "").split(" ");
		});
	} catch {
		return [];
	}
}
