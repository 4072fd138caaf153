import { binding } from "./binding.ts";
import { SysError } from "./errno.ts";
import { type Fd, type FdLike, fdNumber } from "./fd.ts";

/** A call of {@link performInOrder}. */
export type BatchCall =
	| {
			readonly call: "ioctl";
			readonly fd: FdLike;
			readonly request: number;
			/** Of the request, for the error: `"LOOP_CONFIGURE"`. */
			readonly name: string;
			/** The structure, which the kernel may write to. */
			readonly argument?: Uint8Array;
	  }
	| { readonly call: "fsync"; readonly fd: FdLike }
	/**
	 * Brings what was written to a file or block device to what is beneath, and tells of writes that failed since `fd` was
	 * opened; unlike fsync without a flush of the disk. sync_file_range(2).
	 */
	| { readonly call: "sync_file_range"; readonly fd: FdLike }
	/** Whether a path leads to something: 1 or 0. access(2). */
	| { readonly call: "exists"; readonly path: string }
	/** The descriptor is taken: it is closed also when its closing fails. */
	| { readonly call: "close"; readonly fd: Pick<Fd, "fd" | "take"> };

/**
 * Makes several calls one after another on a thread of the pool. Every one is made, whatever became of those before.
 *
 * The way to a thread and back costs up to a tenth of a millisecond, more than most calls: this goes it once. The
 * descriptors must stay open.
 *
 * @returns For each call its result, or why it failed.
 */
export async function performInOrder(
	calls: readonly BatchCall[],
): Promise<readonly (number | SysError)[]> {
	if (calls.length === 0) return [];
	const numbers = new Int32Array(calls.length * 3);
	const structures: (Uint8Array | undefined)[] = [];
	for (const [index, each] of calls.entries()) {
		numbers[index * 3] = kinds[each.call];
		numbers[index * 3 + 1] = fdOf(each);
		numbers[index * 3 + 2] = each.call === "ioctl" ? each.request : 0;
		structures.push(structureOf(each));
	}
	// Not before: nothing is taken when a descriptor above is closed already, which throws.
	for (const each of calls) if (each.call === "close") each.fd.take();
	await binding.blockingBatch(numbers, structures);
	return calls.map((each, index) => {
		const result = numbers[index * 3] as number;
		if (result >= 0) return result;
		return new SysError(nameOf(each), -result);
	});
}

function nameOf(each: BatchCall): string {
	if (each.call === "exists") return "access";
	return each.call === "ioctl" ? each.name : each.call;
}

function fdOf(each: BatchCall): number {
	if (each.call === "exists") return -1;
	return each.call === "close" ? each.fd.fd : fdNumber(each.fd);
}

function structureOf(each: BatchCall): Uint8Array | undefined {
	if (each.call === "exists") return Buffer.from(`${each.path}\0`);
	return each.call === "ioctl" ? each.argument : undefined;
}

// Source: native/blocking.c.
const kinds = { ioctl: 0, fsync: 1, close: 2, sync_file_range: 3, exists: 5 } as const;
