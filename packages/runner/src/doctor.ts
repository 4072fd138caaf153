import { type Probe, type ProbeCheck, uml } from "@devhost/appliance";
import { findServiceTool, findTools } from "./find-tools.ts";
import { type DeviceModule, findModules } from "./modules.ts";
import { probeNative } from "./native-probe.ts";

/** What one backend needs, and whether it is there. */
export interface BackendDiagnosis {
	readonly name: "native" | "uml";
	readonly works: boolean;
	/** What was looked at, in order. */
	readonly checks: readonly ProbeCheck[];
	/** What only some types of devices need: it works without. */
	readonly optional: readonly OptionalCheck[];
	/** The command that installs what is missing, where one does: words of an argv. */
	readonly install?: readonly string[];
	/** Whether `devhost doctor --fix` gets what is missing. */
	readonly canFix: boolean;
}

/** A look at something that only some types of devices need. */
export interface OptionalCheck extends ProbeCheck {
	/** Those types. */
	readonly types: readonly string[];
}

/** What a machine has for devhost, and what it lacks. */
export interface Diagnosis {
	/** In the order in which `--backend auto` takes them. */
	readonly backends: readonly BackendDiagnosis[];
	/** What isolates stages, on each backend. */
	readonly sandbox: ProbeCheck;
	/** The programs that services run, on each backend. */
	readonly tools: readonly OptionalCheck[];
	/** The backend that `--backend auto` takes; undefined: none works. */
	readonly backend: "native" | "uml" | undefined;
}

/** Finds out by trying what works on this machine for this user. A guest is booted, unless it is known whether one does. */
export async function diagnose(): Promise<Diagnosis> {
	const modules = installedModules();
	const { checks, features } = probeNative(
		new Set(modules.flatMap(({ needs }) => needs)).difference(new Set(["loop"])),
	);
	const native = {
		name: "native" as const,
		works: checks.every(({ passed }) => passed),
		checks,
		optional: [...features].map(([feature, missing]) => ({
			name: feature,
			passed: missing === undefined,
			detail: missing ?? "there",
			types: typesOf(modules.filter(({ needs }) => needs.includes(feature))),
		})),
		canFix: false,
	};
	const guest = describeGuest(await uml.probe());
	const backends = [native, guest];
	return {
		backends,
		sandbox: probeSandbox(),
		tools: modules.flatMap(probeTools),
		backend: backends.find(({ works }) => works)?.name,
	};
}

function describeGuest({ works, checks, install, canInstallWithoutRoot }: Probe): BackendDiagnosis {
	return {
		name: "uml",
		works,
		checks,
		optional: [],
		...(install !== undefined && { install }),
		canFix: !works && canInstallWithoutRoot,
	};
}

/** Those that come with devhost, each once. */
function installedModules(): DeviceModule[] {
	const { types, forType } = findModules();
	return [...new Set(types.flatMap((type) => forType(type) ?? []))];
}

/** Their own names of their types, not osbuild's. */
function typesOf(modules: readonly DeviceModule[]): string[] {
	return modules.flatMap(({ types: [type] }) => type ?? []);
}

function probeTools(module: DeviceModule): OptionalCheck[] {
	return module.tools.map(({ program, package: from, for: what, types = typesOf([module]) }) => {
		const found = findServiceTool(program, from);
		const needed = what === undefined ? "" : `, for ${what}`;
		const detail = "file" in found ? found.file : `${found.install}${needed}`;
		return { name: program, passed: "file" in found, detail, types };
	});
}

function probeSandbox(): ProbeCheck {
	try {
		const { bwrap, unshare } = findTools(process.env["PATH"] ?? "");
		return { name: "sandbox", passed: true, detail: `${bwrap}, ${unshare}` };
	} catch (error) {
		const detail = error instanceof Error ? error.message : String(error);
		return { name: "sandbox", passed: false, detail, code: "ERR_SANDBOX_MISSING" };
	}
}
