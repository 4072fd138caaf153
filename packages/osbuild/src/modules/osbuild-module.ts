import type { ModuleHost, ModuleServices } from "./module-services.ts";

/** A device or mount of osbuild's kind: an executable that its host starts, and what describes it. */
export interface OsbuildModule extends DescribedModule {
	/** Opens its devices, or mounts. Starts nothing before the first one. */
	serve(host: ModuleHost): ModuleServices;
}

/** What is known of a module without starting it. */
export interface DescribedModule {
	readonly kind: "device" | "mount";
	/** Its name, and that of its file: `org.osbuild.loopback`. */
	readonly type: string;
	/** The executable: absolute path. */
	readonly program: string;
	/** The directory that its folder is in, and osbuild's Python package, where that is not Python's own: absolute path. */
	readonly libdir: string;
	/** What describes it: its `.meta.json`, or, where there is none, the program itself. */
	readonly file: string;
	/** One line about it; empty where it has none. */
	readonly summary: string;
	/** JSON Schema (draft 2020-12) of its options. */
	readonly options: object;
	/** JSON Schema (draft 2020-12) of all that a manifest says of a mount: name, type, source, target, options. */
	readonly mount?: object;
	/** Of a mount: whether it is of a device. */
	readonly source: "none" | "required" | "optional";
	/** Of a mount: whether it is at a place that the manifest names. */
	readonly hasTarget: boolean;
	/** Why it cannot be used, as a sentence; undefined: nothing is known against it. */
	readonly complaint?: string;
}
