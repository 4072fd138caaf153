import { readFileSync, statSync } from "node:fs";
import { type DeviceModule, findModules } from "./modules.ts";
import { makeRunNamespace, notRoot, type RunNamespace } from "./namespace.ts";
import { RunServices } from "./run-services.ts";
import type { RunSource } from "./run-source.ts";

/** What a run begins with before its manifest is understood, or why it cannot. */
export type EarlyStart =
	| { readonly namespace: RunNamespace; readonly services: RunServices }
	| { readonly failure: unknown };

/**
 * Makes the run's namespace and starts the services that its manifest most likely needs. Opens no device.
 *
 * A service is a program that takes as long to start as we did, so it is not kept waiting for a parser, or for the
 * modules of ours that read and check a manifest. One that turns out to be of no use is stopped like the others.
 */
export function startEarly(source: RunSource): EarlyStart {
	if (process.geteuid?.() !== 0) return { failure: notRoot() };
	try {
		const namespace = makeRunNamespace();
		const services = new RunServices(namespace.namespace);
		for (const module of likelyModules(source)) {
			try {
				services.start(module);
			} catch {
				// It is tried again, and complained of, when it is known to be needed.
			}
		}
		return { namespace, services };
	} catch (failure) {
		return { failure };
	}
}

/** The modules that come with devhost and serve a type that stands somewhere in the text. */
function likelyModules(source: RunSource): DeviceModule[] {
	const text = typeof source === "string" ? readFile(source) : source.text;
	if (text === "") return [];
	const { types, forType } = findModules();
	const found = types
		.filter((type) => text.includes(type))
		.flatMap((type) => forType(type) ?? []);
	return [...new Set(found)];
}

function readFile(file: string): string {
	try {
		// A pipe can be read only once.
		if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return "";
		return readFileSync(file, "utf8");
	} catch {
		return ""; // Reading the manifest says why.
	}
}
