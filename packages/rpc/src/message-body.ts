import { type ErrorBody, RpcError } from "./error.ts";
import { discardFds } from "./fd-set.ts";
import { type Hello, type Message, messageNames, type Welcome } from "./message.ts";

/** The body of CALL, `[method]` or `[method, params]`, and of SIGNAL, `[name]` or `[name, value]`. */
export type NamedBody = readonly [name: string, content: unknown];

/** Reads the body of CALL or SIGNAL. What came with a malformed one is closed. */
export function readNamed(message: Message): NamedBody {
	const { value } = message;
	if (!Array.isArray(value) || value.length < 1 || value.length > 2)
		refuse(message, "has a malformed body");
	if (typeof value[0] !== "string") refuse(message, "has a malformed name");
	return value as unknown as NamedBody;
}

/** Reads the body of HELLO. */
export function readHello(value: unknown): Hello {
	const { protocol, module, version, pid, schema, capabilities } = membersOf(value, "HELLO");
	if (!isProtocolRange(protocol)) throw malformed("HELLO", "protocol");
	if (typeof module !== "string") throw malformed("HELLO", "module");
	if (typeof version !== "string") throw malformed("HELLO", "version");
	if (!Number.isInteger(pid)) throw malformed("HELLO", "pid");
	if (capabilities !== undefined && !isStrings(capabilities)) {
		throw malformed("HELLO", "capabilities");
	}
	return {
		protocol,
		module,
		version,
		pid: pid as number,
		...(schema === undefined ? {} : { schema }),
		...(capabilities === undefined ? {} : { capabilities }),
	};
}

/** Reads the body of WELCOME. */
export function readWelcome(value: unknown): Welcome {
	const { protocol, stacks } = membersOf(value, "WELCOME");
	if (typeof protocol !== "number") throw malformed("WELCOME", "protocol");
	return { protocol, stacks: stacks === true };
}

/** Reads the body of ERROR. */
export function readError(value: unknown): ErrorBody {
	const { code, name, message, data, stack } = membersOf(value, "ERROR");
	if (typeof code !== "string") throw malformed("ERROR", "code");
	if (typeof name !== "string") throw malformed("ERROR", "name");
	if (typeof message !== "string") throw malformed("ERROR", "message");
	return {
		code,
		name,
		message,
		...(data === undefined ? {} : { data }),
		...(typeof stack === "string" ? { stack } : {}),
	};
}

/**
 * Refuses a message that is not to be here: closes what came with it.
 *
 * @throws {@link RpcError} `ERR_RPC_PROTOCOL`, always.
 */
export function refuse(message: Message, why: string): never {
	discardFds(message.fds);
	throw new RpcError("ERR_RPC_PROTOCOL", `${messageNames[message.type]} ${why}`);
}

/** Members that a later version adds are ignored. */
function membersOf(value: unknown, frame: string): Record<string, unknown> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		throw malformed(frame, "body");
	}
	return value as Record<string, unknown>;
}

function isProtocolRange(value: unknown): value is [number, number] {
	if (!Array.isArray(value) || value.length !== 2) return false;
	const [oldest, newest] = value as unknown[];
	return Number.isInteger(oldest) && Number.isInteger(newest);
}

function isStrings(value: unknown): value is string[] {
	return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function malformed(frame: string, member: string): RpcError {
	return new RpcError("ERR_RPC_PROTOCOL", `${frame} with a malformed ${member}`);
}
