import { constants } from "node:os";
import { keepMappingPath } from "./binding.ts";
import { decodeDevice } from "./dm-struct.ts";
import { Fd, type FdLike } from "./fd.ts";
import type { DeviceNumber } from "./file.ts";
import { type Child, type ExitStatus, spawn } from "./process.ts";
import { maxFdsPerMessage, recvmsg, setNonBlocking, socketpair } from "./socket.ts";

/** What a keeper needs. */
export interface KeeperOptions {
	/** The control device of device-mapper. Lent. */
	readonly control: FdLike;
	/**
	 * One end of a socket, on which the keeper writes a letter before each of its steps and takes it when it has read a byte.
	 * For tests that have something happen there.
	 */
	readonly steps?: FdLike | undefined;
}

/** What became of it. */
export type KeeperResult = KeptMapping | KeeperFailure;

/** The keeper has made a mapping. Disposing closes the descriptors, and then the kernel removes what they are of. */
export interface KeptMapping extends Disposable {
	readonly ok: true;
	/** Open, and armed: the mapping's life. */
	readonly fd: Fd;
	readonly node: DeviceNumber;
	/** Other mappings that a command has made, which are armed. */
	readonly beneath: readonly DeviceNumber[];
	/** Of each of these a descriptor, for reading: not all of them have one on top that keeps them. */
	readonly held: readonly Fd[];
}

/** The keeper has made no mapping, or removed it. */
export interface KeeperFailure {
	readonly ok: false;
	/**
	 * What failed. `exists`: a mapping of the name was there before. `exec`: the command could not be started. `command`: it
	 * ended with a failure. `missing`: it ended well, and has made no mapping. `service`: the signal aborted. `keeper`: the
	 * keeper itself was ended; what it made may be there.
	 */
	readonly step:
		| "table"
		| "create"
		| "load"
		| "open"
		| "arm"
		| "resume"
		| "list"
		| "exists"
		| "clone"
		| "exec"
		| "command"
		| "missing"
		| "rename"
		| "service"
		| "keeper";
	/** Why: a number of errno(3), where a system call failed. */
	readonly errno: number | undefined;
	/** How the command, or the keeper, ended. */
	readonly status: ExitStatus | undefined;
	/** So many mappings are still in use; the kernel removes them after that. */
	readonly leftCount: number;
}

/** A keeper that is to run. */
export interface KeeperProgram {
	readonly argv: readonly string[];
	readonly environment: Readonly<Record<string, string>>;
	readonly fds: Readonly<Record<number, FdLike>>;
}

/**
 * Starts a keeper, in a session of its own.
 *
 * @throws {@link SysError} it could not be started.
 */
export function startKeeper({ argv, environment, fds }: KeeperProgram): {
	readonly child: Child;
	readonly socket: Fd;
} {
	const [ours, theirs] = socketpair("seqpacket");
	using acquired = new DisposableStack();
	acquired.use(ours);
	using _theirs = theirs;
	// It waits for requests, and for room to answer.
	setNonBlocking(theirs, false);
	const child = spawn({
		file: keepMappingPath(),
		argv: ["keep-mapping", ...argv],
		environment,
		fds: { ...fds, [socketFd]: theirs },
		// Signals to our process group, such as a SIGKILL of everything, do not reach it.
		newSession: true,
	});
	acquired.move(); // nothing below can throw
	return { child, socket: ours };
}

/** What the keeper says, in JSON. */
interface KeeperAnswer {
	readonly ok?: boolean;
	readonly node?: number;
	readonly beneath?: readonly number[];
	readonly error?: KeeperFailure["step"];
	readonly errno?: number;
	readonly code?: number;
	readonly signal?: number;
	readonly left?: number;
}

/** Takes an answer that is there, or learns that the keeper has ended. */
export function receiveAnswer(socket: Fd, status: ExitStatus | undefined): KeeperResult {
	const bytes = new Uint8Array(answerBytes);
	const control = new Int32Array(2 + maxFdsPerMessage);
	const count = recvmsg(socket.fd, bytes, 0, bytes.length, control);
	using acquired = new DisposableStack();
	const [fd, ...held] = Array.from(
		control.subarray(2, 2 + (count < 0 ? 0 : (control[1] as number))),
		(number) => acquired.use(Fd.adopt(number)),
	);
	if (count <= 0) return keeperFailure({ error: "keeper", status });
	const text = new TextDecoder().decode(bytes.subarray(0, count));
	const answer = JSON.parse(text) as KeeperAnswer;
	if (answer.ok !== true || fd === undefined)
		return keeperFailure({ ...answer, status: undefined });
	acquired.move(); // nothing below can throw
	return {
		ok: true,
		fd,
		node: decodeDevice(BigInt(answer.node ?? 0)),
		beneath: (answer.beneath ?? []).map((number) => decodeDevice(BigInt(number))),
		held,
		[Symbol.dispose]() {
			for (const each of [fd, ...held]) each.close();
		},
	};
}

/** Says that there is no mapping, as the keeper would. */
export function keeperFailure(
	answer: Pick<KeeperAnswer, "error" | "errno" | "code" | "signal" | "left"> & {
		readonly status: ExitStatus | undefined;
	},
): KeeperFailure {
	const { error = "keeper", errno, code, signal, left = 0, status } = answer;
	return {
		ok: false,
		step: error,
		errno: errno === 0 ? undefined : errno,
		status:
			code !== undefined
				? { code }
				: signal !== undefined
					? { signal: signalName(signal) }
					: status,
		leftCount: left,
	};
}

function signalName(number: number): NodeJS.Signals {
	const found = Object.entries(constants.signals).find(([, value]) => value === number);
	return (found?.[0] ?? `SIG${number}`) as NodeJS.Signals;
}

/** 200 mappings beneath, of which each takes at most 21 bytes. */
const answerBytes = 8 * 1024;

// Source: native/keep-mapping.c.
/** The keeper's end of the socket; numbers below it are those of a command. */
export const socketFd = 63;
/** The control device. */
export const controlFd = 64;
/** The socket for steps. */
export const stepFd = 65;
/** The directory for the node of a command's mapping. */
export const directoryFd = 66;
