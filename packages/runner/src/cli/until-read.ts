import { exitCodeOf, exitCodes } from "../exit-code.ts";
import { onAbort } from "../on-abort.ts";
import { dropText, textWritten } from "../write-text.ts";

/** What signals ask for. */
export interface Interruption extends Disposable {
	/** To end in order. */
	readonly signal: AbortSignal;
	/** Not to wait any more. */
	readonly killSignal: AbortSignal;
}

/** How long an interrupted run waits for a slow reader of what it printed. */
const readGraceMs = 2_000;

/**
 * Waits until everything is printed: for a slow reader as long as it takes, like other programs, but not for longer than
 * somebody wants.
 */
export async function untilRead(
	exitCode: number,
	{ signal, killSignal }: Pick<Interruption, "signal" | "killSignal">,
): Promise<number> {
	const written = textWritten();
	if (written === undefined) return exitCode;
	using limits = new DisposableStack();
	const { promise: gaveUp, resolve } = Promise.withResolvers<"gave up">();
	const giveUp = (): void => resolve("gave up");
	const wasInterrupted = signal.aborted;
	if (wasInterrupted) {
		const timer = setTimeout(giveUp, readGraceMs);
		limits.defer(() => clearTimeout(timer));
		if (!killSignal.aborted) onAbort(killSignal, limits, giveUp);
	} else onAbort(signal, limits, giveUp);

	if ((await Promise.race([written, gaveUp])) !== "gave up") return exitCode;
	dropText();
	return exitCode === exitCodes.done ? exitCodeOf(signal.reason) : exitCode;
}
