import type { ProbeCheck } from "@devhost/appliance";
import { isRunError } from "./error.ts";
import { missingFeature } from "./kernel-feature.ts";
import { makeRunNamespace } from "./namespace.ts";

/** Finds out, by trying, whether devices can be opened and stages run on this machine's kernel. Never throws. */
export function probeNative(): ProbeCheck[] {
	const isRoot = process.geteuid?.() === 0;
	const root: ProbeCheck = {
		name: "root",
		passed: isRoot,
		detail: isRoot ? "yes" : "this is an ordinary user; with sudo it is root",
	};
	if (!isRoot) return [root];
	try {
		using namespace = makeRunNamespace();
		const missing = missingFeature("loop", namespace);
		return [
			root,
			{ name: "mount namespace", passed: true, detail: "can be made, with device nodes" },
			{ name: "loop devices", passed: missing === undefined, detail: missing ?? "there" },
		];
	} catch (error) {
		const detail = error instanceof Error ? error.message : String(error);
		const code = isRunError(error) ? { code: error.code } : {};
		return [root, { name: "mount namespace", passed: false, detail, ...code }];
	}
}
