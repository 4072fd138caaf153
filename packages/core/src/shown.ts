/** A value as messages have it: as in the manifest, but not a page of it. */
export function shown(value: unknown): string {
	const text =
		typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
	return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
