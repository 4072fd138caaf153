import { writeSync } from "node:fs";
import { isDeviceError } from "@devhost/core";

/** Writes a line for osbuild's log. Whether anybody reads it must not matter: osbuild may be gone. */
export function say(text: string): void {
	try {
		writeSync(1, `${text}\n`);
	} catch {
		// Its reader is gone.
	}
}

/** Writes what closing failed with. */
export function sayFailure(error: unknown): void {
	const failures = isDeviceError(error) ? [error, ...error.closeFailures] : [error];
	for (const failure of failures) {
		if (!(failure instanceof Error)) say(String(failure));
		else say(`${"code" in failure ? String(failure.code) : failure.name}: ${failure.message}`);
	}
}
