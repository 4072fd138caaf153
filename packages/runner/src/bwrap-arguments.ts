import type { KernelFiles } from "./kernel-files.ts";
import { osbuildPaths } from "./osbuild-stage.ts";
import { capabilityNames } from "./stage-capabilities.ts";

/** Where things are inside a sandbox. */
export const sandboxPaths = {
	tree: "/run/devhost/tree",
	mounts: "/run/devhost/mounts",
	arguments: "/run/devhost/arguments.json",
	execChecked: "/run/devhost/exec-checked",
} as const;

/** One sandbox, as {@link bwrapArguments} needs to know it. */
export interface SandboxPlan {
	/** Directory that is the sandbox's root, read-only. */
	readonly root: string;
	/** The tree, a real path on the host. */
	readonly tree: string;
	/** The directory that the sandbox sees as `/dev`, in the run's namespace. */
	readonly devices: string;
	/** The helper that checks the capabilities, on the host. */
	readonly execChecked: string;
	/** Capabilities of the stage, a bit each. */
	readonly capabilities: bigint;
	/** The file that the sandbox sees as `arguments.json`, in the run's namespace. */
	readonly argumentsFile: string;
	/** What of `/proc` and `/sys` it does not see as it is. */
	readonly kernelFiles: KernelFiles;
	/** The kernel's own file systems in the tree, real paths on the host. */
	readonly kernelMounts: readonly string[];
	/** What is mounted for it, with what is mounted in that: where, and what the sandbox calls it. Parents first. */
	readonly mounts: readonly { readonly from: string; readonly to: string }[];
	/** What a stage of osbuild finds where it looks; undefined for any other. */
	readonly osbuild?: OsbuildPlan | undefined;
}

/** A stage of osbuild, in the run's namespace. */
export interface OsbuildPlan {
	/** osbuild's directory of modules. */
	readonly libdir: string;
	/** The executable. */
	readonly program: string;
	/** Its name. */
	readonly type: string;
	/** What it sees as `/dev`. */
	readonly devices: string;
	/** The file that it says of itself in. */
	readonly meta: string;
	/** What it sees as `/proc/cmdline`. */
	readonly cmdline: string;
	/** The directory of its sockets. */
	readonly api: string;
	/** Python's package `osbuild`, on the host, where the directory of modules has an empty folder in its place. */
	readonly package: string | undefined;
	/** The directories that it has as inputs, on the host, by their names. */
	readonly inputs: ReadonlyMap<string, string>;
	/** Whether its root has a folder `/etc/lvm`. */
	readonly hasLvm: boolean;
}

/**
 * bubblewrap's options for a sandbox, without the command and its environment. They fit bubblewrap 0.8, and are given to
 * it in a file (`--args`).
 *
 * The order matters: each option acts on what the ones before it made.
 *
 * Source: bwrap(1).
 */
export function bwrapArguments(plan: SandboxPlan): string[] {
	const { root, tree, devices, execChecked, capabilities, argumentsFile } = plan;
	const { kernelFiles, kernelMounts, mounts } = plan;
	const inTree = (path: string): string =>
		sandboxPaths.tree + path.slice(tree === "/" ? 0 : tree.length);
	const options = [
		[
			"--unshare-ipc",
			"--unshare-pid",
			"--unshare-net",
			"--unshare-uts",
			"--unshare-cgroup-try",
		],
		["--hostname", "devhost", "--new-session", "--die-with-parent"],

		["--ro-bind", root, "/"],
		// A build tree has no kernel file systems of its own.
		root === "/" ? [] : ["--ro-bind", "/sys", "/sys"],
		["--proc", "/proc"],
		// Of another instance of /proc, but the settings seen there are those of the namespaces of whoever looks. The helper
		// does not believe that it is read-only before it has looked.
		["--ro-bind", "/proc/sys", "/proc/sys"],
		...kernelFiles.readOnly.map((path) => ["--ro-bind-try", path, path]),
		...kernelFiles.emptyFiles.map((path) => ["--dev-bind", "/dev/null", path]),
		...kernelFiles.emptyFolders.map((path) => ["--perms", "0555", "--tmpfs", path]),
		// Read-only, made by us and complete, save for shm, which is each stage's own: --dev with --dev-bind for every
		// node costs 0.35 ms a node (bubblewrap reads all of /proc/self/mountinfo for each).
		["--dev-bind", devices, "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"],
		["--perms", "1777", "--tmpfs", "/tmp", "--perms", "1777", "--tmpfs", "/var/tmp"],

		["--tmpfs", "/run", "--dir", sandboxPaths.mounts],
		...mounts.map(({ from, to }) => ["--bind", from, to]),
		["--bind", tree, sandboxPaths.tree],
		...kernelMounts.map((path) => ["--ro-bind-try", path, inTree(path)]),
		["--ro-bind", execChecked, sandboxPaths.execChecked],
		["--ro-bind", argumentsFile, sandboxPaths.arguments],
		...(plan.osbuild === undefined
			? [["--chdir", sandboxPaths.tree]]
			: osbuildOptions(plan.osbuild, plan)),

		["--cap-drop", "ALL"],
		...capabilityNames(capabilities).map((name) => ["--cap-add", name]),
		["--clearenv"],
	];
	const args = options.flat();
	const bad = args.find((text) => text.includes("\0"));
	if (bad !== undefined) {
		// It would end the argument in the file, and what follows would be options.
		throw new TypeError(`sandbox: a string with a NUL: ${JSON.stringify(bad)}`);
	}
	return args;
}

/** Source: `BuildRoot.run`, osbuild/buildroot.py. */
function osbuildOptions(
	{ libdir, package: python, program, type, meta, cmdline, api, hasLvm, inputs }: OsbuildPlan,
	{ tree, argumentsFile }: Pick<SandboxPlan, "tree" | "argumentsFile">,
): string[][] {
	return [
		["--ro-bind", cmdline, "/proc/cmdline"],
		["--tmpfs", "/var", "--perms", "1777", "--dir", "/var/tmp"],
		// This machine's rules for its own disks are none for an image's.
		hasLvm ? ["--tmpfs", "/etc/lvm"] : [],
		["--ro-bind", libdir, osbuildPaths.lib],
		python === undefined ? [] : ["--ro-bind", python, `${osbuildPaths.lib}/osbuild`],
		["--bind", tree, osbuildPaths.tree],
		["--dir", osbuildPaths.inputs, "--dir", osbuildPaths.mounts, "--dir", osbuildPaths.api],
		...[...inputs].map(([name, tree]) => ["--ro-bind", tree, `${osbuildPaths.inputs}/${name}`]),
		["--ro-bind", program, `${osbuildPaths.programs}/${type}`],
		["--ro-bind", argumentsFile, osbuildPaths.arguments],
		...["osbuild", "remoteloop"].map((name) => [
			"--bind",
			`${api}/${name}`,
			`${osbuildPaths.api}/${name}`,
		]),
		["--bind", meta, osbuildPaths.meta],
		["--chdir", "/"],
	];
}
