import { accessSync, constants, readFileSync } from "node:fs";
import { RunError } from "./error.ts";

/**
 * Finds bubblewrap along a search path.
 *
 * @throws {@link RunError} `ERR_SANDBOX_MISSING` with the command that installs it on this distribution.
 */
export function findBwrap(searchPath: string): string {
	for (const folder of searchPath.split(":")) {
		// A relative entry would let the working directory choose what runs as root.
		if (!folder.startsWith("/")) continue;
		const file = `${folder}/bwrap`;
		try {
			accessSync(file, constants.X_OK);
			return file;
		} catch {
			continue;
		}
	}
	const message =
		`bubblewrap: no bwrap in ${searchPath}. ` +
		`Install it with: ${installCommand(readDistribution())}; without isolation: --sandbox none`;
	throw new RunError("ERR_SANDBOX_MISSING", message);
}

/** The command that installs bubblewrap. @param distribution - `ID` and `ID_LIKE` of os-release(5), nearest first. */
export function installCommand(distribution: readonly string[]): string {
	for (const id of distribution) {
		const command = commands[id];
		if (command !== undefined) return `${command} bubblewrap`;
	}
	return "your distribution's package manager (package bubblewrap)";
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
