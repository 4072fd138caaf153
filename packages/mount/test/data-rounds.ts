import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Machine, megabyte, noise } from "./machine.ts";

/**
 * Mounts a file system, compares what is in it with what was written the last time, and writes something else, time after time.
 *
 * @returns The rounds in which it was not what was written.
 */
export async function wrongRounds(
	machine: Machine,
	{ type, image }: { readonly type: string; readonly image: string },
	rounds: number,
): Promise<readonly number[]> {
	const wrong: number[] = [];
	let before: Uint8Array | undefined;
	for (let round = 0; round <= rounds; round++) {
		await using _ = await machine.mount({ type, image });
		const file = join(machine.root, "content"); // there is none before the service is
		if (before !== undefined && Buffer.compare(readFileSync(file), before) !== 0)
			wrong.push(round);
		before = noise(megabyte / 8 + round);
		writeFileSync(file, before);
	}
	return wrong;
}
