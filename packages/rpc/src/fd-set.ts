import { closeFd, Fd } from "@devhost/linux";

const none: readonly number[] = [];

/**
 * Received descriptors. The set owns them: `using` or {@link FdSet.close} closes what was not taken.
 *
 * The indices of the others stay what they are when one is taken. All are close-on-exec.
 */
export class FdSet implements Disposable {
	#numbers: readonly number[];

	/**
	 * Takes ownership of open descriptors.
	 *
	 * @throws RangeError for what cannot be a descriptor.
	 */
	constructor(numbers: readonly number[] = none) {
		for (let i = 0; i < numbers.length; i++) {
			const number = numbers[i] as number;
			if (!Number.isInteger(number) || number < 0) {
				throw new RangeError(`not a descriptor: ${String(number)}`);
			}
		}
		this.#numbers = numbers;
	}

	/** How many descriptors were received; 0 once closed. */
	get length(): number {
		return this.#numbers.length;
	}

	/**
	 * The number of a descriptor, lent: it is closed with the set.
	 *
	 * @throws RangeError when there is no such descriptor, or not any more.
	 */
	fd(index: number): number {
		const number = this.#numbers[index];
		if (number === undefined || number < 0) {
			const what =
				number === undefined ? `is not one of ${this.length}` : "was taken already";
			throw new RangeError(`descriptor ${index} ${what}`);
		}
		return number;
	}

	/**
	 * Gives a descriptor away: the caller closes it from here on.
	 *
	 * @throws RangeError when there is no such descriptor, or not any more.
	 */
	take(index: number): Fd {
		const number = this.fd(index);
		(this.#numbers as number[])[index] = -1;
		return Fd.adopt(number);
	}

	/**
	 * Closes what was not taken. Closing twice does nothing.
	 *
	 * @throws SysError when data written earlier could not be stored (close(2)). All are closed all the same.
	 */
	close(): void {
		const numbers = this.#numbers;
		if (numbers.length === 0) return;
		this.#numbers = none;
		let first: Error | undefined;
		for (let i = 0; i < numbers.length; i++) {
			const number = numbers[i] as number;
			if (number < 0) continue;
			try {
				closeFd(number);
			} catch (error) {
				first ??= error as Error;
			}
		}
		if (first !== undefined) throw first;
	}

	[Symbol.dispose](): void {
		this.close();
	}
}

/** Closes descriptors that nobody here has written to: what else their closing says is for the one who sent them. */
export function discardFds(fds: FdSet): void {
	try {
		fds.close();
	} catch {
		// A file of FUSE or NFS, for example, for which its server has an error. They are closed.
	}
}

/** The set of a message without descriptors. It has no state, so that one serves all. */
export const noFds: FdSet = new FdSet();
