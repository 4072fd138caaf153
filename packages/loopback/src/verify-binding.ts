import { DeviceError } from "@devhost/core";
import { readOnlyFile } from "./backing-file.ts";
import type { FileFacts, LoopConfig, LoopFacts } from "./loop.ts";

/** What was asked for. */
export interface WantedBinding {
	/** Of the backing file, for errors. */
	readonly filename: string;
	readonly file: FileFacts;
	readonly config: LoopConfig;
}

/**
 * Compares what the kernel bound with what was asked for: never trust that no error means no difference.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_UNSUPPORTED` the kernel took another sector size, or no direct I/O (H-8).
 * @throws {@link DeviceError} `ERR_DEVICE_READ_ONLY_FILE` the file that was given is open for reading only.
 * @throws {@link DeviceError} `ERR_DEVICE_OUT_OF_RANGE` the file got shorter meanwhile.
 * @throws {@link DeviceError} `ERR_DEVICE_NOT_OURS` the device shows another file or range.
 */
export function verifyBinding(facts: LoopFacts, wanted: WantedBinding): void {
	const { config, filename, file } = wanted;
	if (facts.sectorBytes !== config.sectorBytes) {
		throw new DeviceError(
			"ERR_DEVICE_UNSUPPORTED",
			`${filename}: the kernel made sectors of ${facts.sectorBytes} bytes, not ${config.sectorBytes}`,
		);
	}
	if (facts.readOnly && !config.readOnly) {
		throw readOnlyFile(filename, "it was opened for reading only");
	}
	if (config.directIo && !facts.directIo) {
		throw new DeviceError(
			"ERR_DEVICE_UNSUPPORTED",
			`${filename}: the kernel does no direct I/O on this file system with sectors of ` +
				`${config.sectorBytes} bytes at byte ${config.offsetBytes}; try 4096 byte sectors, or leave direct-io out`,
		);
	}
	if (facts.sizeBytes < config.sizeBytes) {
		throw new DeviceError(
			"ERR_DEVICE_OUT_OF_RANGE",
			`${filename}: the device has ${facts.sizeBytes} bytes instead of ${config.sizeBytes}: ` +
				"the file got shorter while it was opened",
		);
	}
	const same =
		facts.device.major === file.device.major &&
		facts.device.minor === file.device.minor &&
		facts.inode === file.inode &&
		facts.offsetBytes === config.offsetBytes &&
		facts.sizeBytes === config.sizeBytes &&
		facts.readOnly === config.readOnly &&
		facts.tag === config.tag;
	if (!same) {
		throw new DeviceError(
			"ERR_DEVICE_NOT_OURS",
			`${filename}: the loop device shows another file or range than the one that was bound to it`,
		);
	}
}
