import { DeviceError, type DeviceErrorCode } from "@devhost/core";
import type { CommandError } from "@devhost/core/command";
import { cryptsetupFds } from "./cryptsetup-arguments.ts";
import type { KeySlot } from "./metadata.ts";
import type { Luks2Options, Unlocking } from "./options.ts";
import type { Luks2Header } from "./read-header.ts";

/** What cryptsetup was asked for, for a sentence on why it did not do it. */
export interface FailedOpening {
	readonly header: Luks2Header;
	readonly options: Luks2Options;
	/** What messages begin with: the device's name. */
	readonly subject: string;
	/** The parent's node, in whose place cryptsetup names a descriptor. */
	readonly parentPath: string;
	/** How many bytes of the passphrase were used, where it goes on behind a line end. */
	readonly lineEndBytes: number | undefined;
	/** Memory that programs can have, where the machine says so. */
	readonly availableBytes: number | undefined;
}

/**
 * What it means that `cryptsetup open` failed.
 *
 * Its exit statuses are five and stand for many things each; what it says tells them apart. All of it was seen with
 * 2.6.1, or is in its source: src/cryptsetup.c, src/utils_tools.c (`translate_errno`), lib/setup.c, lib/libdevmapper.c,
 * lib/luks2. 2.8 says the same.
 *
 * @returns The error as it came, where it is none of those that are known.
 */
export function cryptsetupError(error: CommandError, failed: FailedOpening): DeviceError {
	const { subject } = failed;
	const said = `${error.stderr}\n${error.stdout}`;
	const known = meanings.find(({ when, by, status, signal }) => {
		if (by !== undefined && by !== failed.options.unlocking.by) return false;
		if (when !== undefined) return when.test(said);
		return status === undefined ? signal === error.signal : status === error.exitCode;
	});
	if (known === undefined) return error;
	const groups = known.when?.exec(said)?.slice(1) ?? [];
	const { code, pointer, message } = known;
	return new DeviceError(code, `${subject}: ${message(failed, groups)}`, {
		cause: error,
		...(pointer !== undefined && { pointer: pointer(failed) }),
		details: { ...error.details, stderr: withoutDescriptors(error.stderr, failed) },
	});
}

interface Meaning {
	/** What cryptsetup says; without it the status or signal that it ends with counts. */
	readonly when?: RegExp;
	/** Only where it was unlocked so. */
	readonly by?: Unlocking["by"];
	readonly status?: number;
	readonly signal?: NodeJS.Signals;
	readonly code: DeviceErrorCode;
	readonly pointer?: (failed: FailedOpening) => string;
	/** @param groups - Of {@link when}. */
	readonly message: (failed: FailedOpening, groups: readonly string[]) => string;
}

const keyPointer = ({ options }: FailedOpening): string =>
	options.unlocking.by === "token" ? "/token-only" : `/${options.unlocking.by}`;

/** The first one that fits counts. */
const meanings: readonly Meaning[] = [
	{
		when: /^Nothing to read on input\.$/m,
		by: "token",
		code: "ERR_DEVICE_KEY",
		pointer: keyPointer,
		message: () => "a token asks for a PIN, and nobody is asked here",
	},
	{
		when: /^Nothing to read on input\.$/m,
		code: "ERR_DEVICE_KEY",
		pointer: keyPointer,
		message: ({ options }) =>
			`cryptsetup has read nothing from the ${options.unlocking.by}: it is empty`,
	},
	{
		when: /^Volume key does not match the volume\.$/m,
		code: "ERR_DEVICE_KEY",
		pointer: keyPointer,
		message: () => "the volume key is not the one that this container was made with",
	},
	{
		when: /^Cannot read (?:\d+ bytes from )?keyfile /m,
		code: "ERR_DEVICE_KEY",
		pointer: keyPointer,
		message: () => "the volume key is shorter than the one that this container was made with",
	},
	{
		when: /^Cannot use (\S+) cipher for keyslot encryption\.$/m,
		code: "ERR_DEVICE_UNSUPPORTED",
		message: (_, [cipher]) =>
			`the kernel has no cipher ${cipher}, with which the key slots are encrypted. ${howToGetCipher}`,
	},
	{
		when: /^No key available with this passphrase\.$|^No usable keyslot is available\.$/m,
		code: "ERR_DEVICE_KEY",
		pointer: keyPointer,
		message: ({ header, options: { unlocking }, lineEndBytes }) => {
			const slots =
				"keySlot" in unlocking && unlocking.keySlot !== undefined
					? `key slot ${unlocking.keySlot}`
					: `any of its key slots (${[...header.metadata.keySlots.keys()].join(", ")})`;
			const used =
				lineEndBytes === undefined
					? ""
					: `. The passphrase ends at its first line end, after ${lineEndBytes} bytes: what follows is not part of it. ` +
						"key-file takes every byte";
			return `the ${unlocking.by} does not open ${slots}${used}`;
		},
	},
	{
		when: /^Not enough available memory to open a keyslot\.$/m,
		code: "ERR_DEVICE_MEMORY",
		message: tooLittleMemory,
	},
	{ status: 3, code: "ERR_DEVICE_MEMORY", message: tooLittleMemory },
	// Nobody but the kernel kills it so, when there is no memory left: the keeper does only once nobody waits any more.
	{ signal: "SIGKILL", code: "ERR_DEVICE_MEMORY", message: tooLittleMemory },
	{
		when: /^Kernel does not support dm-integrity mapping\.$/m,
		code: "ERR_DEVICE_UNSUPPORTED",
		message: () =>
			"the kernel has no dm-integrity, which this container needs. " +
			"Load its module (modprobe dm-integrity), or open it in a guest (--backend uml)",
	},
	{
		when: /^device-mapper: reload ioctl on (\S+) .*failed: No such file or directory$/m,
		code: "ERR_DEVICE_UNSUPPORTED",
		message: ({ header }) => {
			const [segment] = header.metadata.segments;
			const { cipher, integrity } = segment ?? {};
			const also = integrity === undefined ? "" : ` or integrity ${integrity}`;
			return `the kernel has no cipher ${cipher}${also}, with which its data are encrypted. ${howToGetCipher}`;
		},
	},
	{
		when: /^device-mapper: reload ioctl on (\S+) .*failed: Invalid argument$/m,
		code: "ERR_DEVICE_UNSUPPORTED",
		message: () =>
			"the kernel refuses to set up dm-crypt for it: it has none, or not with these options. " +
			"Load its module (modprobe dm-crypt); the kernel's log (dmesg) may say more",
	},
	{
		when: /^(Requested .* (?:is|are) not supported\.|Discard\/TRIM is not supported\.)$/m,
		code: "ERR_DEVICE_UNSUPPORTED",
		message: (_, [sentence]) => `the kernel cannot open it with these options: ${sentence}`,
	},
	{
		when: /^Unmet LUKS2 requirements detected\.$|^(?:Reencryption in-progress|Illegal operation with reencryption)/m,
		code: "ERR_DEVICE_REQUIREMENT",
		message: ({ header }) =>
			`its header requires ${header.metadata.requirements.join(", ") || "something"} that this cryptsetup does not know`,
	},
	{
		when: /^Device contains ambiguous signatures/m,
		code: "ERR_DEVICE_METADATA",
		message: ({ header }) =>
			`something else has been written over the ${header.copy === "primary" ? "secondary" : "primary"} ` +
			"copy of its header. If this is the right device: cryptsetup repair DEVICE",
	},
	{
		when: /is not a valid LUKS device\.$/m,
		code: "ERR_DEVICE_METADATA",
		message: () =>
			"cryptsetup finds its header damaged, though its checksums are right. " +
			"cryptsetup repair DEVICE may mend it",
	},
	{
		when: /is too small|beyond real size of device/m,
		code: "ERR_DEVICE_OUT_OF_RANGE",
		message: () => "the parent ends before its data",
	},
	{
		when: /^Failed to load key in kernel keyring\.$/m,
		code: "ERR_DEVICE_PERMISSION",
		pointer: () => "/disable-keyring",
		message: () =>
			"the kernel's keyring takes no key here, as in some containers. Set disable-keyring: true",
	},
	{
		when: /^Cannot initialize device-mapper/m,
		code: "ERR_DEVICE_UNSUPPORTED",
		message: () => "there is no device-mapper here. Open it in a guest (--backend uml)",
	},
	{
		when: /^(No usable token .*|Token .* (?:cannot unlock|requires) .*)$/m,
		// Said beside every other failure, too.
		by: "token",
		code: "ERR_DEVICE_KEY",
		pointer: keyPointer,
		message: ({ header }, [sentence]) => {
			const tokens = [...header.metadata.tokens]
				.map(([id, { type }]) => `${id} (${type})`)
				.join(", ");
			return `no token opens it, of ${tokens}: ${sentence} ${aboutTokens}`;
		},
	},
];

const howToGetCipher =
	"Load its module (modprobe), or open it on a machine whose kernel has it in /proc/crypto";

const aboutTokens = "A token needs what it was made for: its keyring, plugin or hardware";

function tooLittleMemory({ header, options, availableBytes }: FailedOpening): string {
	const { unlocking } = options;
	const only = "keySlot" in unlocking ? unlocking.keySlot : undefined;
	const needs = [...header.metadata.keySlots]
		.filter(([slot]) => only === undefined || slot === only)
		.map(([slot, { derivation }]) => ({
			slot,
			bytes: derivation?.memoryBytes ?? 0,
			derivation,
		}))
		.toSorted((a, b) => b.bytes - a.bytes);
	const [most] = needs;
	const available =
		availableBytes === undefined ? "" : `, and ${mebibytes(availableBytes)} are available`;
	const needed =
		most === undefined || most.bytes === 0
			? ""
			: `: ${most.derivation?.type} of key slot ${most.slot} needs ${mebibytes(most.bytes)}${available}`;
	return (
		`there is too little memory to unlock it${needed}. Give the machine, container or guest more, ` +
		"or name a key slot that needs less with key-slot"
	);
}

/** The most memory that unlocking may need: of the slots that may be tried. */
export function memoryNeeded(
	keySlots: ReadonlyMap<number, KeySlot>,
	{ unlocking }: Luks2Options,
): number {
	if (unlocking.by === "volume-key-file") return 0;
	const only = "keySlot" in unlocking ? unlocking.keySlot : undefined;
	const tried = [...keySlots].filter(([slot]) => only === undefined || slot === only);
	return Math.max(0, ...tried.map(([, { derivation }]) => derivation?.memoryBytes ?? 0));
}

function mebibytes(bytes: number): string {
	return `${Math.floor(bytes / 2 ** 20)} MiB`;
}

function withoutDescriptors(text: string, { parentPath, options }: FailedOpening): string {
	return text
		.replaceAll(`/proc/self/fd/${cryptsetupFds.parent}`, parentPath)
		.replaceAll(`/proc/self/fd/${cryptsetupFds.header}`, options.header ?? "");
}
