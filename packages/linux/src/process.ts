import { constants } from "node:os";
import { binding } from "./binding.ts";
import { checked, SysError } from "./errno.ts";
import { Fd, type FdLike, fdNumber } from "./fd.ts";
import { Poller, READABLE } from "./poller.ts";
import { encodeSteps, type Step } from "./step.ts";

/** A program to start. */
export interface SpawnOptions {
	/** Path of the executable; PATH is not searched. */
	readonly file: string;
	/** Arguments, the program's own name first. */
	readonly argv: readonly string[];
	/** The whole environment: nothing of ours is added. */
	readonly environment: Readonly<Record<string, string>>;
	/**
	 * Descriptors of the child: its number → ours, lent. What is not named is not inherited; 0, 1 and 2 are `/dev/null`
	 * unless named.
	 */
	readonly fds?: Readonly<Record<number, FdLike>>;
	/** Working directory, in the child's mount namespace. @default ours */
	readonly cwd?: string;
	/** Makes the child the leader of a new session: signals to our process group do not reach it. @default false */
	readonly newSession?: boolean;
	/** The child gets SIGKILL when the thread that spawned it ends. @default false */
	readonly dieWithParent?: boolean;
	/**
	 * A mount namespace to enter: a descriptor of it, or of a process that is in it ({@link Child.pidfd}). Or one of the
	 * child's own, with what is mounted now: in ours (`"new"`), or in the one that `copyOf` names.
	 *
	 * @default ours
	 */
	readonly namespace?: FdLike | "new" | { readonly copyOf: FdLike };
	/** Descriptors that it finds room for: see {@link reserveFds}. @default 64 */
	readonly fdRoom?: number;
	/** Capabilities (a bit each) that the child can ever hold; the bounding set is cut to them. @default all of ours */
	readonly capabilityBound?: bigint;
}

/** How a process ended. */
export type ExitStatus =
	| {
			readonly code: number;
			readonly signal?: undefined;
			/** The kernel does not tell: somebody else has reaped it, or ignores SIGCHLD. `code` is 255 then, a failure. */
			readonly error?: SysError;
	  }
	| { readonly code?: undefined; readonly signal: NodeJS.Signals };

/**
 * Starts a program, in 0.2 ms at any size of this process: the child shares our memory until it execs.
 *
 * Signal handlers of the child are the defaults, nothing is inherited but what `fds` names.
 *
 * @throws {@link SysError} with the call that failed in the child: `execve` (`ENOENT`, `EACCES`, `ENOEXEC`), `setns`,
 * `unshare` (`EPERM` without `CAP_SYS_ADMIN`), `chdir`. No process is left then.
 */
export function spawn(options: SpawnOptions): Child {
	const steps = spawnSteps(options);
	const map = new Int32Array(
		Object.entries(options.fds ?? {}).flatMap(([number, fd]) => [Number(number), fdNumber(fd)]),
	);
	const environment = Object.entries(options.environment).map(
		([key, value]) => `${key}=${value}`,
	);
	const [pid, pidfd] = startChild(steps, { ...options, environment, map }).subarray(0, 2);
	return new Child(pid as number, Fd.adopt(pidfd as number));
}

function spawnSteps(options: SpawnOptions): Step[] {
	const steps: Step[] = [];
	const { namespace, capabilityBound, fdRoom } = options;
	if (fdRoom !== undefined)
		steps.push({ kind: "reserveFds", numbers: [fdRoom], syscall: "fcntl" });
	if (options.newSession) steps.push({ kind: "setsid", syscall: "setsid" });
	if (namespace === "new") {
		steps.push({ kind: "unshare", numbers: [CLONE_NEWNS], syscall: "unshare" }, receiveOnly);
	} else if (namespace !== undefined) {
		const isCopy = typeof namespace === "object" && "copyOf" in namespace;
		const numbers = [fdNumber(isCopy ? namespace.copyOf : namespace), CLONE_NEWNS];
		steps.push({ kind: "setns", numbers, syscall: "setns" });
		if (isCopy) steps.push({ kind: "unshare", numbers: [CLONE_NEWNS], syscall: "unshare" });
	}
	// Entering a mount namespace moves the working directory to its root: setns(2).
	const cwd = options.cwd ?? (namespace === undefined ? undefined : process.cwd());
	if (cwd !== undefined)
		steps.push({ kind: "chdir", strings: [cwd], syscall: "chdir", path: cwd });
	if (capabilityBound !== undefined) {
		const halves = [
			Number(BigInt.asIntN(32, capabilityBound)),
			Number(BigInt.asIntN(32, capabilityBound >> 32n)),
		];
		steps.push({ kind: "capabilityBound", numbers: halves, syscall: "prctl(PR_CAPBSET_DROP)" });
	}
	if (options.dieWithParent) {
		const numbers = [constants.signals.SIGKILL];
		steps.push({ kind: "parentDeathSignal", numbers, syscall: "prctl(PR_SET_PDEATHSIG)" });
	}
	return steps;
}

/** A step of {@link makeMountNamespace}, taken in the new namespace in the order given. */
export type MountStep =
	/** mount(2). `flags`: the `MS_…` of linux/mount.h. */
	| {
			readonly op: "mount";
			readonly source?: string;
			readonly target: string;
			readonly type?: string;
			readonly flags?: number;
			readonly data?: string;
	  }
	/** mkdir(2). With `existing` a path that exists will do. */
	| {
			readonly op: "mkdir";
			readonly path: string;
			readonly mode?: number;
			readonly existing?: true;
	  }
	/** mknod(2). */
	| {
			readonly op: "mknod";
			readonly path: string;
			readonly kind: "block" | "char";
			readonly major: number;
			readonly minor: number;
			readonly mode: number;
	  }
	/** symlink(2). */
	| { readonly op: "symlink"; readonly target: string; readonly path: string }
	/** Keeps what is mounted at a path, with all beneath it, for `attach`. The first one is clone 0. open_tree(2). */
	| { readonly op: "clone"; readonly path: string; readonly optional?: true }
	/** Mounts what `clone` kept; makes the directory. Does nothing when the optional path was missing. */
	| { readonly op: "attach"; readonly clone: number; readonly target: string }
	/** open(2), such as with `O_PATH | O_DIRECTORY`: the descriptor comes back in `opened`. */
	| { readonly op: "open"; readonly path: string; readonly flags: number };

/** Source: linux/mount.h. */
export const MS_NOSUID = 0x2;
/** Source: linux/mount.h. */
export const MS_NODEV = 0x4;
/** Source: linux/mount.h. */
export const MS_NOEXEC = 0x8;
/** Source: linux/mount.h. */
export const MS_BIND = 0x1000;
/** Source: linux/mount.h. */
export const MS_REC = 0x4000;
/** Source: linux/mount.h. */
export const MS_PRIVATE = 0x40000;
/** Source: linux/mount.h. */
export const MS_SLAVE = 0x80000;

/**
 * Makes a mount namespace without entering it: a short-lived child takes the steps. It lives as long as a descriptor of
 * it or a process in it.
 *
 * It begins as a copy of ours from which nothing propagates back; what is unmounted outside is unmounted inside too.
 *
 * @throws {@link SysError} with the step's call and path; `unshare` `EPERM` without `CAP_SYS_ADMIN`. Nothing is left.
 */
export function makeMountNamespace(steps: readonly MountStep[]): { namespace: Fd; opened: Fd[] } {
	const all: Step[] = [
		{ kind: "unshare", numbers: [CLONE_NEWNS], syscall: "unshare" },
		receiveOnly,
		...steps.map(mountStep),
		{
			kind: "open",
			strings: ["/proc/self/ns/mnt"],
			syscall: "open",
			path: "/proc/self/ns/mnt",
		},
	];
	const out = startChild(all, { argv: [], environment: [], map: new Int32Array(0) });
	const opened = Array.from(out.subarray(4, 4 + (out[3] as number)), (fd) => Fd.adopt(fd));
	return { namespace: opened.pop() as Fd, opened };
}

function mountStep(step: MountStep): Step {
	switch (step.op) {
		case "mount": {
			const strings = [step.source ?? "none", step.target, step.type, step.data];
			return {
				kind: "mount",
				numbers: [step.flags ?? 0],
				strings,
				syscall: "mount",
				path: step.target,
			};
		}
		case "mkdir": {
			const numbers = [step.mode ?? 0o755, step.existing ? 1 : 0];
			return {
				kind: "mkdir",
				numbers,
				strings: [step.path],
				syscall: "mkdir",
				path: step.path,
			};
		}
		case "mknod": {
			const mode = (step.kind === "block" ? S_IFBLK : S_IFCHR) | step.mode;
			const numbers = [mode, step.major, step.minor];
			return {
				kind: "mknod",
				numbers,
				strings: [step.path],
				syscall: "mknod",
				path: step.path,
			};
		}
		case "symlink":
			return {
				kind: "symlink",
				strings: [step.target, step.path],
				syscall: "symlink",
				path: step.path,
			};
		case "clone": {
			const numbers = [step.optional ? 1 : 0];
			return {
				kind: "cloneMount",
				numbers,
				strings: [step.path],
				syscall: "open_tree",
				path: step.path,
			};
		}
		case "attach": {
			const strings = [step.target];
			return {
				kind: "attach",
				numbers: [step.clone],
				strings,
				syscall: "move_mount",
				path: step.target,
			};
		}
		case "open":
			return {
				kind: "open",
				numbers: [step.flags],
				strings: [step.path],
				syscall: "open",
				path: step.path,
			};
	}
}

/** Nothing that is mounted in the new namespace reaches ours; what ours unmounts goes in the new one too. */
const receiveOnly: Step = {
	kind: "mount",
	numbers: [0x4000 | 0x80000], // MS_REC | MS_SLAVE
	strings: [undefined, "/"],
	syscall: "mount",
	path: "/",
};

/** Starts the child and blames the step that failed. Returns the addon's `out`. */
function startChild(
	steps: readonly Step[],
	program: {
		readonly file?: string;
		readonly argv: readonly string[];
		readonly environment: readonly string[];
		readonly map: Int32Array;
	},
): Int32Array {
	const { numbers, strings } = encodeSteps(steps);
	const out = new Int32Array(20);
	out[2] = -1;
	const { file, argv, environment, map } = program;
	for (const text of [file ?? "", ...argv, ...environment]) {
		if (text.includes("\0")) {
			throw new TypeError(
				`spawn: a string with a NUL cannot be an argument: ${JSON.stringify(text)}`,
			);
		}
	}
	const result = binding.spawn(file, argv, environment, map, numbers, strings, out);
	if (result >= 0) return out;
	const failed = out[2];
	if (failed === undefined || failed < 0) throw new SysError("clone", -result);
	const step = steps[failed];
	if (step !== undefined) throw new SysError(step.syscall, -result, step.path);
	if (failed === steps.length) throw new SysError("dup2", -result);
	throw new SysError("execve", -result, file);
}

/** A running program, known by its pidfd: a signal never reaches another process that got its number. */
export class Child implements AsyncDisposable {
	readonly pid: number;
	/** Resolves, never rejects, when the process has ended and is reaped. */
	readonly exited: Promise<ExitStatus>;
	/** How it ended; undefined while it runs. */
	status: ExitStatus | undefined;
	readonly #pidfd: Fd;
	readonly #poller: Poller;

	/**
	 * Made by {@link spawn}. Takes the descriptor, also when it throws; the process is ended then.
	 *
	 * @throws {@link SysError} the event loop cannot watch it: `ENOMEM`, or `ENOSPC` with too many descriptors to watch.
	 */
	constructor(pid: number, pidfd: Fd) {
		this.pid = pid;
		this.#pidfd = pidfd;
		const { promise, resolve } = Promise.withResolvers<ExitStatus>();
		this.exited = promise;
		using acquired = new DisposableStack();
		acquired.defer(() => endNow(pidfd));
		this.#poller = acquired.use(
			new Poller(pidfd.fd, () => {
				const out = new Int32Array(2);
				const result = binding.pidfdWait(pidfd.fd, out);
				if (result === 0) return;
				this.#poller.close();
				pidfd.close();
				// Not thrown, which would end all of this process: whoever waits is told.
				this.status =
					result < 0
						? { code: 255, error: new SysError("waitid", -result) }
						: exitStatus(out[0] as number, out[1] as number);
				resolve(this.status);
			}),
		);
		this.#poller.set(READABLE);
		acquired.move(); // nothing below can throw
	}

	/** Stands for the process, lent: for its namespaces. Closed when it has ended. */
	get pidfd(): FdLike {
		return this.#pidfd;
	}

	/**
	 * Sends a signal.
	 *
	 * @returns False when the process has ended.
	 */
	kill(signal: NodeJS.Signals): boolean {
		if (!this.#pidfd.isOpen) return false;
		const result = binding.pidfdSignal(this.#pidfd.fd, constants.signals[signal]);
		if (result === -ESRCH) return false;
		checked(result, "pidfd_send_signal");
		return true;
	}

	/** Keeps our process alive until this one ends (the default). */
	ref(): void {
		this.#poller.ref();
	}

	/** Lets our process end before this one. */
	unref(): void {
		this.#poller.unref();
	}

	/** Kills the process if it runs, and waits for its end. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.kill("SIGKILL");
		await this.exited;
	}
}

/** Kills a process of which nobody would hear, and reaps it: that takes as long as the kernel takes to end it. */
function endNow(pidfd: Fd): void {
	binding.pidfdSignal(pidfd.fd, constants.signals.SIGKILL);
	const pause = new Int32Array(new SharedArrayBuffer(4));
	for (let waitedMs = 0; waitedMs < longestEndMs; waitedMs++) {
		if (binding.pidfdWait(pidfd.fd, new Int32Array(2)) !== 0) break;
		Atomics.wait(pause, 0, 0, 1);
	}
	pidfd.close();
}

/** For longer than a process takes that is not stuck in the kernel; that one stays a zombie of ours when it ends. */
const longestEndMs = 1000;

function exitStatus(kind: number, value: number): ExitStatus {
	if (kind === CLD_EXITED) return { code: value };
	const found = Object.entries(constants.signals).find(([, number]) => number === value);
	return { signal: (found?.[0] ?? `SIG${value}`) as NodeJS.Signals };
}

// Source: linux/sched.h, sys/stat.h, asm-generic/siginfo.h, asm-generic/errno-base.h.
const CLONE_NEWNS = 0x20000;
const S_IFBLK = 0o060000;
const S_IFCHR = 0o020000;
const CLD_EXITED = 1;
const ESRCH = 3;

/**
 * Ends this process at once, without taking apart what goes with it anyway: a tenth of the life of a short program.
 *
 * No `exit` listener is called, and output that Node has not written yet is lost: for a program that has written all it
 * has to say, with `fs.writeSync`.
 */
export function exitNow(code: number): never {
	return binding.exitNow(code);
}
