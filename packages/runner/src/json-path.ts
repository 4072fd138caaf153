import { isJsonObject, type JsonPath, type JsonValue } from "@devhost/core";

/** The steps of a JSON pointer, all of them strings. Source: RFC 6901. */
export function pointerSteps(pointer: string): string[] {
	return pointer
		.split("/")
		.slice(1)
		.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A JSON pointer as a path into `value`: only there can be seen which steps are indexes of lists. */
export function pathOfPointer(pointer: string, value: JsonValue | undefined): JsonPath {
	const path: (string | number)[] = [];
	let at = value;
	for (const text of pointerSteps(pointer)) {
		const step = Array.isArray(at) ? Number(text) : text;
		path.push(step);
		at = childOf(at, step);
	}
	return path;
}

/** The value at a path, if there is one. */
export function valueAt(value: JsonValue | undefined, path: JsonPath): JsonValue | undefined {
	let at = value;
	for (const step of path) at = childOf(at, step);
	return at;
}

function childOf(value: JsonValue | undefined, step: string | number): JsonValue | undefined {
	if (typeof step === "number") return Array.isArray(value) ? value[step] : undefined;
	return isJsonObject(value) ? value.get(step) : undefined;
}
