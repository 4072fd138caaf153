import {
	type Capabilities,
	type CapabilityName,
	capabilityNumbers,
	capabilitySet,
} from "@devhost/linux";
import { RunError } from "./error.ts";

/**
 * What a stage may do as root, unless its manifest asks for more.
 *
 * This is osbuild's list (`osbuild/buildroot.py`) less what would let a stage out of its sandbox, or is of no use in it:
 *
 * - `CAP_MKNOD`: the devices of a stage are made for it, and it could make the host's. Never granted, asked for or not.
 * - `CAP_SYS_ADMIN`: unmounts what hides the run's own `/dev`, remounts the root writable. Making a file system does not
 *   need it. A stage that mounts has to ask.
 * - `CAP_DAC_READ_SEARCH`: open_by_handle_at(2) reaches every file of a file system of which one directory is visible, and
 *   writes where the tree is writable. `CAP_DAC_OVERRIDE` is enough to read what permissions forbid.
 * - `CAP_MAC_OVERRIDE`: means something to Smack only.
 *
 * `CAP_SYS_RAWIO` is in neither list.
 */
export const defaultCapabilities: readonly CapabilityName[] = [
	"CAP_AUDIT_WRITE",
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_IPC_LOCK",
	"CAP_KILL",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP",
	"CAP_SETGID",
	"CAP_SETPCAP",
	"CAP_SETUID",
	"CAP_SYS_CHROOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
];

/**
 * What a stage of osbuild may do, as far as a host has it: what osbuild gives to all, and what the stage asks for, less `CAP_MKNOD`.
 * With `CAP_SYS_ADMIN` it is root on this machine, here as there.
 *
 * Source: `DEFAULT_CAPABILITIES`, osbuild/pipeline.py.
 */
export function osbuildCapabilities(
	{ permitted, bounding }: Capabilities,
	asked: readonly string[],
): bigint {
	const all: readonly CapabilityName[] = [
		...defaultCapabilities,
		"CAP_DAC_READ_SEARCH",
		"CAP_MAC_OVERRIDE",
		"CAP_SYS_ADMIN",
		...asked.filter(isCapabilityName),
	];
	return capabilitySet(all) & permitted & bounding & ~capabilitySet(["CAP_MKNOD"]);
}

/** What bubblewrap needs while it builds the sandbox: mounts, namespaces, `lo`, paths that permissions forbid. */
const builderCapabilities = capabilitySet([
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_NET_ADMIN",
	"CAP_SETPCAP",
	"CAP_SYS_ADMIN",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
]);

/** The capabilities of one stage. */
export interface StageCapabilities {
	/** What the stage gets: the default and what it asks for, as far as this host has it. */
	readonly granted: bigint;
	/** What any process between us and the stage can ever hold: never `CAP_MKNOD`. The helper cuts it to `granted`. */
	readonly bound: bigint;
}

/**
 * Decides the capabilities of a stage.
 *
 * Only what this process has itself can be granted: bubblewrap's drop fails open, leaving a stage everything, when it is
 * asked for one that the host lacks.
 *
 * @param asked - Beyond the default, such as `CAP_SYS_ADMIN`.
 * @throws {@link RunError} `ERR_STAGE_CAPABILITY` for an unknown name, `CAP_MKNOD`, or one that this host lacks.
 */
export function stageCapabilities(
	asked: readonly string[],
	host: Capabilities,
	stage?: string,
): StageCapabilities {
	const available = host.permitted & host.bounding;
	let granted = capabilitySet(defaultCapabilities) & available;
	const where = stage === undefined ? "" : `stage ${stage}: `;
	for (const name of asked) {
		const refuse = (why: string): RunError =>
			new RunError("ERR_STAGE_CAPABILITY", `${where}capability ${name}: ${why}`, { stage });
		if (!isCapabilityName(name)) throw refuse("unknown, expected a name such as CAP_SYS_ADMIN");
		if (name === "CAP_MKNOD")
			throw refuse("never granted; declare a device and the stage finds its node");
		const bit = capabilitySet([name]);
		if ((available & bit) === 0n) throw refuse("this host does not have it, so no stage can");
		granted |= bit;
	}
	return { granted, bound: (granted | builderCapabilities) & ~capabilitySet(["CAP_MKNOD"]) };
}

/** The names in a set, for bubblewrap and for people. A bit that we have no name for is `CAP_<number>`. */
export function capabilityNames(set: bigint): string[] {
	const names = new Map<number, string>(
		Object.entries(capabilityNumbers).map(([name, number]) => [number, name]),
	);
	return Array.from({ length: 64 }, (_, bit) => bit)
		.filter((bit) => ((set >> BigInt(bit)) & 1n) === 1n)
		.map((bit) => names.get(bit) ?? `CAP_${bit}`);
}

function isCapabilityName(name: string): name is CapabilityName {
	return Object.hasOwn(capabilityNumbers, name);
}
