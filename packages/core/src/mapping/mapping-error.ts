import { errnoName, isSysError, type KeeperFailure } from "@devhost/linux";
import { busyMessage, DeviceBusy, DeviceError, type DeviceErrorCode } from "../error.ts";
import type { DeviceErrorOptions } from "../error.ts";
import { nodesOf, type TableRequest } from "./open-mapping.ts";
import type { MappingSys } from "./mapping-sys.ts";

/** What somebody is told when device-mapper itself cannot be used. Anything else comes back as it is. */
export function controlError(error: unknown, subject: string): unknown {
	if (!isSysError(error)) return error;
	const fail = (code: DeviceErrorCode, what: string): DeviceError =>
		new DeviceError(code, `${subject}: ${what} (${error.syscall}: ${error.code})`, {
			cause: error,
			details: { errno: error.code },
		});
	switch (error.code) {
		case "ENODEV":
		case "ENXIO":
		case "ENOENT":
		case "ENOTTY":
			return fail(
				"ERR_DEVICE_UNSUPPORTED",
				`there is no device-mapper here. ${howToGetMapper}`,
			);
		case "EACCES":
		case "EPERM":
			return fail("ERR_DEVICE_PERMISSION", `device-mapper needs root. ${howToGetRoot}`);
		default:
			return error;
	}
}

/** What somebody is told when a mapping of this name, or uuid, is there already. */
export function nameTaken(subject: string, name: string): DeviceBusy {
	const message =
		`${subject}: there is a mapping called ${name} already; it is left alone. ` +
		`dmsetup info ${name} tells of it`;
	return new DeviceBusy(message, [], { details: { mapping: name } });
}

/** What somebody is told whose mapping was not made, unless it is a command that failed. */
export async function keepError(
	sys: MappingSys,
	failure: KeeperFailure,
	{
		subject,
		name,
		table,
	}: { readonly subject: string; readonly name: string } & Partial<Pick<TableRequest, "table">>,
): Promise<DeviceError> {
	const { step, errno, status, leftCount } = failure;
	const code = errno === undefined ? undefined : errnoName(errno);
	const options: DeviceErrorOptions = {
		details: {
			step,
			...(code !== undefined && { errno: code }),
			...(leftCount > 0 && { leftCount }),
		},
	};
	const fail = (which: DeviceErrorCode, what: string): DeviceError =>
		new DeviceError(which, `${subject}: ${what}`, options);
	if (step === "exists" || (step === "create" && code === "EBUSY"))
		return nameTaken(subject, name);
	if (step === "exec")
		return fail("ERR_DEVICE_TOOL", `the program could not be started (${code})`);
	if (step === "missing")
		return fail("ERR_DEVICE_SYSTEM", `the program ended well, and made no mapping ${name}`);
	if (step === "keeper") {
		const how = status === undefined ? "" : ` (${status.signal ?? `status ${status.code}`})`;
		return fail("ERR_DEVICE_SYSTEM", `what makes mappings was ended${how}`);
	}
	if (code === "ENOMEM") return fail("ERR_DEVICE_MEMORY", `${stepNames[step]} (ENOMEM)`);
	if (code === "EPERM" || (code === "EACCES" && step === "open")) {
		const what = "no device node can be made or opened here";
		return fail(
			"ERR_DEVICE_PERMISSION",
			`${what} (${step}: ${code}). ${howToGetRoot}. A device directory must not be on a file system mounted nodev`,
		);
	}
	if (table !== undefined && (step === "load" || step === "resume")) {
		const specific = await tableError(sys, failure, { subject, table, code });
		if (specific !== undefined) return specific;
	}
	return fail("ERR_DEVICE_SYSTEM", `${stepNames[step]} (${code ?? "unknown"})`);
}

async function tableError(
	sys: MappingSys,
	{ step }: KeeperFailure,
	{
		subject,
		table,
		code,
	}: {
		readonly subject: string;
		readonly table: TableRequest["table"];
		readonly code: string | undefined;
	},
): Promise<DeviceError | undefined> {
	const options: DeviceErrorOptions = { details: { step, errno: code } };
	if (code === "EBUSY") {
		for (const node of nodesOf(table)) {
			const holders = await sys.holders(node);
			if (holders.length === 0) continue;
			const beneath = `${subject}: device ${node.major}:${node.minor} beneath`;
			return new DeviceBusy(busyMessage(beneath, holders), holders, options);
		}
		return new DeviceBusy(`${subject}: a device beneath is in use`, [], options);
	}
	if (code === "EINVAL") {
		const known = sys.targetTypes();
		const unknown = table.map(({ type }) => type).find((type) => !known.includes(type));
		if (unknown !== undefined) {
			return new DeviceError(
				"ERR_DEVICE_UNSUPPORTED",
				`${subject}: this kernel has no device-mapper target "${unknown}". Load its module: modprobe dm-${unknown}`,
				options,
			);
		}
		return new DeviceError(
			"ERR_DEVICE_SYSTEM",
			`${subject}: the kernel refuses the mapping's table (EINVAL). Its log says why: dmesg`,
			options,
		);
	}
	if (code === "EACCES" || code === "EROFS") return readOnlyBeneath(subject, options);
	return undefined;
}

/** A device beneath that can only be read, for a mapping that can be written. */
export function readOnlyBeneath(subject: string, options: DeviceErrorOptions = {}): DeviceError {
	return new DeviceError(
		"ERR_DEVICE_READ_ONLY_FILE",
		`${subject}: the device beneath is read-only. Make it writable, or set read-only: true`,
		{ ...options, pointer: "/read-only" },
	);
}

const stepNames: Readonly<Record<KeeperFailure["step"], string>> = {
	table: "the mapping's table could not be handed over",
	create: "no mapping could be made",
	load: "the kernel refuses the mapping's table",
	open: "the mapping could not be opened",
	arm: "the kernel cannot remove mappings with their last user; Linux 3.13 or newer is needed",
	resume: "the mapping could not be started",
	list: "the mappings that there are could not be listed",
	exists: "there is such a mapping already",
	clone: "the program could not be started",
	exec: "the program could not be started",
	command: "the program failed",
	missing: "the program made no mapping",
	rename: "the mapping could not be renamed",
	service: "opening was cancelled",
	keeper: "what makes mappings was ended",
};

const howToGetRoot = "Run as root; a container also needs --privileged";
const howToGetMapper =
	"Load the kernel's module (modprobe dm-mod), or use a kernel that has it: devhost run --backend uml brings one";
