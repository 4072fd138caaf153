import { RunError } from "./error.ts";

/** `{devices.NAME}`: the path of a device, as the stage finds it. */
const placeholder = /\{devices\.([^{}]*)\}/g;

/** The names of devices that a text refers to. */
export function placeholderNames(text: string): string[] {
	return Array.from(text.matchAll(placeholder), ([, name]) => name ?? "");
}

/**
 * Puts the paths of devices into a text. Every other brace stays as it is.
 *
 * @throws {@link RunError} `ERR_STAGE_PLACEHOLDER` for a device that the stage does not have.
 */
export function fillPlaceholders(
	text: string,
	paths: ReadonlyMap<string, string>,
	stage: string,
): string {
	return text.replaceAll(placeholder, (whole, name: string) => {
		const path = paths.get(name);
		if (path !== undefined) return path;
		const known = [...paths.keys()].join(", ") || "none";
		const message = `stage ${stage}: ${whole}: no device of this stage, which has ${known}`;
		throw new RunError("ERR_STAGE_PLACEHOLDER", message, { stage });
	});
}
