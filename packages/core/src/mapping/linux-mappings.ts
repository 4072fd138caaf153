import { readdirSync, readFileSync } from "node:fs";
import {
	DeviceMapper,
	type DeviceNumber,
	fsync,
	isSysError,
	keepCommand,
	MappingKeeper,
} from "@devhost/linux";
import { identify, isPresent } from "../absence.ts";
import {
	claimBlock,
	describeBlock,
	makeBlockNode,
	releaseBlock,
	removeBlockNode,
} from "../block-device.ts";
import { nowMs } from "../clock.ts";
import { delay } from "../delay.ts";
import { findHolders } from "../find-holders.ts";
import type { MappingSys } from "./mapping-sys.ts";

/** What a process needs of device-mapper once: its control device, and the process that makes mappings of tables. */
class Mappers {
	readonly #control: string | undefined;
	#mapper: DeviceMapper | undefined;
	#keeper: MappingKeeper | undefined;

	constructor(control?: string) {
		this.#control = control;
	}

	get mapper(): DeviceMapper {
		this.#mapper ??= DeviceMapper.open(
			this.#control === undefined ? {} : { control: this.#control },
		);
		return this.#mapper;
	}

	/** The one that there is; another one where somebody has killed it. */
	startKeeper(): MappingKeeper {
		if (this.#keeper?.isRunning !== true) this.#keeper = MappingKeeper.start(this.mapper);
		return this.#keeper;
	}
}

/** Of all that do not name a control device of their own. */
const shared = new Mappers();

/**
 * This machine's device-mapper: one or two system calls for each method. Its control device is opened when it is needed
 * first, and stays open until this process ends; so does the process that makes mappings of tables.
 *
 * @param options - `control`: the path of a control node, instead of one of our own.
 */
export function linuxMappings(options: { readonly control?: string } = {}): MappingSys {
	const mappers = options.control === undefined ? shared : new Mappers(options.control);

	return {
		prepare() {
			try {
				mappers.startKeeper();
			} catch (error) {
				if (!isSysError(error)) throw error; // whoever needs it will be told
			}
		},
		keepTable: ({ tag, devices, ...request }) =>
			mappers.startKeeper().keepTable({ ...request, directory: devices, name: tag }),
		keepCommand({ devices, ...request }) {
			const { control } = mappers.mapper;
			return keepCommand({ ...request, control, directory: devices });
		},
		list: () => mappers.mapper.list(),
		targetTypes: () => mappers.mapper.targets().map(({ name }) => name),
		status: (node) => mappers.mapper.status({ node }),
		targets: (node) =>
			mappers.mapper
				.targetStatus({ node }, { noFlush: true })
				.map(({ startSectors, lengthSectors, type }) => {
					return { startSectors, lengthSectors, type };
				}),
		async arm(node) {
			try {
				await mappers.mapper.removeDeferred({ node });
			} catch (error) {
				if (!isSysError(error, "ENXIO")) throw error; // it is gone
			}
		},
		resume: (node) => mappers.mapper.resume({ node }),
		makeNode: makeBlockNode,
		removeNode: removeBlockNode,
		describe: (mapping) => describeBlock(mapping.fd),
		// Not its name, which may be changed.
		identify: (node) => identify(node, { same: ["diskseq", "dm/uuid"] }),
		isPresent: (identity) => isPresent(identity),
		isReadOnly,
		devicesOn: listHolders,
		holders: (node) => findHolders(node),
		claim: claimBlock,
		flush: (mapping) => fsync(mapping.fd),
		release: releaseBlock,
		nowMs,
		delay,
	};
}

function isReadOnly({ major, minor }: DeviceNumber): boolean | undefined {
	try {
		return readFileSync(`/sys/dev/block/${major}:${minor}/ro`, "utf8").trim() === "1";
	} catch {
		return undefined;
	}
}

function listHolders({ major, minor }: DeviceNumber): string[] {
	try {
		return readdirSync(`/sys/dev/block/${major}:${minor}/holders`);
	} catch {
		return []; // it is gone
	}
}
