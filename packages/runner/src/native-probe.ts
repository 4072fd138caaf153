import type { ProbeCheck } from "@devhost/appliance";
import { isRunError } from "./error.ts";
import { missingFeature } from "./kernel-feature.ts";
import type { KernelFeature } from "./modules.ts";
import { makeRunNamespace } from "./namespace.ts";

/** What was found out about this machine's kernel. */
export interface NativeProbe {
	readonly checks: readonly ProbeCheck[];
	/** Of each feature that not every manifest needs, why it is missing; undefined: it is not. Empty where none could be tried. */
	readonly features: ReadonlyMap<KernelFeature, string | undefined>;
}

/**
 * Finds out, by trying, whether devices can be opened and stages run on this machine's kernel. Never throws.
 *
 * @param further - What is looked for beside what everybody needs.
 */
export function probeNative(further: Iterable<KernelFeature>): NativeProbe {
	const isRoot = process.geteuid?.() === 0;
	const root: ProbeCheck = {
		name: "root",
		passed: isRoot,
		detail: isRoot ? "yes" : "this is an ordinary user; with sudo it is root",
	};
	if (!isRoot) return { checks: [root], features: new Map() };
	try {
		using namespace = makeRunNamespace();
		const missing = missingFeature("loop", namespace);
		const checks = [
			root,
			{ name: "mount namespace", passed: true, detail: "can be made, with device nodes" },
			{ name: "loop devices", passed: missing === undefined, detail: missing ?? "there" },
		];
		const features = [...further].map(
			(feature) => [feature, missingFeature(feature, namespace)] as const,
		);
		return { checks, features: new Map(features) };
	} catch (error) {
		const detail = error instanceof Error ? error.message : String(error);
		const code = isRunError(error) ? { code: error.code } : {};
		const failed = { name: "mount namespace", passed: false, detail, ...code };
		return { checks: [root, failed], features: new Map() };
	}
}
