import type { DeviceNumber, Fd, FdLike } from "@devhost/linux";
import { DeviceError } from "./error.ts";
import { toPlain } from "./json-value.ts";
import type { ParentDevice } from "./driver.ts";
import type { BeginParams, CloseParams, OpenParams, OpenResult, SentSecret } from "./wire.ts";

/** What a call to a service may carry, of what `@devhost/rpc` offers. */
export interface DeviceCallOptions {
	/** Descriptors to send; they stay the caller's. */
	readonly fds?: readonly FdLike[];
	/** Ends the call early: it rejects. */
	readonly signal?: AbortSignal;
	/** Ends the call when this many milliseconds passed: it rejects. */
	readonly timeoutMs?: number;
	/** What the service tells during the call. */
	readonly onSignal?: (signal: { readonly name: string; readonly value: unknown }) => void;
}

/** What a service answered. Disposing it closes descriptors that came with it. */
export interface DeviceCallReply extends Disposable {
	readonly value: unknown;
}

/**
 * A running device service, as far as `DeviceManager` needs it: `Service` and `Client` of `@devhost/rpc` are
 * such, and a test writes its own.
 *
 * Calls reach the service in the order in which they are made. A call that rejects because of its signal or deadline
 * may still be going on in the service.
 */
export interface DeviceServiceClient {
	call(method: string, params: unknown, options: DeviceCallOptions): Promise<DeviceCallReply>;
}

/** Gives a service the run's directories. Before anything else, once. */
export async function callBegin(
	client: DeviceServiceClient,
	params: BeginParams,
	options: DeviceCallOptions & { readonly fds: readonly [tree: FdLike, devices: FdLike] },
): Promise<void> {
	using _ = await client.call("begin", params, options);
}

/** A device to be opened by a service. */
export interface OpenRequest {
	readonly name: string;
	readonly type: string;
	/** Plain, or from {@link parseJson}. */
	readonly options: unknown;
	/** In the manifest's order. */
	readonly parents: readonly ParentDevice[];
	/** Those of the options, and their descriptors, lent. */
	readonly secrets?: { readonly secrets: readonly SentSecret[]; readonly fds: readonly Fd[] };
}

/**
 * Has a service open a device.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_SERVICE` the answer is not one; the device may be open.
 * @throws what the call throws.
 */
export async function callOpen(
	client: DeviceServiceClient,
	request: OpenRequest,
	options: DeviceCallOptions,
): Promise<OpenResult> {
	const { name, type, parents, secrets: sent } = request;
	const plain = toPlain(request.options ?? undefined);
	const params: OpenParams = {
		name,
		type,
		...(plain === undefined ? {} : { options: plain }),
		...(parents.length > 0 && { parents: parents.map(({ path, node }) => ({ path, node })) }),
		...(sent !== undefined && { secrets: sent.secrets }),
	};
	const more = sent === undefined ? options : { ...options, fds: sent.fds };
	using reply = await callWithOptions(client, params, more);
	const result = openResult(reply.value);
	if (result !== undefined) return result;
	const answer = shown(reply.value);
	throw new DeviceError(
		"ERR_DEVICE_SERVICE",
		`${name}: the service of ${type} answered ${answer}, which is not a device`,
		{ device: name },
	);
}

async function callWithOptions(
	client: DeviceServiceClient,
	params: OpenParams,
	options: DeviceCallOptions,
): Promise<DeviceCallReply> {
	try {
		return await client.call("open", params, options);
	} catch (error) {
		// Nothing was sent: the manifest holds what cannot be, such as half of a surrogate pair.
		if (!(error instanceof TypeError)) throw error;
		const { name: device } = params;
		const fields = { cause: error, device };
		throw new DeviceError("ERR_DEVICE_OPTIONS", `${device}: ${error.message}`, fields);
	}
}

/** Has a service close a device; nothing happens if it has none of that name. */
export async function callClose(
	client: DeviceServiceClient,
	params: CloseParams,
	options: DeviceCallOptions,
): Promise<void> {
	using _ = await client.call("close", params, options);
}

/** An answer in a message: the wire has integers that JSON has not. */
function shown(value: unknown): string {
	const text = JSON.stringify(value, (_key, item: unknown) =>
		typeof item === "bigint" ? String(item) : item,
	);
	return text?.slice(0, 200) ?? "nothing";
}

function openResult(value: unknown): OpenResult | undefined {
	if (!isRecord(value)) return undefined;
	const { path, node, details } = value;
	if (typeof path !== "string" || !isInside(path)) return undefined;
	if (!isRecord(node)) return undefined;
	const { major, minor } = node;
	if (!isIndex(major) || !isIndex(minor)) return undefined;
	const number: DeviceNumber = { major, minor };
	if (details === undefined || details === null) return { path, node: number };
	return isRecord(details) ? { path, node: number, details } : undefined;
}

/** Whether a node's path stays in the device directory: it becomes part of stages' commands. */
function isInside(path: string): boolean {
	const isName = (part: string): boolean => part !== "" && part !== "." && part !== "..";
	return !path.includes("\0") && path.split("/").every(isName);
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isIndex(value: unknown): value is number {
	return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
