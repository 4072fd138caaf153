import { readdirSync } from "node:fs";

/** How many descriptors this process has open: taken before and after, equal means that nothing leaked. */
export function descriptorCount(): number {
	return readdirSync("/proc/self/fd").length;
}
