import type { Guest } from "./guest.ts";

/** How a guest is to be booted. */
export interface BootOptions {
	/** The guest's memory: taken from this machine as it is used. @default 2 GiB */
	readonly memoryBytes?: number;
	/** How long booting may take. @default 60,000 */
	readonly timeoutMs?: number;
	/** How long powering off may take before the guest is killed. @default 30,000 */
	readonly powerOffTimeoutMs?: number;
	/** A guest that does not answer for so long is killed. 0: never. @default 300,000 */
	readonly hangTimeoutMs?: number;
	/** The guest's kernel. @default looked for along PATH, and where {@link installGuestKernel} puts it */
	readonly kernel?: string;
	/** The folder of the kernel's modules, the one with `modules.dep`. @default looked for, by the kernel's release */
	readonly modules?: string;
	/** The program that loads modules. @default looked for as `kernel` */
	readonly modprobe?: string;
	/** Where the guest's memory is kept, a file without a name. @default the first of /dev/shm, $TMPDIR, /tmp, /var/tmp with room */
	readonly memoryFolder?: string;
	/**
	 * Folders of this machine that the guest writes to, at the same path. All else of this machine is read-only there, and
	 * what is written to /tmp, /var/tmp, /run and /dev stays in the guest.
	 */
	readonly writable?: readonly string[];
	/** Files that no other guest may be given at the same time. They must exist. */
	readonly exclusive?: readonly string[];
	/** Gives up booting. A guest that is up is not touched by it. */
	readonly signal?: AbortSignal;
	/** What else the kernel's command line gets, such as `loglevel=7`. */
	readonly kernelArguments?: readonly string[];
}

/** What a look at this machine found: whether a guest boots, or what is in the way. */
export interface Probe {
	/** Whether a guest has really booted and run a command. */
	readonly works: boolean;
	/** What was looked at, in order. */
	readonly checks: readonly ProbeCheck[];
	/** The command that installs what is missing, when that is known: words of an argv. */
	readonly install?: readonly string[];
	/** Whether {@link installGuestKernel} could get it without root. */
	readonly canInstallWithoutRoot: boolean;
	/** Whether this was found by an earlier look, with the same kernels and the same user. */
	readonly isCached: boolean;
}

/** One thing that was looked at. */
export interface ProbeCheck {
	/** "kernel", "modules", "modprobe", "boot". */
	readonly name: string;
	readonly passed: boolean;
	/** A path, a release; or what is wrong and what to do. */
	readonly detail: string;
	/** The code of the error that was met. */
	readonly code?: string;
}

/** How {@link GuestBackend.probe} looks. */
export interface ProbeOptions extends BootOptions {
	/** Looks again although it is known. @default false */
	readonly fresh?: boolean;
	/** The user's cache folder; `false` keeps nothing. @default `$XDG_CACHE_HOME`, else `~/.cache` */
	readonly cacheFolder?: string | false;
}

/** One way to a guest. */
export interface GuestBackend {
	readonly name: string;
	/** Finds out whether it works here, by booting a guest, unless that is known. Never throws for what is missing. */
	probe(options?: ProbeOptions): Promise<Probe>;
	/**
	 * Boots a guest. A guest comes out whole or not at all.
	 *
	 * @throws {@link ApplianceError} that says what is missing or went wrong, and what to do.
	 * @throws The reason of `options.signal`.
	 */
	boot(options?: BootOptions): Promise<Guest>;
}
