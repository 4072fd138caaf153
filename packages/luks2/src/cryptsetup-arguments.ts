import type { Token } from "./metadata.ts";
import type { Luks2Options, Unlocking } from "./options.ts";

/** The descriptors that cryptsetup gets beside its standard ones, by their number there. */
export const cryptsetupFds = {
	/** The device with the data. */
	parent: 3,
	/** The file with a detached header. */
	header: 4,
} as const;

/** What cryptsetup is to open. */
export interface CryptsetupRequest {
	readonly options: Luks2Options;
	/** Name of the mapping that it makes. */
	readonly name: string;
	/** Those in the header, which cryptsetup would try before what it is given. */
	readonly tokens: ReadonlyMap<number, Token>;
	/** Bytes of the volume key, where it is what unlocks and no key slot says how long it is. */
	readonly volumeKeyBytes: number | undefined;
}

/**
 * The command line of `cryptsetup open`. No secret is on it: that is its standard input.
 *
 * Source: cryptsetup-open(8) of 2.6.1.
 */
export function cryptsetupArguments(request: CryptsetupRequest): string[] {
	const { options, name, tokens, volumeKeyBytes } = request;
	const argv = [
		"cryptsetup",
		"--batch-mode",
		// Says which key slot it was.
		"--verbose",
		"open",
		"--type=luks2",
		// Locks keep two programs from changing a header at once, in a directory of the machine. Here nothing changes it:
		// without locks cryptsetup does not mend a damaged copy either.
		"--disable-locks",
		...unlockingArguments(options.unlocking, volumeKeyBytes),
	];
	if (options.unlocking.by !== "token" && tokens.size > 0) {
		// A token that works would open it whatever the passphrase is; and no plugin has to be loaded to find that out.
		argv.push("--disable-external-tokens", `--token-type=${noToken}`);
	}
	if (options.header !== undefined) argv.push(`--header=${pathOf(cryptsetupFds.header)}`);
	for (const [key, argument] of flags) if (options[key]) argv.push(argument);
	// By the descriptor that was looked at, not by a path, which may lead somewhere else by now.
	return [...argv, pathOf(cryptsetupFds.parent), name];
}

/** A type that no token has. */
const noToken = "devhost-none";

const flags = [
	["readOnly", "--readonly"],
	["allowDiscards", "--allow-discards"],
	["integrityNoJournal", "--integrity-no-journal"],
	["sameCpuCrypt", "--perf-same_cpu_crypt"],
	["submitFromCryptCpus", "--perf-submit_from_crypt_cpus"],
	["noReadWorkqueue", "--perf-no_read_workqueue"],
	["noWriteWorkqueue", "--perf-no_write_workqueue"],
	["disableKeyring", "--disable-keyring"],
] as const;

function unlockingArguments(
	unlocking: Unlocking,
	volumeKeyBytes: number | undefined,
): readonly string[] {
	switch (unlocking.by) {
		case "passphrase":
			// From standard input without --key-file: to the first line end, as when osbuild formats and opens.
			return slotArguments(unlocking.keySlot);
		case "key-file": {
			const { keySlot, offsetBytes, sizeBytes } = unlocking;
			const argv = ["--key-file=-", ...slotArguments(keySlot)];
			if (offsetBytes > 0) argv.push(`--keyfile-offset=${offsetBytes}`);
			if (sizeBytes !== undefined) argv.push(`--keyfile-size=${sizeBytes}`);
			return argv;
		}
		case "volume-key-file": {
			const argv = [`--volume-key-file=${pathOf(0)}`];
			if (volumeKeyBytes !== undefined) argv.push(`--key-size=${volumeKeyBytes * 8}`);
			return argv;
		}
		case "token": {
			const argv = ["--token-only"];
			if (unlocking.id !== undefined) argv.push(`--token-id=${unlocking.id}`);
			if (unlocking.type !== undefined) argv.push(`--token-type=${unlocking.type}`);
			return argv;
		}
	}
}

function slotArguments(keySlot: number | undefined): readonly string[] {
	return keySlot === undefined ? [] : [`--key-slot=${keySlot}`];
}

/** How a program opens what it has open already. */
function pathOf(fd: number): string {
	return `/proc/self/fd/${fd}`;
}
