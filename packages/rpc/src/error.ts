/** Every code that this package throws. Codes are API: adding one is minor, renaming one is major. */
export type RpcErrorCode =
	/** The caller's `AbortSignal` ended the call; `cause` is its reason. */
	| "ERR_RPC_CANCELLED"
	/** This side closed the connection. */
	| "ERR_RPC_CLOSED"
	/** The socket's type stands for a dialect that is not spoken here, or it is no socket. */
	| "ERR_RPC_DIALECT"
	/** A limit of limits.ts was passed, by the peer or by the caller. */
	| "ERR_RPC_LIMIT"
	/** The service has no such method. */
	| "ERR_RPC_METHOD"
	/** The peer broke the protocol; the connection is over. */
	| "ERR_RPC_PROTOCOL"
	/** The service ended although it was not asked to, or ended badly. */
	| "ERR_RPC_SERVICE_ENDED"
	/** The service's executable could not be started; `cause` says why. */
	| "ERR_RPC_SERVICE_START"
	/** A deadline passed. */
	| "ERR_RPC_TIMEOUT"
	/** Host and service have no protocol version in common. */
	| "ERR_RPC_VERSION";

/** A call or a connection failed on this side. Branch on {@link RpcError.code}, never on the message. */
export class RpcError extends Error {
	override readonly name = "RpcError";
	readonly code: RpcErrorCode;

	constructor(code: RpcErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}

/**
 * Whether `value` is an {@link RpcError}, optionally one with a given code.
 *
 * Works for errors made by another copy of this package, which `instanceof` does not recognise.
 */
export function isRpcError(value: unknown, code?: RpcErrorCode): value is RpcError {
	if (!(value instanceof Error) || value.name !== "RpcError" || !("code" in value)) return false;
	return code === undefined || value.code === code;
}

/** What is known of a service process that failed. */
export interface ServiceErrorFields {
	/** Name of the service. */
	readonly service: string;
	/** Its exit code; undefined when a signal ended it, or when it had not ended yet. */
	readonly exitCode?: number | undefined;
	/** The signal that ended it, such as `"SIGKILL"`. */
	readonly signal?: string | undefined;
	/** The last lines that it wrote to its standard output and error, oldest first. */
	readonly lastLines: readonly string[];
}

/**
 * A service process failed as a whole: `ERR_RPC_SERVICE_ENDED`, or what made the host give it up, such as
 * `ERR_RPC_PROTOCOL`. All calls that waited for it reject with this one error.
 */
export class ServiceError extends RpcError implements ServiceErrorFields {
	readonly service: string;
	readonly exitCode: number | undefined;
	readonly signal: string | undefined;
	readonly lastLines: readonly string[];

	constructor(
		code: RpcErrorCode,
		message: string,
		fields: ServiceErrorFields,
		options?: ErrorOptions,
	) {
		super(code, message, options);
		this.service = fields.service;
		this.exitCode = fields.exitCode;
		this.signal = fields.signal;
		this.lastLines = fields.lastLines;
	}
}

/** An error as it travels: {@link RemoteError} is made from it. */
export interface ErrorBody {
	readonly code: string;
	readonly name: string;
	readonly message: string;
	readonly data?: unknown;
	readonly stack?: string;
}

/**
 * An error that a service answered a call with. The connection goes on.
 *
 * It is always this class: the name that a service sends is never looked up.
 */
export class RemoteError extends Error {
	override readonly name = "RemoteError";
	/** The code that the service's error has: what to branch on. */
	readonly code: string;
	/** The same as {@link RemoteError.code}, in the spelling that says where it comes from. */
	readonly remoteCode: string;
	/** The `name` of the service's error, such as `"DeviceError"`. */
	readonly remoteName: string;
	/** Name of the service; empty when the client was given none. */
	readonly service: string;
	/** What the service's error carries as `data`; absent if it carries nothing. */
	readonly data?: unknown;
	/** The service's stack, when the client asked for stacks. */
	readonly remoteStack?: string;

	constructor(service: string, body: ErrorBody) {
		super(body.message);
		this.code = body.code;
		this.remoteCode = body.code;
		this.remoteName = body.name;
		this.service = service;
		if (body.data !== undefined) this.data = body.data;
		if (body.stack !== undefined) this.remoteStack = body.stack;
	}
}

/**
 * Whether `value` is a {@link RemoteError}, optionally one with a given code.
 *
 * Works for errors made by another copy of this package, which `instanceof` does not recognise.
 */
export function isRemoteError(value: unknown, code?: string): value is RemoteError {
	if (!(value instanceof Error) || value.name !== "RemoteError" || !("remoteCode" in value)) {
		return false;
	}
	return code === undefined || value.remoteCode === code;
}
