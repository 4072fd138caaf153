import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { type Child, isSysError, pipe, setNonBlocking, spawn } from "@devhost/linux";
import { killWithDescendants, type Processes } from "./kill-with-descendants.ts";
import { readAsItComes, type SecretBytes, takeWhatIsThere } from "./bytes.ts";
import { SecretFailure } from "./failure.ts";

/** A program whose standard output is a secret. */
export interface SecretCommand {
	/** A name without a slash is looked for along PATH; with one it is relative to `folder`. */
	readonly argv: readonly string[];
	/** Its working directory. */
	readonly folder: string;
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly timeoutMs: number;
	/** Ends it: SIGTERM to it and all that it started, SIGKILL a second later. */
	readonly signal: AbortSignal;
}

/**
 * Runs a program and takes what it writes to its standard output, byte for byte, until it ends.
 *
 * It is in our process group and has our terminal, so that it can ask there itself and Ctrl-C reaches it. Its standard error
 * is thrown away: what a program says when it fails may hold a secret.
 *
 * @throws {@link SecretFailure} it cannot be started, ended with another status than 0 or by a signal, took too long, or wrote
 * too much.
 * @throws the signal's reason, when all of it is gone.
 */
export async function readFromCommand(command: SecretCommand, into: SecretBytes): Promise<void> {
	const { argv, signal, timeoutMs } = command;
	const [name = ""] = argv;
	signal.throwIfAborted();
	const [output, input] = pipe();
	using _ = output;
	setNonBlocking(output, true);
	let child: Child;
	try {
		child = start(command, input.fd);
	} finally {
		input.close();
	}

	using limits = new DisposableStack();
	let why: SecretFailure | undefined;
	let told: Processes | undefined;
	const end = (): void => {
		if (told !== undefined) return;
		told = killWithDescendants(new Map([[child.pid, undefined]]), "SIGTERM");
		const timer = setTimeout(kill, graceMs);
		limits.defer(() => clearTimeout(timer));
	};
	const kill = (): void => {
		if (told !== undefined) killWithDescendants(told, "SIGKILL");
	};
	const timer = setTimeout(
		() => {
			why = new SecretFailure(`${name} was not done after ${timeoutMs / 1000} s, and ended`);
			end();
		},
		Math.min(timeoutMs, longestTimerMs),
	);
	limits.defer(() => clearTimeout(timer));
	signal.addEventListener("abort", end, { once: true });
	limits.defer(() => signal.removeEventListener("abort", end));

	// Its end counts, not that of its output: what it leaves running, such as an agent, may keep that.
	const ended = new AbortController();
	const reading = readAsItComes(output.fd, into, { signal: ended.signal }).catch(
		(error: unknown) => {
			if (ended.signal.aborted) return;
			why ??= asFailure(name, error);
			end();
		},
	);
	const status = await child.exited;
	kill(); // what it started and should have taken with it
	ended.abort();
	await reading;
	signal.throwIfAborted();
	if (why !== undefined) throw why;
	if (status.code !== 0) {
		const how = status.signal ?? `exit status ${status.code}`;
		throw new SecretFailure(
			`${name} ended with ${how}; what it printed is not shown, as it may hold a secret`,
		);
	}
	takeWhatIsThere(output.fd, into);
}

function start({ argv, folder, environment }: SecretCommand, output: number): Child {
	const [name = ""] = argv;
	const file = name.includes("/")
		? resolve(folder, name)
		: findProgram(name, environment["PATH"]);
	try {
		return spawn({
			file,
			argv,
			environment: Object.fromEntries(
				Object.entries(environment).flatMap(([key, value]) =>
					value === undefined ? [] : [[key, value]],
				),
			),
			fds: { 1: output },
			cwd: folder,
			dieWithParent: true,
		});
	} catch (cause) {
		if (!isSysError(cause)) throw cause;
		const reason = startErrors[cause.code] ?? `cannot be started: ${cause.message}`;
		throw new SecretFailure(`${cause.path ?? name} ${reason}`, { cause });
	}
}

/** As execvp(3), but for directories of PATH that depend on the working directory. */
function findProgram(name: string, path = ""): string {
	for (const folder of path.split(":").filter((each) => each.startsWith("/"))) {
		try {
			accessSync(`${folder}/${name}`, constants.X_OK);
			return `${folder}/${name}`;
		} catch {
			continue;
		}
	}
	throw new SecretFailure(`no program ${name} in ${path === "" ? "an empty PATH" : path}`);
}

function asFailure(name: string, error: unknown): SecretFailure {
	if (error instanceof SecretFailure)
		return new SecretFailure(`what ${name} wrote is ${error.message}`);
	return new SecretFailure(`the output of ${name} cannot be read`, { cause: error });
}

const startErrors: Readonly<Record<string, string>> = {
	ENOENT: "does not exist",
	ENOTDIR: "does not exist: a part of the path is no directory",
	EACCES: "may not be executed by this user",
	EPERM: "may not be executed by this user",
	ENOEXEC: "is not a program: it begins neither as one nor with #!",
};

/** How long it may go on after SIGTERM: it may have to give the terminal back as it was. */
const graceMs = 1_000;
/** The longest time that a timer takes. Source: `TIMEOUT_MAX`, lib/internal/timers.js in Node. */
const longestTimerMs = 2 ** 31 - 1;
