import { type Probe, type ProbeCheck, uml } from "@devhost/appliance";
import { findTools } from "./find-tools.ts";
import { probeNative } from "./native-probe.ts";

/** What one backend needs, and whether it is there. */
export interface BackendDiagnosis {
	readonly name: "native" | "uml";
	readonly works: boolean;
	/** What was looked at, in order. */
	readonly checks: readonly ProbeCheck[];
	/** The command that installs what is missing, where one does: words of an argv. */
	readonly install?: readonly string[];
	/** Whether `devhost doctor --fix` gets what is missing. */
	readonly canFix: boolean;
}

/** What a machine has for devhost, and what it lacks. */
export interface Diagnosis {
	/** In the order in which `--backend auto` takes them. */
	readonly backends: readonly BackendDiagnosis[];
	/** What isolates stages, on each backend. */
	readonly sandbox: ProbeCheck;
	/** The backend that `--backend auto` takes; undefined: none works. */
	readonly backend: "native" | "uml" | undefined;
}

/** Finds out by trying what works on this machine for this user. A guest is booted, unless it is known whether one does. */
export async function diagnose(): Promise<Diagnosis> {
	const checks = probeNative();
	const native = {
		name: "native" as const,
		works: checks.every(({ passed }) => passed),
		checks,
		canFix: false,
	};
	const guest = describeGuest(await uml.probe());
	const backends = [native, guest];
	return {
		backends,
		sandbox: probeSandbox(),
		backend: backends.find(({ works }) => works)?.name,
	};
}

function describeGuest({ works, checks, install, canInstallWithoutRoot }: Probe): BackendDiagnosis {
	return {
		name: "uml",
		works,
		checks,
		...(install !== undefined && { install }),
		canFix: !works && canInstallWithoutRoot,
	};
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
