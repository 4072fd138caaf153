import type { JsonPath } from "./json-document.ts";

/** A path as a JSON pointer: `/devices/root/options/start`. Source: RFC 6901. */
export function jsonPointer(path: JsonPath): string {
	return path
		.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`)
		.join("");
}
