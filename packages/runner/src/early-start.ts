import type { BackendName } from "./backend.ts";
import { RunError } from "./error.ts";
import { missingFeature } from "./kernel-feature.ts";
import { type DeviceModule, findModules } from "./modules.ts";
import { makeRunNamespace, notRoot, type RunNamespace } from "./namespace.ts";
import { RunServices } from "./run-services.ts";
import type { Manifest, ManifestText } from "./manifest.ts";

/** What a run begins with before its manifest is understood, or why it cannot. */
export type EarlyStart =
	| {
			readonly namespace: RunNamespace;
			readonly services: RunServices;
			/** Whether the run may be in a guest instead, if this kernel turns out to lack something. */
			readonly hasChoice: boolean;
	  }
	| { readonly failure: unknown };

/** A run that is to be in a guest, and why it cannot be on this machine's kernel, if that was tried. */
export interface GuestStart {
	readonly obstacle: unknown;
}

/**
 * Begins a run where it is to be: on this machine's kernel, or, where that does not work for its manifest, in a guest.
 *
 * @param modules - As on the command line.
 */
export function beginRun(
	source: Manifest | ManifestText,
	backend: BackendName = "auto",
	modules: readonly string[] = [],
): EarlyStart | GuestStart {
	if (backend === "uml") return { obstacle: undefined };
	const early = startEarly(source, modules, backend === "auto");
	return backend === "auto" && "failure" in early ? { obstacle: early.failure } : early;
}

/**
 * Makes the run's namespace and starts the services that its manifest most likely needs. Opens no device.
 *
 * A service is a program that takes as long to start as we did, so it is not kept waiting for a parser, or for the
 * modules of ours that read and check a manifest. One that turns out to be of no use is stopped like the others.
 *
 * @param hasChoice - Whether it is to fail where the kernel lacks what the modules need. Without a choice, opening the
 * devices says more.
 */
function startEarly(
	source: Pick<ManifestText, "text">,
	modules: readonly string[],
	hasChoice: boolean,
): EarlyStart {
	if (process.geteuid?.() !== 0) return { failure: notRoot() };
	try {
		using begun = new DisposableStack();
		const namespace = begun.use(makeRunNamespace());
		const likely = likelyModules(source);
		const obstacle = hasChoice ? lackingFeature(likely, namespace) : undefined;
		if (obstacle !== undefined) throw obstacle;
		begun.move();
		const services = new RunServices(namespace.namespace);
		for (const module of likely) {
			if (isReplaced(module, source, modules)) continue;
			try {
				services.start(module);
			} catch {
				// It is tried again, and complained of, when it is known to be needed.
			}
		}
		return { namespace, services, hasChoice };
	} catch (failure) {
		return { failure };
	}
}

/** Whether modules of osbuild's, named by their files, take the place of a module for all that it is wanted for. */
function isReplaced(
	{ types }: DeviceModule,
	{ text }: Pick<ManifestText, "text">,
	modules: readonly string[],
): boolean {
	return types.every(
		(type) => !text.includes(type) || modules.some((path) => path.endsWith(`/devices/${type}`)),
	);
}

/** What of all that modules need this kernel lacks first, as an error with the code `ERR_RUN_BACKEND`. */
export function lackingFeature(
	modules: Iterable<DeviceModule>,
	namespace: RunNamespace,
): RunError | undefined {
	for (const feature of new Set([...modules].flatMap(({ needs }) => needs))) {
		const missing = missingFeature(feature, namespace);
		if (missing !== undefined) return new RunError("ERR_RUN_BACKEND", missing);
	}
	return undefined;
}

/** The modules that come with devhost and serve a type that stands somewhere in the text. */
function likelyModules({ text }: Pick<ManifestText, "text">): DeviceModule[] {
	const { types, forType } = findModules();
	const found = types
		.filter((type) => text.includes(type))
		.flatMap((type) => forType(type) ?? [])
		// Their types are words that stand in many commands.
		.filter(({ mounts }) => mounts === undefined || text.includes("mounts"));
	return [...new Set(found)];
}
