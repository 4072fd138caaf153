import { readdirSync } from "node:fs";
import { describe } from "vitest";

/** Tests that need root. Under `CI=true` they are never skipped: they fail there without it. */
export function describeAsRoot(name: string, body: () => void): void {
	const able = process.getuid?.() === 0 || process.env["CI"] === "true";
	describe.skipIf(!able)(able ? name : `${name} (skipped: needs root)`, body);
}

/** How many descriptors this process has open: taken before and after, equal means that nothing leaked. */
export function descriptorCount(): number {
	return readdirSync("/proc/self/fd").length;
}
