/** One import of a module, as the source has it. */
export interface Import {
	readonly specifier: string;
	readonly line: number;
}

const opening = /\/\/|\/\*|["'`]/g;

/**
 * Finds what a module imports: import and export declarations, also of types, `import()` and `require()` of a
 * literal. Not `import.meta.resolve()`, which finds an executable and imports nothing.
 *
 * Comments are left out, since the examples in them import this package as its users do. A regular expression with a quote
 * in it can hide the rest of its line, which is why the file's declarations are looked for line by line.
 */
export function findImports(source: string): Import[] {
	const code = withoutComments(source);
	const declaration = /^\s*(?:import|export)\b(?:[^"';]*?\bfrom)?\s*["']([^"'\n]+)["']/gm;
	const call = /\b(import|require)\s*\(\s*["']([^"'\n]+)["']/g;
	const static_ = [...code.matchAll(declaration)].map((match) => {
		const [text, specifier = ""] = match;
		return { specifier, line: lineAt(code, match.index + text.length) };
	});
	const dynamic = [...code.matchAll(call)].map((match) => {
		const [, , specifier = ""] = match;
		return { specifier, line: lineAt(code, match.index) };
	});
	return [...static_, ...dynamic].toSorted((a, b) => a.line - b.line);
}

/** The same text with spaces for comments, so that positions stay. */
export function withoutComments(source: string): string {
	let code = "";
	let position = 0;
	for (;;) {
		opening.lastIndex = position;
		const match = opening.exec(source);
		if (match === null) return code + source.slice(position);
		const start = match.index;
		const end = endOf(match[0], source, start);
		code += source.slice(position, start);
		const text = source.slice(start, end);
		code += match[0].startsWith("/") ? text.replaceAll(/[^\n]/g, " ") : text;
		position = end;
	}
}

function endOf(opened: string, source: string, start: number): number {
	if (opened === "//") return atOrEnd(source.indexOf("\n", start), source);
	if (opened === "/*") return atOrEnd(source.indexOf("*/", start), source, 2);
	for (let position = start + 1; position < source.length; position++) {
		const character = source[position];
		if (character === "\\") position++;
		else if (character === opened) return position + 1;
		// Only a template goes on in the next line; anything else was no string, as in /["']/.
		else if (character === "\n" && opened !== "`") return start + 1;
	}
	return start + 1;
}

function atOrEnd(position: number, source: string, length = 0): number {
	return position === -1 ? source.length : position + length;
}

function lineAt(text: string, position: number): number {
	return text.slice(0, position).split("\n").length;
}
