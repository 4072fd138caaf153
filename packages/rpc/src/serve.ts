import { closeFd, Fd, isOpenFd, socketType } from "@devhost/linux";
import { RpcError } from "./error.ts";
import { ServiceConnection, type ServiceDefinition } from "./service-connection.ts";
import { ignoreStreamErrors, replaceBrokenLogs } from "./service-log.ts";

/** How a service's executable is started. */
export interface ServeOptions {
	/** Arguments, with `--service-fd N` among them. @default process.argv */
	readonly argv?: readonly string[];
	/** Number of the socket, instead of looking for it in the arguments. */
	readonly socketFd?: number;
	/** How long closing may take before the process gives up and leaves the rest to the kernel. @default 60,000 */
	readonly closeTimeoutMs?: number;
}

/**
 * The whole `main` of a service's executable: serves the host that started it until it says so or is gone, then closes.
 *
 * SIGINT, SIGTERM and SIGHUP are ignored: the host decides when, and in which order, services close. Nor does a broken
 * log pipe keep a service from closing.
 *
 * @returns When all is closed. The process then ends, at the latest after two seconds.
 * @throws {@link RpcError} `ERR_RPC_DIALECT` when it was not started by a host; what the host did wrong; what
 * {@link ServiceDefinition.close} throws. Not caught, it makes the process fail, which the host reports.
 *
 * @example
 * ```ts
 * import { serve } from "@devhost/rpc";
 *
 * await serve({
 * 	module: "example.echo",
 * 	version: "1.0.0",
 * 	methods: { echo: (params) => params },
 * });
 * ```
 */
export async function serve(service: ServiceDefinition, options: ServeOptions = {}): Promise<void> {
	const socket = takeSocket(options);
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, ignore);
	ignoreStreamErrors();
	const connection = new ServiceConnection(socket, service);

	const { isOrderly, error } = await connection.ended;
	if (!isOrderly) replaceBrokenLogs();
	await connection.untilIdle(settleMs);
	let failure: { readonly error: unknown } | undefined;
	try {
		await closeWithin(service, options.closeTimeoutMs ?? 60_000);
	} catch (closeError) {
		failure = { error: closeError };
	}
	await connection.leave(failure);
	// Whatever else keeps the process alive must not keep what it holds.
	setTimeout(() => process.exit(), lingerMs).unref();
	if (failure !== undefined) throw failure.error;
	if (error !== undefined && error.code !== "ERR_RPC_CLOSED") throw error;
}

async function closeWithin(service: ServiceDefinition, timeoutMs: number): Promise<void> {
	const late = Promise.withResolvers<never>();
	const timer = setTimeout(() => {
		const message = `${service.module}: closing took longer than ${timeoutMs} ms`;
		late.reject(new RpcError("ERR_RPC_TIMEOUT", message));
	}, timeoutMs);
	try {
		await Promise.race([service.close?.(), late.promise]);
	} finally {
		clearTimeout(timer);
	}
}

/** The socket, under a number that programs started from here do not inherit. */
function takeSocket({ argv = process.argv, socketFd }: ServeOptions): Fd {
	const at = argv.indexOf("--service-fd");
	const text = socketFd === undefined && at >= 0 ? argv[at + 1] : socketFd;
	if (text === undefined || !/^\d{1,9}$/.test(String(text))) {
		throw new RpcError(
			"ERR_RPC_DIALECT",
			"this program is a service: a host starts it, with --service-fd NUMBER for its socket",
		);
	}
	const number = Number(text);
	if (!isOpenFd(number) || socketType(number) === undefined) {
		throw new RpcError(
			"ERR_RPC_DIALECT",
			`--service-fd ${number}: this descriptor is not a socket`,
		);
	}
	const inherited = Fd.adopt(number);
	try {
		return inherited.dup();
	} finally {
		closeFd(inherited.take());
	}
}

function ignore(): void {}

// What a handler may take to notice that nobody waits for it, before closing begins all the same.
const settleMs = 2000;
const lingerMs = 2000;
