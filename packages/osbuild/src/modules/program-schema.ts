/** What a program says of itself. */
export interface ProgramSchemas {
	/** The first line of its docstring. */
	readonly summary: string;
	readonly schema: object | undefined;
	readonly schema2: object | undefined;
}

/**
 * Finds `SCHEMA` and `SCHEMA_2` in a program in Python: texts that are assigned at its top level, JSON without the outer braces.
 *
 * Other ways to make a text (several in a row, by a function) osbuild does not take for one either.
 *
 * @throws Error where a text is there and is no JSON.
 *
 * Source: `ModuleInfo._load_from_py` and `_parse_schema`, osbuild/meta.py.
 */
export function schemasIn(program: string): ProgramSchemas {
	const [docstring = ""] = [...program.matchAll(new RegExp(`^(?:#.*\\n|\\s)*${text}`, "g"))].map(
		valueOf,
	);
	const found = new Map<string, object>();
	for (const match of program.matchAll(new RegExp(`^(SCHEMA|SCHEMA_2)\\s*=\\s*${text}`, "gm"))) {
		const name = match[1] as string;
		try {
			found.set(name, JSON.parse(`{${valueOf(match)}}`) as object);
		} catch (error) {
			throw new Error(`${name} is no JSON: ${(error as Error).message}`, { cause: error });
		}
	}
	const summary = docstring.trim().split("\n", 1)[0] ?? "";
	return { summary, schema: found.get("SCHEMA"), schema2: found.get("SCHEMA_2") };
}

/** A literal of Python: prefix, quotes and what is in them. */
const text = String.raw`(?<prefix>[rRuU]?)(?<quotes>"""|'''|"|')(?<inner>(?:\\[^]|(?!\k<quotes>)[^\\])*)\k<quotes>`;

function valueOf({ groups = {} }: RegExpExecArray): string {
	const { prefix = "", inner = "" } = groups;
	if (/r/i.test(prefix)) return inner;
	return inner.replaceAll(/\\(?:x([\da-f]{2})|u([\da-f]{4})|(\n)|([^]))/gi, unescaped);
}

function unescaped(
	whole: string,
	byte: string | undefined,
	unit: string | undefined,
	newline: string | undefined,
	letter: string | undefined,
): string {
	const code = byte ?? unit;
	if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
	if (newline !== undefined) return "";
	return escapes[letter ?? ""] ?? whole;
}

/** Source: "String and Bytes literals", The Python Language Reference. */
const escapes: Partial<Record<string, string>> = {
	"\\": "\\",
	"'": "'",
	'"': '"',
	b: "\b",
	f: "\f",
	n: "\n",
	r: "\r",
	t: "\t",
};
