import type { BootOptions, GuestBackend } from "./backend.ts";
import type { Guest } from "./guest.ts";
import { uml } from "./uml.ts";

/** All ways to a guest, the one that is tried first in front. */
export const backends: readonly GuestBackend[] = [uml];

/**
 * Boots a guest in the first way that this machine has; today that is {@link uml}.
 *
 * @throws {@link ApplianceError} as {@link GuestBackend.boot}.
 * @example
 * ```ts
 * import { bootGuest } from "@devhost/appliance";
 *
 * await using guest = await bootGuest({ writable: ["/home/me/image"] });
 * await guest.run(["mkfs.ext4", "-q", "/home/me/image/disk.img"]);
 * ```
 */
export function bootGuest(options: BootOptions = {}): Promise<Guest> {
	return uml.boot(options);
}
