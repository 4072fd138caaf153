import { accessSync, constants, readFileSync } from "node:fs";
import { RunError } from "./error.ts";

/** The programs that make a sandbox: absolute paths. */
export interface SandboxTools {
	readonly bwrap: string;
	/** Of util-linux. */
	readonly unshare: string;
}

/**
 * Finds what a sandbox is made with along a search path.
 *
 * @throws {@link RunError} `ERR_SANDBOX_MISSING` with the command that installs it on this distribution.
 */
export function findTools(searchPath: string): SandboxTools {
	const find = (program: string, what: string): string => {
		const file = findProgram(program, searchPath);
		if (file !== undefined) return file;
		const message =
			`${what}: no ${program} in ${searchPath}. ` +
			`Install it with: ${installCommand(what, readDistribution())}; without isolation: --sandbox none`;
		throw new RunError("ERR_SANDBOX_MISSING", message);
	};
	return { bwrap: find("bwrap", "bubblewrap"), unshare: find("unshare", "util-linux") };
}

function findProgram(name: string, searchPath: string): string | undefined {
	for (const folder of searchPath.split(":")) {
		// A relative entry would let the working directory choose what runs as root.
		if (!folder.startsWith("/")) continue;
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
