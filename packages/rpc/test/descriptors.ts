import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { type Fd, memfd } from "@devhost/linux";

export { descriptorCount } from "@devhost/tools/testing";

/** A file in memory with this text in it. */
export function textFile(text: string): Fd {
	const file = memfd("test");
	writeSync(file.fd, text, 0);
	return file;
}

/** The text of an open file, from its beginning. */
export function textOf(fd: number): string {
	return readFileSync(`/proc/self/fd/${fd}`, "utf8");
}

/** Closes the lowest free numbers' worth of nothing: the number that the next descriptor gets. */
export function nextNumber(): number {
	const fd = openSync("/dev/null", "r");
	closeSync(fd);
	return fd;
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean, withinMs = 2000): Promise<void> {
	const end = performance.now() + withinMs;
	while (!condition()) {
		if (performance.now() > end)
			throw new Error(`still not so after ${withinMs} ms: ${String(condition)}`);
		await new Promise((resolve) => setTimeout(resolve, 2));
	}
}
