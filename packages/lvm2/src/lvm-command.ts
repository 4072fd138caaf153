import { type KeptCommand } from "@devhost/linux";
import { toolEnvironment } from "@devhost/core/command";
import type { SystemDirectory } from "./volume-sys.ts";

/** What the lvm tools are to activate. */
export interface Activation {
	/** The path of `lvm`. */
	readonly file: string;
	readonly directory: SystemDirectory;
	readonly group: string;
	readonly volume: string;
	readonly readOnly: boolean;
}

/**
 * The command that activates a volume, knowing of no device but the directory's.
 *
 * Source: lvchange(8), lvm(8), lvmsystemid(7); `--devices` is there since lvm2 2.03.12.
 */
export function activationCommand(activation: Activation): KeptCommand {
	const { file, directory, group, volume, readOnly } = activation;
	const name = `${group}/${volume}`;
	// Of two volumes on one pool the second one's table is the first one's too.
	const config = readOnly ? ["--config", `activation/read_only_volume_list=["${name}"]`] : [];
	return {
		file,
		argv: [
			"lvm",
			"lvchange",
			// A snapshot and its origin become active together, which is asked about.
			"--yes",
			"--activate",
			"y",
			"--ignoreactivationskip", // it was asked for by name
			"--poll",
			"n", // nothing goes on in the background
			"--devices",
			directory.devicePaths.join(","),
			...config,
			name,
		],
		environment: toolEnvironment({
			LVM_SYSTEM_DIR: directory.path,
			// Of what it inherits it closes what it does not know, and says so.
			LVM_SUPPRESS_FD_WARNINGS: "1",
			DM_DEV_DIR: `${directory.path}/dev`,
		}),
	};
}
