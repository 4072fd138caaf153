/**
 * What the kernel's log says since a look at it, in lines that have one of some words in them.
 *
 * @param before - The newest lines then.
 * @param now - The newest lines now, with an end in common if nothing was lost.
 * @param words - Names of what failed: `loop3`.
 * @returns The texts, without level and time.
 */
export function newMessages(
	before: readonly string[],
	now: readonly string[],
	words: readonly string[],
): string[] {
	return now
		.slice(now.length - countNew(before, now))
		.filter((line) => words.some((word) => hasWord(line, word)))
		.map((line) => line.replace(/^(<\d+>)?(\[ *\d+\.\d+\] )?/, ""));
}

/** How many lines were added. */
function countNew(before: readonly string[], now: readonly string[]): number {
	const end = before.slice(-comparedLines);
	const isSame = (count: number): boolean => {
		const known = now.slice(0, now.length - count).slice(-end.length);
		return (
			known.length > 0 && known.every((line, index) => line === end.at(index - known.length))
		);
	};
	const counts = now.map((_, index) => index);
	// A machine whose log has no times may say the same again. Something was said, or nobody would look.
	const hasTimes = /\[ *\d+\.\d+\]/.test(now.at(-1) ?? "");
	const found = counts.slice(hasTimes ? 0 : 1).find(isSame);
	return found ?? (isSame(0) ? 0 : now.length);
}

function hasWord(line: string, word: string): boolean {
	const at = line.indexOf(word);
	return at >= 0 && !/\d/.test(line.charAt(at + word.length));
}

/** Enough to tell a place in a log whose lines have no times. */
const comparedLines = 8;
