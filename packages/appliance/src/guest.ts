import type { FdLike } from "@devhost/linux";
import type { ApplianceError } from "./error.ts";

/**
 * A running guest: a kernel of its own, in which commands run as root. Its root file system is this machine's, read-only but
 * for the folders that it was given, with the rights of whoever booted it.
 *
 * Disposing of it powers it off in order (everything written is then in this machine's files) and kills it when that takes
 * too long. It ends with this process, whatever ends that.
 */
export interface Guest extends AsyncDisposable {
	/** Its kernel's release: "6.1.176". */
	readonly kernelRelease: string;
	/** The process that keeps the guest; it ends after all others of the guest. */
	readonly pid: number;
	/** What the guest's console said last, at most 50 lines, invalid UTF-8 replaced. Nothing of a command's output. */
	readonly lastConsoleLines: readonly string[];
	/** Resolves, never rejects, when the guest and all its processes are gone. */
	readonly exited: Promise<GuestEnd>;

	/**
	 * Runs a command to its end and the end of its output; any number at once, up to 64.
	 *
	 * @param argv - The program first; a name without a slash is looked for along the command's PATH.
	 * @throws {@link ApplianceError} `ERR_APPLIANCE_EXEC` it could not be started; `ERR_APPLIANCE_OUT_OF_MEMORY` the guest's
	 * kernel killed it for want of memory; or how the guest ended, if it ended first.
	 * @throws The reason of `options.signal`, once the command is killed.
	 */
	run(argv: readonly string[], options?: GuestRunOptions): Promise<GuestExit>;

	/** As {@link Guest.run}, for who wants to send signals or resize the terminal. */
	start(argv: readonly string[], options?: GuestRunOptions): GuestCommand;

	/**
	 * Powers the guest off in order: commands that still run get SIGTERM, what is written is brought to this machine's files.
	 *
	 * @throws {@link ApplianceError} when it had to be killed, or ended otherwise: what was written last may be lost.
	 */
	powerOff(): Promise<void>;
}

/** How a guest ended: in order, unless there is an error. */
export interface GuestEnd {
	readonly error?: ApplianceError;
}

/** How a command ended. */
export type GuestExit =
	| { readonly code: number; readonly signal?: undefined }
	| { readonly code?: undefined; readonly signal: NodeJS.Signals };

/** What a command gets. */
export interface GuestRunOptions {
	/** Working directory, as the guest sees it. @default "/" */
	readonly cwd?: string;
	/** The whole environment. @default `PATH`, `HOME=/root` and `LANG=C.UTF-8` */
	readonly environment?: Readonly<Record<string, string>>;
	/** Standard input. @default empty */
	readonly stdin?: GuestStdin;
	/**
	 * Called with standard output as it comes, in order, at most 32 KiB at once. The bytes are the callee's. While a promise
	 * that it returns is pending, no more than 256 KiB is taken, and then the command waits.
	 */
	readonly onStdout?: (bytes: Uint8Array) => void | Promise<void>;
	/** As `onStdout`, for standard error. With a terminal there is none. */
	readonly onStderr?: (bytes: Uint8Array) => void | Promise<void>;
	/** Kills the command and what it started in its process group. */
	readonly signal?: AbortSignal;
	/** Standard input, output and error are a terminal of this size. */
	readonly terminal?: TerminalSize;
}

/**
 * Where a command's standard input comes from: text, bytes, a descriptor (lent, read from where it stands, and left open: 0 is
 * this process's own standard input), or pieces as they come.
 */
export type GuestStdin =
	| string
	| Uint8Array
	| FdLike
	| Iterable<Uint8Array>
	| AsyncIterable<Uint8Array>;

/** The size of a terminal, in characters. */
export interface TerminalSize {
	readonly rows: number;
	readonly columns: number;
}

/** A command in a guest. */
export interface GuestCommand {
	/** As {@link Guest.run}. */
	readonly exited: Promise<GuestExit>;
	/** Sends a signal to the command's process group; nothing happens when it has ended. */
	kill(signal?: NodeJS.Signals): void;
	/** Changes the size of its terminal, which tells it by SIGWINCH. */
	resize(size: TerminalSize): void;
}
