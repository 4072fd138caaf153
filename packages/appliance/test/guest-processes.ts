import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A process of this machine that belongs to a guest. */
export interface GuestMember {
	readonly pid: number;
	/** Whether it is the keeper's child: the guest's kernel. */
	readonly isKernel: boolean;
}

/** The processes of a guest that are not ended: all of the session that its keeper began. Source: proc_pid_stat(5). */
export function guestProcesses(keeper: number): GuestMember[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.flatMap((name) => {
			let stat: string;
			try {
				stat = readFileSync(`/proc/${name}/stat`, "utf8");
			} catch {
				return []; // ended in the meantime
			}
			const [state, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
			if (session !== String(keeper) || state === "Z" || state === "X") return [];
			return [{ pid: Number(name), isKernel: parent === String(keeper) }];
		});
}

/** The kernel's own process of a guest, of which its helpers are children too. */
export function kernelProcess(keeper: number): number {
	const found = guestProcesses(keeper).find(({ isKernel }) => isKernel);
	if (found === undefined) throw new Error(`no kernel among the processes of ${keeper}`);
	return found.pid;
}

/** Waits until no process of a guest is left; returns what is after five seconds. */
export async function processesLeft(keeper: number): Promise<GuestMember[]> {
	for (let round = 0; round < 500; round++) {
		if (guestProcesses(keeper).length === 0) return [];
		await delay(10);
	}
	return guestProcesses(keeper);
}
