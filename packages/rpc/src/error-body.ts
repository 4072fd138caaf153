import type { ErrorBody } from "./error.ts";
import { encodeMsgpack } from "./msgpack-encode.ts";

/**
 * Makes of whatever was thrown what travels: `{code, name, message, data?, stack?}`. It always can be sent.
 *
 * An error without a code of its own has the code `ERR_UNCODED`. Its `data` travels if it is plain data.
 */
export function errorBody(thrown: unknown, withStack: boolean): ErrorBody {
	if (!(thrown instanceof Error)) {
		return { code: uncoded, name: typeof thrown, message: text(describe(thrown)) };
	}
	const { code, data } = thrown as { code?: unknown; data?: unknown };
	return {
		code: typeof code === "string" ? text(code) : uncoded,
		name: text(thrown.name),
		message: text(thrown.message),
		...(data !== undefined && isPlain(data) ? { data } : {}),
		...(withStack ? { stack: text(thrown.stack) } : {}),
	};
}

/** The same without what may be too large. */
export function shortErrorBody(thrown: unknown): ErrorBody {
	const { code, name, message } = errorBody(thrown, false);
	return { code, name, message };
}

const uncoded = "ERR_UNCODED";
const longestText = 16_384;

function text(value: unknown): string {
	return String(value)
		.slice(0, longestText)
		.toWellFormed()
		.replace(/^\ufeff/, "");
}

function describe(thrown: unknown): string {
	try {
		return String(thrown);
	} catch {
		// An object that cannot even be turned into text.
		return typeof thrown;
	}
}

function isPlain(data: unknown): boolean {
	try {
		encodeMsgpack(data, 0);
		return true;
	} catch {
		return false;
	}
}
