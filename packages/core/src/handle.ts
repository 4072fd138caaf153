/** An open descriptor that somebody owns and closes. `Fd` of `@devhost/linux` is one. */
export interface Handle extends Disposable, AsyncDisposable {
	/** The number, lent. */
	readonly fd: number;
	/** Gives the descriptor away: whoever gets the number closes it. */
	take(): number;
	/** Closes on this thread; nothing happens the second time. */
	close(): void;
	/** Closes on a thread of the pool: the last close of a block device writes back what it cached. */
	closeAsync(): Promise<void>;
}
