import { describe } from "vitest";

/** Tests that need root. Under `CI=true` they are never skipped: they fail there without it. */
export function describeAsRoot(name: string, body: () => void): void {
	const able = process.getuid?.() === 0 || process.env["CI"] === "true";
	describe.skipIf(!able)(able ? name : `${name} (skipped: needs root)`, body);
}
