/** Reads the numbers of on-disk structures, which are little-endian. Source: lvm2, lib/mm/xlate.h. */
export class Bytes {
	readonly bytes: Uint8Array;
	readonly #view: DataView;

	constructor(bytes: Uint8Array) {
		this.bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	get length(): number {
		return this.bytes.length;
	}

	u32(at: number): number {
		return this.#view.getUint32(at, true);
	}

	/** Infinity where the number is larger than JavaScript counts exactly: such a place is on no device. */
	u64(at: number): number {
		const value = Number(this.#view.getBigUint64(at, true));
		return Number.isSafeInteger(value) ? value : Infinity;
	}

	/** A character for each byte. */
	text(at: number, lengthBytes: number): string {
		return String.fromCharCode(...this.bytes.subarray(at, at + lengthBytes));
	}
}
