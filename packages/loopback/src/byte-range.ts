import { DeviceError } from "@devhost/core";

/** Which part of a file a device shows. */
export interface WantedRange {
	/** Of the file, for errors. */
	readonly filename: string;
	readonly startBytes: number;
	/** Undefined: to the end of the file. */
	readonly sizeBytes: number | undefined;
	/** Bytes of a logical sector. */
	readonly sectorBytes: number;
}

/** A part of a file that makes a device: inside the file, not empty, whole sectors. */
export interface ByteRange {
	readonly offsetBytes: number;
	readonly sizeBytes: number;
}

/**
 * Finds the part of the file.
 *
 * The kernel would clip what leaves the file and drop what does not fill a sector, without a word: the stage would see a
 * shorter device than the manifest asks for.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_FILE` the file is empty or smaller than a sector.
 * @throws {@link DeviceError} `ERR_DEVICE_OUT_OF_RANGE` the part leaves the file, or is empty.
 * @throws {@link DeviceError} `ERR_DEVICE_UNALIGNED` it does not begin or end with a sector.
 */
export function byteRange(wanted: WantedRange, fileBytes: number): ByteRange {
	const { filename, startBytes, sectorBytes } = wanted;
	if (fileBytes < sectorBytes) {
		const what = fileBytes === 0 ? "is empty" : `has ${fileBytes} bytes`;
		throw new DeviceError(
			"ERR_DEVICE_FILE",
			`${filename}: ${what}, a device needs at least one sector of ${sectorBytes} bytes`,
		);
	}
	const sizeBytes = wanted.sizeBytes ?? fileBytes - startBytes;
	const endBytes = startBytes + sizeBytes;
	if (wanted.sizeBytes === 0) {
		throw new DeviceError("ERR_DEVICE_OUT_OF_RANGE", `${filename}: the range is empty`);
	}
	if (sizeBytes <= 0 || endBytes > fileBytes) {
		const range =
			wanted.sizeBytes === undefined
				? `start ${inSectors(startBytes, sectorBytes)}`
				: `${inSectors(startBytes, sectorBytes)} to ${inSectors(endBytes, sectorBytes)}`;
		throw new DeviceError(
			"ERR_DEVICE_OUT_OF_RANGE",
			`${filename}: ${range} is outside the file, which ends at ${inSectors(fileBytes, sectorBytes)}`,
		);
	}
	requireAligned(filename, "starts", startBytes, sectorBytes);
	if (wanted.sizeBytes === undefined && endBytes % sectorBytes !== 0) {
		throw new DeviceError(
			"ERR_DEVICE_UNALIGNED",
			`${filename}: its ${fileBytes} bytes are not whole sectors of ${sectorBytes} bytes; ` +
				`give a size, or make the file ${Math.ceil(fileBytes / sectorBytes) * sectorBytes} bytes`,
		);
	}
	requireAligned(filename, "ends", endBytes, sectorBytes);
	return { offsetBytes: startBytes, sizeBytes };
}

function requireAligned(filename: string, does: string, bytes: number, sectorBytes: number): void {
	if (bytes % sectorBytes === 0) return;
	throw new DeviceError(
		"ERR_DEVICE_UNALIGNED",
		`${filename}: the range ${does} at byte ${bytes}, expected a multiple of its ${sectorBytes} byte sectors`,
	);
}

function inSectors(bytes: number, sectorBytes: number): string {
	return bytes % sectorBytes === 0
		? `sector ${bytes / sectorBytes} (byte ${bytes})`
		: `byte ${bytes}`;
}
