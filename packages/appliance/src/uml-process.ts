import {
	AT_FDCWD,
	type Fd,
	memfd,
	openat2,
	pipe,
	setNonBlocking,
	socketpair,
	spawn,
} from "@devhost/linux";
import { constants, ftruncateSync } from "node:fs";
import { Socket } from "node:net";
import { ConsoleLines } from "./console-lines.ts";
import { endOf } from "./boot-failure.ts";
import type { ApplianceError } from "./error.ts";
import { guestProgram } from "./guest-programs.ts";
import { sharedBytes } from "./message.ts";
import type { GuestProcess } from "./running-guest.ts";

/** What a guest's kernel is started with. */
export interface UmlProcessOptions {
	readonly kernel: string;
	readonly memoryBytes: number;
	readonly memoryFolder: string;
	/** Folders that it may write to. */
	readonly writable: readonly string[];
	readonly kernelArguments: readonly string[];
	/** Descriptors that stay open until the guest is gone; lent. */
	readonly held: readonly Fd[];
}

/** A guest's kernel that was just started. */
export interface UmlProcess extends GuestProcess {
	readonly console: ConsoleLines;
	/** Our end of the control line; the caller's. */
	readonly socket: Fd;
	/** The memory that the guest sees as /dev/mmapper; the caller's. */
	readonly memory: Fd;
}

/** Descriptors of the keeper. 0 to 2 are standard ones, the console is 1 and 2. */
const lineFd = 3;
const memoryFd = 4;
const lifelineFd = 5;
const preloadFd = 6;
const firstHeldFd = 16;

/** Starts the kernel with its keeper (see native/guest-keeper.c). From here on it ends with this process. */
export function startUml(options: UmlProcessOptions): UmlProcess {
	using stack = new DisposableStack();
	const [socket, guestSocket] = socketpair("stream");
	stack.use(guestSocket);
	const [lifelineEnd, lifeline] = pipe();
	stack.use(lifelineEnd);
	const [consoleEnd, guestConsole] = pipe();
	stack.use(guestConsole);
	const preload = stack.use(
		openat2(AT_FDCWD, guestProgram("guest-preload.so"), { flags: constants.O_RDONLY }),
	);
	const memory = memfd("devhost-guest-input");
	try {
		ftruncateSync(memory.fd, sharedBytes);
		const keeper = guestProgram("guest-keeper");
		const child = spawn({
			file: keeper,
			argv: keeperArguments(keeper, options),
			environment: {
				// By descriptor: a path with a space or a colon would be two.
				LD_PRELOAD: `/proc/self/fd/${preloadFd}`,
				TMPDIR: options.memoryFolder,
			},
			cwd: "/",
			newSession: true,
			fds: {
				1: guestConsole,
				2: guestConsole,
				[lineFd]: guestSocket,
				[memoryFd]: memory,
				[lifelineFd]: lifelineEnd,
				[preloadFd]: preload,
				...Object.fromEntries(options.held.map((fd, index) => [firstHeldFd + index, fd])),
			},
		});
		const console = new ConsoleLines();
		const consoleClosed = readConsole(consoleEnd, console);
		let told: { readonly why: ApplianceError | undefined } | undefined;
		const gone = child.exited.then(async (status) => {
			lifeline.close();
			await consoleClosed;
			return told === undefined ? endOf(status, console.lines) : told.why;
		});
		const kill = (why?: ApplianceError): void => {
			if (child.status !== undefined) return;
			told ??= { why };
			child.kill("SIGTERM");
		};
		return { pid: child.pid, kill, gone, console, socket, memory };
	} catch (error) {
		for (const fd of [socket, lifeline, consoleEnd, memory]) fd.close();
		throw error;
	}
}

function keeperArguments(keeper: string, options: UmlProcessOptions): string[] {
	const { memoryBytes, memoryFolder, writable, kernel, kernelArguments } = options;
	// What a kernel looks at on this machine: terminals, and the memory file. See guest-keeper.c.
	const mayWrite = ["/dev/null", "/dev/ptmx", "/dev/pts", memoryFolder, ...writable];
	return [
		keeper,
		String(lifelineFd),
		...mayWrite,
		"--",
		kernel,
		`mem=${Math.ceil(memoryBytes / 1024)}K`,
		"root=/dev/root",
		"rootfstype=hostfs",
		"rootflags=/",
		"ro",
		`init="${guestProgram("guest-init")}"`,
		"con=null",
		"con0=null,fd:1",
		"ssl=null",
		`ssl0=fd:${lineFd},fd:${lineFd}`,
		`iomem=mmapper,/proc/self/fd/${memoryFd}`,
		// It would make a folder for a socket and a file with its pid, and leave it behind when it is killed.
		"uml_dir=/dev/null/",
		// A panic ends it; nothing starts it again.
		"noreboot",
		"quiet",
		// Measured, of 1.0 s: the delay loop's calibration takes 0.09 s, a compressed cache for swap that is not there
		// 0.1 s, 256 old pseudo-terminals 0.01 s.
		"lpj=20000000",
		"initcall_blacklist=init_zswap",
		"pty.legacy_count=0",
		...kernelArguments,
	];
}

/** Reads all that the console says, for as long as any process of the guest has it open. */
function readConsole(end: Fd, console: ConsoleLines): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	setNonBlocking(end, true);
	const socket = new Socket({ fd: end.take(), readable: true, writable: false });
	socket.on("data", (bytes: Buffer) => console.add(bytes));
	socket.on("error", () => resolve());
	socket.on("close", () => resolve());
	return promise;
}
