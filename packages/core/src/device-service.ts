import type { DeviceNumber, Fd } from "@devhost/linux";
import type { FdSet, Handler } from "@devhost/rpc";
import { attachFailures } from "./attach-failures.ts";
import { causeFirst } from "./cause-first.ts";
import { asCloseFailure } from "./close-failure.ts";
import type { DeviceDriver, MountPlace, OpenContext, OpenDevice } from "./driver.ts";
import { toWireError } from "./error-wire.ts";
import { DeviceError } from "./error.ts";
import { type DeviceCall, eachDevice, oneDevice } from "./each-device.ts";
import { HeldDevices } from "./held-devices.ts";
import { parseKey } from "./mount-key.ts";
import { parentsComplaint } from "./parents.ts";
import { hasSecretOptions } from "./secret-schema.ts";
import type { ReceivedSecrets } from "./secret/receive-secrets.ts";
import type { OpenParams, OpenResult, ParentNode, SentSecret } from "./wire.ts";
import { broken, isIndex, isNothing, list, object } from "./wire-params.ts";

/** What a device service says of itself. */
export interface DeviceServiceIdentity {
	/**
	 * Name of the module.
	 *
	 * @default the first type of the first driver
	 */
	readonly module?: string;
	/** @default "0.0.0" */
	readonly version?: string;
}

/** The methods of a device service, as `serve` of `@devhost/rpc` takes them. */
export interface DeviceService {
	readonly module: string;
	readonly version: string;
	readonly schema: unknown;
	readonly methods: Record<string, Handler>;
	/** @throws {@link DeviceError} the first device that could not be closed, with the others. */
	close(): Promise<void>;
}

/** What `begin` brought. */
interface Run {
	readonly run: string;
	readonly tree: Fd;
	readonly devices: Fd;
	readonly mounts: string | undefined;
}

/** The methods behind {@link runDeviceService}, for a host in the same process. Shapes: wire.ts. */
export function deviceService(
	drivers: DeviceDriver | readonly DeviceDriver[],
	options: DeviceServiceIdentity = {},
): DeviceService {
	const all: readonly DeviceDriver[] = Array.isArray(drivers) ? drivers : [drivers];
	const [main] = all;
	if (main === undefined) throw new TypeError("a device service without a driver");
	const byType = new Map(all.flatMap((driver) => driver.types.map((type) => [type, driver])));
	const held = new HeldDevices();
	let run: Run | undefined;

	const begin: Handler = (params, { fds }) => {
		if (run !== undefined) throw broken("begin was called already");
		const { run: id, mounts } = object(params, "begin");
		if (typeof id !== "string") throw broken("begin needs the run's id");
		if (!isNothing(mounts) && typeof mounts !== "string")
			throw broken("begin takes the path of mounts as a string");
		if (fds.length !== 2) throw broken(`begin needs 2 descriptors, not ${fds.length}`);
		run = { run: id, tree: fds.take(0), devices: fds.take(1), mounts: mounts ?? undefined };
		return null;
	};

	const open = async (params: unknown, call: DeviceCall): Promise<OpenResult> => {
		const request = openParams(params);
		try {
			const driver = byType.get(request.type);
			if (driver === undefined) throw unknownType(request, byType.keys());
			if (run === undefined) throw broken("open was called before begin");
			checkParents(request, driver);
			using tree = request.tree === undefined ? undefined : call.fds.take(request.tree);
			using secrets = hasSecretOptions(driver.schema)
				? await receiveSecrets(driver.schema, request, call.fds)
				: undefined;
			const context = {
				...openContext(request, run),
				...(tree !== undefined && { tree }),
				...(request.mount !== undefined && { mount: await mountPlace(request, run) }),
				secret: (pointer: string) => secrets?.get(pointer),
				log: (text: string) => call.log(text),
			};
			const options = secrets === undefined ? request.options : secrets.options;
			const parsed = driver.parseOptions(options ?? {});
			const device = await held.open(
				request.name,
				(listener) => call.onAbort(listener),
				(signal, closeTimeout) => {
					const openNow = () => driver.open(parsed, { ...context, signal, closeTimeout });
					if (call.turn === undefined) return openNow();
					return call.turn.then(() => {
						signal.throwIfAborted();
						return openNow();
					});
				},
			);
			return openResult(device);
		} catch (error) {
			throw toWireError(causeFirst(error, request.name), request.name);
		}
	};

	const directory: Handler = async (params) => {
		const { openDirectory } = await import("./mount-request.ts");
		return openDirectory(held, params);
	};

	const close = async (params: unknown, call: DeviceCall): Promise<null> => {
		const { name, hurry } = object(params, "close");
		if (typeof name !== "string") throw broken("close needs a name");
		try {
			if (call.turn !== undefined) await call.turn;
			await held.close(name, { hurry: hurry === true });
			return null;
		} catch (error) {
			throw toWireError(asCloseFailure(causeFirst(error, name), name), name);
		}
	};

	return {
		module: options.module ?? main.types[0] ?? "unnamed",
		version: options.version ?? "0.0.0",
		schema: main.schema,
		methods: {
			begin,
			open: oneDevice(open),
			openEach: eachDevice("openEach", open),
			directory,
			close: oneDevice(close),
			closeEach: eachDevice("closeEach", close),
		},
		async close(): Promise<void> {
			const failures = await held.closeAll();
			run?.tree.close();
			run?.devices.close();
			const [first, ...others] = failures.map(({ name, error }) =>
				asCloseFailure(error, name),
			);
			if (first !== undefined) throw attachFailures(first, { closeFailures: others });
		},
	};
}

function openContext(
	request: Pick<OpenParams, "name" | "parents">,
	{ run, tree, devices }: Run,
): Omit<OpenContext, "signal" | "log" | "secret"> {
	const { parents = [] } = request;
	const { name } = parseKey(request.name);
	const [parent] = parents;
	return {
		name,
		run,
		tree,
		devices,
		parents,
		...(parent !== undefined && { parent }),
	};
}

/** What came for the options that are secrets. */
async function receiveSecrets(
	schema: object,
	request: Pick<OpenParams, "name" | "options" | "secrets">,
	fds: FdSet,
): Promise<ReceivedSecrets> {
	const receive = await import("./secret/receive-secrets.ts");
	return receive.receiveSecrets(schema, request, fds);
}

async function mountPlace({ mount }: { readonly mount?: unknown }, run: Run): Promise<MountPlace> {
	const { parseMountPlace } = await import("./mount-request.ts");
	return parseMountPlace(mount, run.mounts);
}

function openResult({ path, node, nodes, details }: OpenDevice): OpenResult {
	return {
		path,
		...(node !== undefined && { node: plainNumber(node) }),
		...(nodes !== undefined && {
			nodes: nodes.map((each) => ({ path: each.path, node: plainNumber(each.node) })),
		}),
		...(details !== undefined && { details }),
	};
}

function plainNumber({ major, minor }: DeviceNumber): DeviceNumber {
	return { major, minor };
}

function checkParents({ name, type, parents = [] }: Request, driver: DeviceDriver): void {
	const wrong = parentsComplaint(
		driver.parent,
		parents.map(({ path }) => path),
	);
	if (wrong === undefined) return;
	throw new DeviceError("ERR_DEVICE_PARENT", `${name}: ${type} ${wrong}`, { device: name });
}

function unknownType({ name, type }: Request, known: Iterable<string>): DeviceError {
	const message = `${name}: this service has no type "${type}", only ${[...known].join(", ")}`;
	return new DeviceError("ERR_DEVICE_TYPE", message, { device: name });
}

/** Where it is to be mounted is looked at only if it is. */
interface Request extends Omit<OpenParams, "mount"> {
	readonly mount?: unknown;
}

/** The host is ours or a stranger's; either way its parameters are checked before anything is done. */
function openParams(params: unknown): Request {
	const { name, type, options, parents, secrets, tree, mount } = object(params, "open");
	if (typeof name !== "string" || name === "") throw broken("open needs a name");
	if (typeof type !== "string") throw broken("open needs a type");
	return {
		name,
		type,
		options,
		...(isNothing(parents) ? {} : { parents: list(parents, "the parents").map(parentNode) }),
		...(isNothing(secrets) ? {} : { secrets: list(secrets, "the secrets").map(sentSecret) }),
		...(isIndex(tree) && { tree }),
		...(!isNothing(mount) && { mount }),
	};
}

function sentSecret(value: unknown): SentSecret {
	const { pointer, fd } = object(value, "a secret of open");
	if (typeof pointer === "string" && isIndex(fd)) return { pointer, fd };
	throw broken("a secret of open needs a pointer and the index of a descriptor");
}

function parentNode(value: unknown): ParentNode {
	const { path, node } = object(value, "a parent of open");
	const { major, minor } = object(node, "a parent's node");
	if (typeof path !== "string" || !isIndex(major) || !isIndex(minor)) {
		throw broken("a parent of open needs a path and a node");
	}
	const number: DeviceNumber = { major, minor };
	return { path, node: number };
}
