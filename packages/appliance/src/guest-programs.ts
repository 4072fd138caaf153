import { existsSync } from "node:fs";
import { join } from "node:path";
import { ApplianceError } from "./error.ts";

/** What native/*.c becomes. */
export type GuestProgram = "guest-preload.so" | "guest-init" | "guest-keeper";

/**
 * Path of one of this package's programs: the one that was built here, else the one that ships.
 *
 * @throws {@link ApplianceError} `ERR_APPLIANCE_UNSUPPORTED` on a machine that they are not for.
 */
export function guestProgram(name: GuestProgram): string {
	const folder = join(import.meta.dirname, "..");
	const candidates = [
		join(folder, "build", "Release", name),
		join(folder, "prebuilds", "linux-x64", name),
	];
	const found = process.arch === "x64" ? candidates.find((file) => existsSync(file)) : undefined;
	if (found !== undefined) return found;
	const why =
		process.arch === "x64"
			? `${name} is missing. Tried: ${candidates.join(", ")}`
			: `User Mode Linux is for x86 only, and this is ${process.arch}`;
	throw new ApplianceError("ERR_APPLIANCE_UNSUPPORTED", `guest: ${why}`);
}
