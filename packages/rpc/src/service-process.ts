import {
	type Child,
	type Fd,
	type FdLike,
	isSysError,
	pipe,
	setNonBlocking,
	socketpair,
	spawn,
} from "@devhost/linux";
import { RpcError } from "./error.ts";

/** A service to be started. */
export interface ServiceOptions {
	/** Its name in errors and log lines; no other running service of the manager may have it. */
	readonly name: string;
	/** Path of the executable; PATH is not searched. */
	readonly file: string;
	/** Arguments, the program's own name first. `--service-id NAME --service-fd 3` is added. */
	readonly argv: readonly string[];
	/** Its whole environment. @default ours without what Node would obey: see {@link serviceEnvironment} */
	readonly environment?: Readonly<Record<string, string>>;
	/**
	 * What it speaks: ours, or osbuild's, of which {@link speakOsbuild} is to be called before.
	 *
	 * @default "devhost"
	 */
	readonly dialect?: "devhost" | "osbuild";
	/** Mount namespace that it runs in, or that it gets a copy of (`"new"`: of ours). @default ours */
	readonly namespace?: FdLike | "new" | { readonly copyOf: FdLike };
	/** How long it may take to say HELLO. @default 10,000 */
	readonly helloTimeoutMs?: number;
	/** Deadline of calls that have none of their own. @default 120,000 */
	readonly callTimeoutMs?: number;
	/** Asks for the stacks of its errors. @default false */
	readonly stacks?: boolean;
}

/**
 * An environment for services: ours, without the variables that would change how Node starts. (With
 * `NODE_EXTRA_CA_CERTS` some versions of Node read a bundle of certificates at each start, which takes 37 ms.)
 */
export function serviceEnvironment(
	ours: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
	const kept: Record<string, string> = {};
	for (const [key, value] of Object.entries(ours)) {
		if (value !== undefined && !key.startsWith("NODE_")) kept[key] = value;
	}
	return kept;
}

/**
 * Starts a service's executable with one end of a socketpair and the writing end of a pipe for its log; the other ends are the
 * caller's.
 *
 * @throws {@link RpcError} `ERR_RPC_SERVICE_START`. Nothing is left then.
 */
export function startService(options: ServiceOptions): { child: Child; socket: Fd; log: Fd } {
	const { name, file, argv, namespace } = options;
	using theirs = new DisposableStack();
	using ours = new DisposableStack();
	try {
		const [socket, theirSocket] = socketpair(
			options.dialect === "osbuild" ? "seqpacket" : "stream",
		);
		ours.use(socket);
		theirs.use(theirSocket);
		const [log, logEnd] = pipe();
		ours.use(log);
		theirs.use(logEnd);
		setNonBlocking(log, true);
		const child = spawn({
			file,
			argv: [...argv, "--service-id", name, "--service-fd", "3"],
			environment: options.environment ?? serviceEnvironment(),
			fds: { 1: logEnd, 2: logEnd, 3: theirSocket },
			newSession: true,
			fdRoom: serviceFds,
			...(namespace === undefined ? {} : { namespace }),
		});
		ours.move();
		return { child, socket, log };
	} catch (cause) {
		if (!isSysError(cause)) throw cause;
		const why = startProblems[cause.code] ?? cause.message;
		throw new RpcError("ERR_RPC_SERVICE_START", `service ${name}: ${file}: ${why}`, { cause });
	}
}

/** Some for each call that may be in flight at once (`maxCallsInFlight`): a call of a device may leave three open, or four. */
const serviceFds = 1024;

const startProblems: Record<string, string> = {
	ENOENT: "does not exist, or the interpreter that its first line names does not",
	EACCES: "is not executable, or a directory on the way to it cannot be entered",
	ENOEXEC: "is not a program: it has no #! line and is no binary for this machine",
	EMFILE: "this process has no descriptor left for it (see ulimit -n)",
};
