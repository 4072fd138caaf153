/**
 * The candidate that somebody who wrote `name` most likely meant, for "did you mean".
 *
 * A candidate is near when few letters differ (one in three, neighbours that changed places count once), or when
 * `name` is its last part: `loopback` for `devhost.loopback`.
 *
 * @returns `undefined` when none is near. Of equally near ones the first.
 */
export function closestName(name: string, candidates: Iterable<string>): string | undefined {
	const wanted = name.toLowerCase();
	let closest: string | undefined;
	let least = Math.max(1, Math.floor(wanted.length / 3)) + 1;
	for (const candidate of candidates) {
		const other = candidate.toLowerCase();
		const distance =
			wanted !== "" && other.endsWith(`.${wanted}`)
				? 0.5
				: editDistance(wanted, other, least);
		// Every letter differs: of short names that is no more than one.
		if (distance >= least || distance === Math.max(wanted.length, other.length)) continue;
		least = distance;
		closest = candidate;
	}
	return closest;
}

/** Optimal string alignment distance; anything from `limit` on may come back as `limit`. */
function editDistance(a: string, b: string, limit: number): number {
	if (Math.abs(a.length - b.length) >= limit) return limit;
	let beforeLast: number[] = [];
	let last = Array.from({ length: b.length + 1 }, (_, column) => column);
	for (let row = 1; row <= a.length; row += 1) {
		const current = [row];
		for (let column = 1; column <= b.length; column += 1) {
			const same = a[row - 1] === b[column - 1];
			let cost = Math.min(
				(last[column] ?? 0) + 1,
				(current[column - 1] ?? 0) + 1,
				(last[column - 1] ?? 0) + (same ? 0 : 1),
			);
			const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
			if (row > 1 && column > 1 && swapped) {
				cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
			}
			current.push(cost);
		}
		beforeLast = last;
		last = current;
	}
	return last[b.length] ?? limit;
}
