import {
	closeTimeoutOf,
	DeviceError,
	mappingTag,
	type OpenContext,
	type OpenDevice,
} from "@devhost/core";
import { isCommandError, toolEnvironment } from "@devhost/core/command";
import { openCommand, type OpenMapping } from "@devhost/core/mapping";
import { checkDetached, checkHeader, requireLuks2 } from "./check-header.ts";
import { cryptsetupArguments, cryptsetupFds } from "./cryptsetup-arguments.ts";
import { memoryNeeded } from "./cryptsetup-error.ts";
import { Cryptsetup } from "./cryptsetup.ts";
import type { Handle, LuksSys } from "./luks.ts";
import { MemoryQueue } from "./memory-queue.ts";
import { openHeaderFile, openParent, type OpenParent } from "./open-files.ts";
import type { Luks2Options } from "./options.ts";
import { type Luks2Header, readHeader } from "./read-header.ts";
import { takeSecret } from "./secret.ts";

/** Opens containers, on one machine. */
export class Luks2Opener {
	readonly #sys: LuksSys;
	readonly #closeTimeoutMs: number;
	readonly #cryptsetup: Cryptsetup;
	readonly #memory: MemoryQueue;

	constructor(sys: LuksSys, closeTimeoutMs: number) {
		this.#sys = sys;
		this.#closeTimeoutMs = closeTimeoutMs;
		this.#cryptsetup = new Cryptsetup(sys);
		this.#memory = new MemoryQueue(() => sys.availableBytes());
	}

	/**
	 * Unlocks one container.
	 *
	 * @throws {@link DeviceError} with nothing left behind.
	 * @throws {@link SysError} a system call failed in a way that has no code of its own.
	 */
	async open(options: Luks2Options, context: OpenContext): Promise<OpenDevice> {
		const sys = this.#sys;
		const { name: subject, run, devices, signal } = context;
		// Closed when the container is open: the mapping holds the parent itself, and nobody needs the header any more.
		using files = new DisposableStack();
		signal.throwIfAborted();
		const parent = openParent(sys, context, options);
		files.use(parent.device);
		const headerFile = files.use(openHeaderFile(sys, context, options));
		const header = await findHeader(sys, { subject, options, parent, headerFile });
		warn(header, context);
		using secret = takeSecret(options.unlocking, context);
		signal.throwIfAborted();

		const name = mappingTag(run, subject);
		const { keySlots } = header.metadata;
		const request = {
			options,
			name,
			tokens: header.metadata.tokens,
			volumeKeyBytes: keySlots.size === 0 ? secret?.sizeBytes : undefined,
		};
		const command = {
			file: sys.findCryptsetup(subject),
			argv: cryptsetupArguments(request),
			environment: toolEnvironment(),
			fds: {
				[cryptsetupFds.parent]: parent.device.fd,
				...(headerFile !== undefined && { [cryptsetupFds.header]: headerFile.fd }),
				...(secret !== undefined && { 0: secret.fd }),
			},
		};
		const mapping = await this.#memory.run(
			memoryNeeded(keySlots, options),
			signal,
			async () => {
				try {
					return await openCommand(sys.mappings, {
						run,
						name: subject,
						subject,
						devices,
						command,
						top: name,
						// Of a container with integrity: dm-integrity beneath dm-crypt.
						further: [`${name}_dif`],
						readOnly: options.readOnly,
						closeTimeoutMs: closeTimeoutOf(context, this.#closeTimeoutMs),
						signal,
					});
				} catch (error) {
					if (!isCommandError(error)) throw error;
					const failed = { header, options, subject, parent, command, secret };
					throw await this.#cryptsetup.explain(error, failed);
				}
			},
		);
		return await opened(mapping, header, subject);
	}
}

interface HeaderSearch {
	readonly subject: string;
	readonly options: Luks2Options;
	readonly parent: OpenParent;
	readonly headerFile: Handle | undefined;
}

/** The header, which can be opened as far as can be known without a key. */
async function findHeader(sys: LuksSys, search: HeaderSearch): Promise<Luks2Header> {
	const { subject, options, parent, headerFile } = search;
	const found = await readHeader(sys.readerOf(headerFile ?? parent.device));
	const where = options.header === undefined ? parent.path : `header ${options.header}`;
	const header = requireLuks2(found, subject, where);
	const check = { header, options, subject, parentBytes: parent.sizeBytes };
	checkHeader(check);
	if (headerFile !== undefined) {
		checkDetached(await readHeader(sys.readerOf(parent.device)), check);
	}
	return header;
}

function warn({ copy, otherCopy }: Luks2Header, { log }: OpenContext): void {
	if (otherCopy === undefined) return;
	const other = copy === "primary" ? "secondary" : "primary";
	log(
		`the ${other} copy of the LUKS2 header cannot be used (${otherCopy}), the ${copy} one is in order. ` +
			"cryptsetup repair mends it",
	);
}

/** Makes sure that it is what was to be opened. It is closed if not. */
async function opened(
	mapping: OpenMapping,
	header: Luks2Header,
	subject: string,
): Promise<OpenDevice> {
	await using acquired = new AsyncDisposableStack();
	acquired.use(mapping);
	// Source: cryptsetup 2.6.1, lib/libdevmapper.c, `dm_prepare_uuid`.
	const uuid = `CRYPT-LUKS2-${header.uuid.replaceAll("-", "")}-`;
	if (!mapping.uuid.startsWith(uuid)) {
		throw new DeviceError(
			"ERR_DEVICE_NOT_OURS",
			`${subject}: ${mapping.path} is ${mapping.uuid}, expected ${uuid}…: the header has changed meanwhile`,
		);
	}
	const { path, node, sizeBytes, sectorBytes, readOnly, diskSequence, stdout } = mapping;
	const [segment] = header.metadata.segments;
	const keySlot = /^Key slot (\d+) unlocked\.$/m.exec(stdout ?? "")?.[1];
	const details = {
		uuid: header.uuid,
		...(header.label !== "" && { label: header.label }),
		cipher: segment?.cipher,
		...(segment?.integrity !== undefined && { integrity: segment.integrity }),
		...(keySlot !== undefined && { keySlot: Number(keySlot) }),
		sizeBytes,
		sectorBytes,
		readOnly,
		...(diskSequence !== undefined && { diskSequence: Number(diskSequence) }),
	};
	const owned = acquired.move(); // nothing below can throw
	return { path, node, details, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
