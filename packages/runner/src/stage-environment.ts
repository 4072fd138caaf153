/** What a stage is told beside its own variables. */
export interface StageFacts {
	/** The tree, as the stage finds it. */
	readonly tree: string;
	/** `arguments.json`, as the stage finds it. */
	readonly argumentsFile: string;
	/** Paths of its devices by name, as it finds them. */
	readonly devices: ReadonlyMap<string, string>;
	/** Directories of its mounts by name, as it finds them. */
	readonly mounts: ReadonlyMap<string, string>;
}

/**
 * The whole environment of a stage: nothing of ours or of the user's is in it.
 *
 * A device `root-fs` is `DEVHOST_DEVICE_ROOT_FS`, a mount `root` is `DEVHOST_MOUNT_ROOT`; where two names become the same variable neither is set, since a
 * wrong one is worse than none. The stage's own variables come last and win.
 */
export function stageEnvironment(
	facts: StageFacts,
	own: Readonly<Record<string, string>>,
): Record<string, string> {
	const paths = new Map<string, string | undefined>();
	for (const kind of ["devices", "mounts"] as const) {
		for (const [name, path] of facts[kind]) {
			const variable = variableOf(kind, name);
			paths.set(variable, paths.has(variable) ? undefined : path);
		}
	}
	return {
		PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		LANG: "C.UTF-8",
		HOME: "/tmp",
		TERM: "dumb",
		container: "devhost",
		DEVHOST_TREE: facts.tree,
		DEVHOST_ARGUMENTS: facts.argumentsFile,
		...Object.fromEntries([...paths].filter(([, path]) => path !== undefined)),
		...own,
	};
}

/** The variable that holds the path of a device, or the directory of a mount. */
export function variableOf(kind: "devices" | "mounts", name: string): string {
	const prefix = kind === "devices" ? "DEVHOST_DEVICE" : "DEVHOST_MOUNT";
	return `${prefix}_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}
