import { RpcError } from "./error.ts";
import { maxNesting, maxValues } from "./limits.ts";

/**
 * Checks that a value can travel and will arrive as it is: null, booleans, numbers, bigints of 64 bits, strings without
 * lone surrogates, arrays, plain objects and `Uint8Array`s. Members that are undefined do not travel.
 *
 * The library would send something else in place of others (an `Error` as an array, U+FFFD for a lone surrogate), or
 * something that the other side has to refuse.
 *
 * @throws TypeError naming the member.
 * @throws {@link RpcError} `ERR_RPC_LIMIT`: deeper than 64, or more than 65,536 values.
 */
export function checkPlain(value: unknown): void {
	budget = maxValues;
	if (isPlain(value, 0)) return;
	if (budget < 0) throw new RpcError("ERR_RPC_LIMIT", `value: more than ${maxValues} parts`);
	throw refusal(value, "", 0);
}

let budget = 0;

function isPlain(value: unknown, depth: number): boolean {
	if (--budget < 0) return false;
	switch (typeof value) {
		case "string":
			return travels(value);
		case "number":
		case "boolean":
		case "undefined":
			return true;
		case "bigint":
			return BigInt.asUintN(64, value) === value || BigInt.asIntN(64, value) === value;
		case "object":
			break;
		default:
			return false;
	}
	if (value === null) return true;
	if (Array.isArray(value)) {
		if (depth === maxNesting) return false;
		for (let i = 0; i < value.length; i++) {
			if (!isPlain(value[i], depth + 1)) return false;
		}
		return true;
	}
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype !== Object.prototype && prototype !== null) return value instanceof Uint8Array;
	if (depth === maxNesting) return false;
	for (const key in value) {
		const member = (value as Record<string, unknown>)[key];
		if (member === undefined) continue;
		budget--;
		if (!travels(key) || key === "__proto__" || !isPlain(member, depth + 1)) return false;
	}
	return true;
}

function travels(text: string): boolean {
	return text.isWellFormed();
}

/** Finds what {@link isPlain} refused, to name it. */
function refusal(value: unknown, path: string, depth: number): Error {
	if (typeof value === "object" && value !== null) {
		if (depth === maxNesting) {
			return new RpcError("ERR_RPC_LIMIT", `value: nested more than ${maxNesting} deep`);
		}
		const isArray = Array.isArray(value);
		const prototype: unknown = Object.getPrototypeOf(value);
		if (!isArray && prototype !== Object.prototype && prototype !== null) {
			return unsendable(`an object of class ${className(value)}`, path);
		}
		for (const [key, member] of Object.entries(value)) {
			const inside = isArray ? `${path}[${key}]` : `${path}.${key}`;
			if (member === undefined) continue;
			if (!travels(key) || key === "__proto__")
				return unsendable("this key", inside.toWellFormed());
			budget = maxValues;
			if (!isPlain(member, depth + 1)) return refusal(member, inside, depth + 1);
		}
	}
	if (typeof value === "bigint") return unsendable("an integer of more than 64 bits", path);
	if (typeof value !== "string") return unsendable(`a ${typeof value}`, path);
	return unsendable("a string with a lone surrogate", path);
}

function unsendable(what: string, path: string): TypeError {
	return new TypeError(`${what} cannot be sent${path === "" ? "" : ` (at ${path})`}`);
}

function className(value: object): string {
	const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
	return typeof name === "string" ? name : "?";
}
