import { fstatSync } from "node:fs";

/** Whether a descriptor is a terminal on which colours are welcome. */
export async function isTerminal(fd: number): Promise<boolean> {
	// node:tty loads all of node:net, 2 ms: only for what may be a terminal.
	if (process.env["NO_COLOR"] || process.env["TERM"] === "dumb") return false;
	try {
		const status = fstatSync(fd);
		// Major 1: /dev/null and its like.
		if (!status.isCharacterDevice() || status.rdev >> 8 === 1) return false;
	} catch {
		return false; // It is closed.
	}
	const { isatty } = await import("node:tty");
	return isatty(fd);
}
