import type { Fd, FdLike } from "./fd.ts";
import {
	controlFd,
	directoryFd,
	keeperFailure,
	type KeeperOptions,
	type KeeperResult,
	receiveAnswer,
	socketFd,
	startKeeper,
	stepFd,
} from "./keeper.ts";
import { OutputReader } from "./output-reader.ts";
import { pipe, setNonBlocking } from "./socket.ts";

/** A program that makes mappings. */
export interface KeptCommand {
	/** Path of the executable. */
	readonly file: string;
	/** Arguments, the program's own name first. */
	readonly argv: readonly string[];
	/** The whole environment. */
	readonly environment: Readonly<Record<string, string>>;
	/** Descriptors of the program: its number, which is 0 or from 3 to 62, → ours, lent. */
	readonly fds?: Readonly<Record<number, FdLike>> | undefined;
}

/** A mapping that a program makes. */
export interface KeepCommandOptions extends KeeperOptions {
	/** Where a node is made for the moment of opening. Lent. */
	readonly directory: FdLike;
	/** The mapping is opened for reading only. @default false */
	readonly readOnly?: boolean | undefined;
	/** Has the keeper stop: the program is killed, and what it made is removed. */
	readonly signal?: AbortSignal | undefined;
	readonly command: KeptCommand;
	/** The name of the mapping that it makes, and that is opened. */
	readonly top: string;
	/** The names of others that it may make. */
	readonly further?: readonly string[] | undefined;
	/** How names of others begin that it may make. */
	readonly furtherPrefix?: string | undefined;
	/** What `top` is called when it is done; the others become `TAG.1`, `TAG.2` and so on. @default they keep their names */
	readonly renameTo?: string | undefined;
}

/** What a command has written. */
export interface KeptOutput {
	readonly stdout: Uint8Array;
	readonly stderr: Uint8Array;
}

/**
 * As `MappingKeeper.keepTable`, of a mapping that a program makes, such as `cryptsetup`: it is run by a keeper of its own,
 * which ends it when this process ends, and removes what it has made so far. Mappings that were there before are never
 * touched.
 *
 * @throws {@link SysError} the keeper could not be started; {@link RangeError} a descriptor's number that it does not take.
 */
export async function keepCommand(options: KeepCommandOptions): Promise<KeeperResult & KeptOutput> {
	const { command, top, further = [], furtherPrefix, renameTo = "", readOnly = false } = options;
	const names = further.map((name) => `=${name}`);
	if (furtherPrefix !== undefined) names.push(`^${furtherPrefix}`);
	for (const number of Object.keys(command.fds ?? {}).map(Number)) {
		if (number !== 0 && !(number >= 3 && number < socketFd))
			throw new RangeError(
				`a command's descriptor ${number}, expected 0 or 3 to ${socketFd - 1}`,
			);
	}
	const { control, directory, signal, steps } = options;
	const [stdoutReader, stdout] = outputPipe();
	using _stdout = stdoutReader;
	const [stderrReader, stderr] = outputPipe();
	using _stderr = stderrReader;
	using ends = new DisposableStack();
	ends.use(stdout);
	ends.use(stderr);
	const flags = `-${readOnly ? "r" : ""}${steps === undefined ? "" : "t"}`;
	const { child, socket } = startKeeper({
		argv: ["command", flags, top, renameTo, ...names, "--", command.file, ...command.argv],
		environment: command.environment,
		fds: {
			...command.fds,
			1: stdout,
			2: stderr,
			[controlFd]: control,
			[directoryFd]: directory,
			...(steps !== undefined && { [stepFd]: steps }),
		},
	});
	using _socket = socket;
	ends.dispose();
	// Only the end of the socket tells it to stop: what it has sent by then is dropped with it, and so is the descriptor.
	const stop = (): void => socket.close();
	signal?.addEventListener("abort", stop, { once: true });
	if (signal?.aborted === true) stop();
	const status = await child.exited;
	signal?.removeEventListener("abort", stop);
	const result = socket.isOpen
		? receiveAnswer(socket, status)
		: keeperFailure({ error: "service", status });
	return { ...result, stdout: stdoutReader.end(), stderr: stderrReader.end() };
}

function outputPipe(): [OutputReader, Fd] {
	const [reader, writer] = pipe();
	setNonBlocking(reader, true);
	return [new OutputReader(reader, keptOutputBytes), writer];
}

/** Of each of a command's outputs, the last bytes: enough for every error message. */
const keptOutputBytes = 64 * 1024;
