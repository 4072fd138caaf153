import type {
	DeviceNumber,
	DmName,
	DmTarget,
	FdLike,
	KeptCommand,
	KeptOutput,
} from "@devhost/linux";
import { abandoned } from "../abandoned.ts";
import { attachFailures } from "../attach-failures.ts";
import { causeFirst } from "../cause-first.ts";
import { busy, lost } from "../close-complaint.ts";
import { type CloseTimeout, timeoutMsOf } from "../close-timeout.ts";
import { CommandError } from "../command-error.ts";
import { DeviceError } from "../error.ts";
import { mappingTag } from "../tag.ts";
import { waitUntil } from "../wait-until.ts";
import { type BoundMapping, closeMapping } from "./close-mapping.ts";
import type * as MappingErrors from "./mapping-error.ts";
import type { Kept, MappingSys } from "./mapping-sys.ts";

/** A mapping, and for whom it is. */
export interface MappingRequest {
	/** The run's id: `run` of the driver's context. */
	readonly run: string;
	/** The device's name in the run: `name` of the driver's context. */
	readonly name: string;
	/** What messages begin with. */
	readonly subject: string;
	/** The device directory, in which the node `dm-N` is made. Lent. */
	readonly devices: FdLike;
	/** It is opened for reading only; one by table cannot be written. A command has to be told so by its arguments. */
	readonly readOnly: boolean;
	/** How long closing waits for others to let go of the device. @default 5000 */
	readonly closeTimeoutMs?: CloseTimeout | undefined;
	/** Gives up opening. */
	readonly signal?: AbortSignal | undefined;
}

/** A mapping that is made of a table. */
export interface TableRequest extends MappingRequest {
	/** Targets name devices by number: `7:0`. */
	readonly table: readonly DmTarget[];
	/** What its uuid has before the tag, so that mappings of a kind are known by it: `PART-`. At most 40 characters. @default nothing */
	readonly uuidPrefix?: string | undefined;
	/** There is a key in the table: the kernel wipes its copies, and so do we. @default false */
	readonly secureData?: boolean | undefined;
}

/** A mapping that a program makes. */
export interface CommandRequest extends MappingRequest {
	readonly command: KeptCommand;
	/** The name of the mapping that it makes and that is opened. */
	readonly top: string;
	/** The names of others that it may make beneath. */
	readonly further?: readonly string[] | undefined;
	/** How the names of others begin that it may make beneath. */
	readonly furtherPrefix?: string | undefined;
	/**
	 * Afterwards `top` gets the name that {@link mappingTag} makes, and the others that and `.1`, `.2` and so on, by which
	 * they are known to be ours.
	 *
	 * @default false
	 */
	readonly rename?: boolean | undefined;
}

/** A mapping that was made with another one, beneath it. */
export interface MappingBeneath {
	readonly name: string;
	readonly uuid: string;
	readonly node: DeviceNumber;
}

/** An open mapping. Disposing it is {@link closeMapping}, once: whoever does so again waits for that. */
export interface OpenMapping extends AsyncDisposable {
	/** The node's name in the device directory: `dm-3`. */
	readonly path: string;
	readonly node: DeviceNumber;
	/** The descriptor that holds it, lent. */
	readonly fd: number;
	readonly name: string;
	readonly uuid: string;
	readonly sizeBytes: number;
	/** Bytes of a logical sector. */
	readonly sectorBytes: number;
	readonly readOnly: boolean;
	/** Distinguishes this mapping from all others of its number; undefined before Linux 5.15. */
	readonly diskSequence: bigint | undefined;
	readonly beneath: readonly MappingBeneath[];
	/** What the program wrote to its standard output that made it; undefined for one that was made of a table. */
	readonly stdout: string | undefined;
	/**
	 * Brings what was written to what is beneath.
	 *
	 * @throws {@link DeviceError} `ERR_DEVICE_CLOSE` something that was written is lost.
	 */
	flush(): Promise<void>;
}

/**
 * Makes a mapping of a table, under a name of ours.
 *
 * @throws {@link DeviceError} with nothing left behind. `ERR_DEVICE_BUSY` a mapping of this name is there, or a device beneath
 * is in use; `ERR_DEVICE_UNSUPPORTED` no device-mapper, or no such target; `ERR_DEVICE_READ_ONLY_FILE` a device beneath can
 * only be read; `ERR_DEVICE_PERMISSION` not root; `ERR_DEVICE_SYSTEM` anything else that the kernel refuses.
 */
export async function openTable(sys: MappingSys, request: TableRequest): Promise<OpenMapping> {
	const { run, name, subject, table, readOnly, secureData = false, devices, signal } = request;
	const tag = mappingTag(run, name);
	const uuid = `${request.uuidPrefix ?? ""}${tag}`;
	// The kernel minds only when something is written, and then it is lost.
	if (!readOnly && nodesOf(table).some((node) => sys.isReadOnly(node) === true))
		throw (await errors()).readOnlyBeneath(subject);
	return await openMapping(sys, request, {
		names: [tag, uuid],
		isOurs: (entry) => entry.name === tag && entry.uuid === uuid,
		async keep() {
			const kept = await sys.keepTable({
				tag,
				uuid,
				table,
				readOnly,
				secureData,
				devices,
				signal,
			});
			if (kept.ok) return kept;
			throw kept.step === "service"
				? abandoned(subject, signal?.reason)
				: await (await errors()).keepError(sys, kept, { subject, name: tag, table });
		},
	});
}

/**
 * Has a program make a mapping, and opens it. When the program is not to make it any more, because the signal aborts or this
 * process ends, it is killed, and what it has made is removed.
 *
 * @throws {@link CommandError} the program failed; what it had made is removed.
 * @throws {@link DeviceError} as {@link openTable}.
 */
export async function openCommand(sys: MappingSys, request: CommandRequest): Promise<OpenMapping> {
	const { run, subject, command, top, further = [], furtherPrefix, readOnly } = request;
	const { devices, signal, rename = false } = request;
	const tag = mappingTag(run, request.name);
	const names = rename ? [top, tag] : [top];
	const isNamed = (name: string): boolean =>
		names.includes(name) ||
		further.includes(name) ||
		(furtherPrefix !== undefined && name.startsWith(furtherPrefix)) ||
		(rename && name.startsWith(`${tag}.`));
	return await openMapping(sys, request, {
		names,
		isOurs: (entry) => isNamed(entry.name),
		async keep() {
			const kept = await sys.keepCommand({
				command,
				top,
				further,
				furtherPrefix,
				renameTo: rename ? tag : undefined,
				readOnly,
				devices,
				signal,
			});
			if (kept.ok) return kept;
			if (kept.step === "service") throw abandoned(subject, signal?.reason);
			if (kept.step !== "command")
				throw await (await errors()).keepError(sys, kept, { subject, name: top });
			const { status, stdout, stderr } = kept;
			throw new CommandError(subject, command.argv, {
				exitCode: status?.code,
				signal: status?.signal,
				stdout,
				stderr,
			});
		},
	});
}

interface Making {
	/** None of these may be there. */
	readonly names: readonly string[];
	/** Whether a mapping that was not there before is one that we made. */
	readonly isOurs: (mapping: DmName) => boolean;
	readonly keep: () => Promise<Kept & Partial<KeptOutput>>;
}

async function openMapping(
	sys: MappingSys,
	request: MappingRequest,
	making: Making,
): Promise<OpenMapping> {
	const { devices, readOnly, signal, closeTimeoutMs = defaultCloseTimeoutMs } = request;
	const { subject } = request;
	try {
		// Whatever is acquired here is released, last first, if a later step throws.
		await using acquired = new AsyncDisposableStack();
		signal?.throwIfAborted();
		const kept = await keepOrClean(sys, request, making);
		using unowned = new DisposableStack();
		for (const each of [kept.fd, ...kept.held]) unowned.use(each);
		const bound = bind(sys, kept);
		const facts = sys.describe(kept.fd);
		unowned.move();

		const path = `dm-${bound.node.minor}`;
		const whole = `${subject}: ${bound.name}`;
		const closing = { bound, subject: whole, devices, readOnly, closeTimeoutMs };
		let hasNode = false;
		acquired.defer(() => closeMapping(sys, { ...closing, path: hasNode ? path : undefined }));
		sys.makeNode(devices, path, bound.node);
		hasNode = true;
		// With its code before the device is closed again, which may fail, too.
		if (signal?.aborted === true) throw abandoned(subject, signal.reason);

		const beneath = kept.beneath.flatMap((node) => sys.status(node) ?? []);
		const owned = acquired.move(); // nothing below can throw
		let closed: Promise<void> | undefined;
		return {
			...facts,
			path,
			node: bound.node,
			get fd() {
				return kept.fd.fd;
			},
			name: bound.name,
			uuid: bound.uuid,
			beneath: beneath.map(({ name, uuid, node }) => ({ name, uuid, node })),
			stdout: kept.stdout === undefined ? undefined : new TextDecoder().decode(kept.stdout),
			async flush() {
				if (closed !== undefined)
					throw new DeviceError("ERR_DEVICE_CLOSED", `${whole}: closed already`);
				try {
					if (!readOnly) await sys.flush(kept.fd);
				} catch (error) {
					throw lost(whole, error);
				}
			},
			async [Symbol.asyncDispose]() {
				// A failure is told to the first; whoever asks again waits, too.
				if (closed !== undefined) return await closed.catch(() => {});
				closed = close(owned, whole);
				await closed;
			},
		};
	} catch (error) {
		const cause = causeFirst((await errors()).controlError(error, subject), subject);
		throw signal?.aborted === true && cause === signal.reason
			? abandoned(subject, cause)
			: cause;
	}
}

async function close(owned: AsyncDisposableStack, subject: string): Promise<void> {
	try {
		await owned.disposeAsync();
	} catch (error) {
		throw causeFirst(error, subject);
	}
}

/** Has the mapping made. When that fails, whatever was made is gone before this ends. */
async function keepOrClean(
	sys: MappingSys,
	{ subject, closeTimeoutMs = defaultCloseTimeoutMs }: MappingRequest,
	{ names, isOurs, keep }: Making,
): Promise<Kept & Partial<KeptOutput>> {
	const before = sys.list();
	const taken = before.find(({ name, uuid }) => names.includes(name) || names.includes(uuid));
	if (taken !== undefined) throw (await errors()).nameTaken(subject, taken.name);
	try {
		return await keep();
	} catch (error) {
		const failures: DeviceError[] = [];
		try {
			await removeOurs(sys, { before, isOurs, subject, closeTimeoutMs });
		} catch (failure) {
			const later = causeFirst((await errors()).controlError(failure, subject), subject);
			failures.push(later as DeviceError);
		}
		if (failures.length === 0 || !(error instanceof DeviceError)) throw error;
		throw attachFailures(error, { closeFailures: failures });
	}
}

/** The keeper removes what it made, unless it was killed; the kernel does so a moment after. */
async function removeOurs(
	sys: MappingSys,
	{
		before,
		isOurs,
		subject,
		closeTimeoutMs,
	}: {
		readonly before: readonly DmName[];
		readonly isOurs: (mapping: DmName) => boolean;
		readonly subject: string;
		readonly closeTimeoutMs: CloseTimeout;
	},
): Promise<void> {
	const isOld = (mapping: DmName): boolean =>
		before.some(({ name, node }) => name === mapping.name && node.minor === mapping.node.minor);
	const ours = (): readonly DmName[] =>
		sys.list().filter((mapping) => isOurs(mapping) && !isOld(mapping));
	for (const { node } of ours()) await sys.arm(node);
	const deadlineMs = sys.nowMs() + timeoutMsOf(closeTimeoutMs);
	if (await waitUntil(sys, deadlineMs, () => ours().length === 0)) return;
	const [first] = ours();
	if (first !== undefined) throw await busy(sys, first.node, `${subject}: ${first.name}`);
}

/** Takes down what the mapping is. */
function bind(sys: MappingSys, { fd, node, beneath, held }: Kept): BoundMapping {
	const status = sys.status(node);
	if (status === undefined)
		throw new DeviceError("ERR_DEVICE_NOT_OURS", `mapping ${node.major}:${node.minor} is gone`);
	return {
		handle: fd,
		node,
		name: status.name,
		uuid: status.uuid,
		identity: sys.identify(node),
		targets: sys.targets(node),
		beneath: beneath.map((each) => sys.identify(each)),
		held,
	};
}

/** The devices that a table names by number. */
export function nodesOf(table: readonly DmTarget[]): DeviceNumber[] {
	const found = table.flatMap(({ parameters }) => [
		...parameters.matchAll(/(?<!\S)(\d+):(\d+)(?!\S)/g),
	]);
	const unique = new Map(
		found.map(([text, major, minor]) => [text, { major: Number(major), minor: Number(minor) }]),
	);
	return [...unique.values()];
}

/** What only those need for whom something went wrong. */
function errors(): Promise<typeof MappingErrors> {
	return import("./mapping-error.ts");
}

/** How long closing waits for others to let go of the device, where nothing else is said. */
const defaultCloseTimeoutMs = 5_000;
