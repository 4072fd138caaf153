import type { DeviceNumber, Fd, FdLike } from "@devhost/linux";
import { DeviceError } from "./error.ts";
import { toPlain } from "./json-value.ts";
import type { DeviceNode } from "./driver.ts";
import type {
	BeginParams,
	CloseParams,
	DirectoryParams,
	OpenParams,
	OpenResult,
	SentSecret,
} from "./wire.ts";

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
	/** Descriptors that came with it. */
	readonly fds?: { readonly length: number; take(index: number): Fd };
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
	readonly parents: readonly Partial<DeviceNode>[];
	/** Those of the options, and their descriptors, lent. */
	readonly secrets?: { readonly secrets: readonly SentSecret[]; readonly fds: readonly Fd[] };
	/** The directory that its files are in, lent; undefined for that of `begin`. */
	readonly tree?: Fd | undefined;
	/** Where it is to be mounted, if it is a mount. */
	readonly mount?: OpenParams["mount"] | undefined;
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
	const { name, type, parents, secrets: sent, tree, mount } = request;
	const plain = toPlain(request.options ?? undefined);
	const params: OpenParams = {
		name,
		type,
		...(plain === undefined ? {} : { options: plain }),
		...(parents.length > 0 && { parents: parents.map(parentNode) }),
		...(sent !== undefined && { secrets: sent.secrets }),
		...(tree !== undefined && { tree: sent?.fds.length ?? 0 }),
		...(mount !== undefined && { mount }),
	};
	const fds = [...(sent?.fds ?? []), ...(tree === undefined ? [] : [tree])];
	const more = fds.length === 0 ? options : { ...options, fds };
	let answer: unknown;
	try {
		using reply = await client.call("open", params, more);
		answer = reply.value;
	} catch (error) {
		// Nothing was sent: the manifest holds what cannot be, such as half of a surrogate pair.
		if (!(error instanceof TypeError)) throw error;
		const fields = { cause: error, device: name };
		throw new DeviceError("ERR_DEVICE_OPTIONS", `${name}: ${error.message}`, fields);
	}
	const result = openResult(answer, mount !== undefined);
	if (result !== undefined) return result;
	throw new DeviceError(
		"ERR_DEVICE_SERVICE",
		`${name}: the service of ${type} answered ${shown(answer)}, which is not a ${mount === undefined ? "device" : "mount"}`,
		{ device: name },
	);
}

/**
 * Asks for the directory of a mount, which is the caller's.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_SERVICE` none came.
 * @throws what the call throws.
 */
export async function callDirectory(
	client: DeviceServiceClient,
	params: DirectoryParams,
	options: DeviceCallOptions,
): Promise<Fd> {
	using reply = await client.call("directory", params, options);
	if (reply.fds?.length === 1) return reply.fds.take(0);
	const { name: device } = params;
	const message = `${device}: its service gave no directory`;
	throw new DeviceError("ERR_DEVICE_SERVICE", message, { device });
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

function parentNode({ path, node }: Partial<DeviceNode>): DeviceNode {
	// The check of the graph has seen to it.
	if (path === undefined || node === undefined) throw new TypeError("a parent without a node");
	return { path, node };
}

/** @param isMount - What is asked for has no node, and may be at the root of mounts. */
function openResult(value: unknown, isMount: boolean): OpenResult | undefined {
	if (!isRecord(value)) return undefined;
	const { path, details } = value;
	if (typeof path !== "string") return undefined;
	if (!isInside(path) && !(isMount && path === ".")) return undefined;
	const node = deviceNumber(value["node"]);
	if (node === undefined && !isMount) return undefined;
	const nodes = isNothing(value["nodes"]) ? undefined : deviceNodes(value["nodes"]);
	if (nodes === "wrong" || !(isNothing(details) || isRecord(details))) return undefined;
	return {
		path,
		...(node !== undefined && { node }),
		...(nodes !== undefined && { nodes }),
		...(!isNothing(details) && { details }),
	};
}

function deviceNumber(value: unknown): DeviceNumber | undefined {
	if (!isRecord(value)) return undefined;
	const { major, minor } = value;
	return isIndex(major) && isIndex(minor) ? { major, minor } : undefined;
}

function deviceNodes(value: unknown): DeviceNode[] | "wrong" {
	if (!Array.isArray(value)) return "wrong";
	const nodes = value.flatMap((each: unknown): DeviceNode[] => {
		if (!isRecord(each)) return [];
		const { path } = each;
		const node = deviceNumber(each["node"]);
		if (typeof path !== "string" || !isInside(path) || node === undefined) return [];
		return [{ path, node }];
	});
	return nodes.length === value.length ? nodes : "wrong";
}

function isNothing(value: unknown): value is null | undefined {
	return value === undefined || value === null;
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
