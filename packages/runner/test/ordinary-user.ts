import { chownSync } from "node:fs";
import { type RunningCli, startDevhost } from "./devhost.ts";

/** An ordinary user, if we are root; undefined: we are one. */
const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;

/** Gives files to the ordinary user. */
export function giveToUser(...files: readonly string[]): void {
	if (user !== undefined) for (const file of files) chownSync(file, user.uid, user.gid);
}

/** Starts `devhost` as the ordinary user. */
export function startAsUser(args: readonly string[]): RunningCli {
	const before =
		user === undefined
			? []
			: ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", "--"];
	return startDevhost(args, { before });
}
