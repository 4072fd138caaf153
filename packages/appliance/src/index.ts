/**
 * A guest kernel as an ordinary process, in which commands run as root.
 *
 * @packageDocumentation
 */
export type { BootOptions, GuestBackend, Probe, ProbeCheck, ProbeOptions } from "./backend.ts";
export { backends, bootGuest } from "./boot-guest.ts";
export {
	ApplianceError,
	type ApplianceErrorCode,
	type ApplianceErrorOptions,
	isApplianceError,
} from "./error.ts";
export type {
	Guest,
	GuestCommand,
	GuestEnd,
	GuestExit,
	GuestRunOptions,
	GuestStdin,
	TerminalSize,
} from "./guest.ts";
export {
	installGuestKernel,
	type InstalledKernel,
	type InstallOptions,
} from "./install-guest-kernel.ts";
export { uml } from "./uml.ts";
