import type { ParentRule } from "./driver.ts";

/** What a device of a manifest says of the devices that it stands on, by name. */
export interface ParentNames {
	/** The one device that it stands on; null and empty are none, as in osbuild. */
	readonly parent?: string | null | undefined;
	/** The devices that it stands on, instead of `parent`; empty is none. */
	readonly parents?: readonly string[] | undefined;
}

/** The names of the devices that a device stands on, in the manifest's order, however they are given. */
export function parentsOf({ parent, parents }: ParentNames): readonly string[] {
	if (parents !== undefined && parents.length > 0) return parents;
	return parent === undefined || parent === null || parent === "" ? [] : [parent];
}

/**
 * What is wrong with the number of a device's parents: the rest of a sentence that begins with its type. Undefined where
 * nothing is.
 *
 * @param given - The parents' names, or whatever else tells people which they are.
 */
export function parentsComplaint(rule: ParentRule, given: readonly string[]): string | undefined {
	const count = given.length;
	if (count === 0) {
		const needsOne = rule === "required" || rule === "several";
		return needsOne ? "needs a parent, and has none" : undefined;
	}
	if (rule === "none") {
		return count === 1
			? `has no parent, but ${JSON.stringify(given[0])} is given as one`
			: `has no parent, but ${count} are given`;
	}
	if (rule === "several" || count === 1) return undefined;
	return `has one parent, but ${count} are given`;
}
