import type { DeviceCallOptions, DeviceServiceClient } from "../src/device-client.ts";
import type { RemoteError } from "@devhost/rpc";
import { type DeviceError, isDeviceError } from "../src/error.ts";
import type { CloseParams, Done, EachParams, OpenParams, OpenResult } from "../src/wire.ts";

/** What a fake service does with a call, by `open NAME` or `close NAME`; what is not named succeeds at once. */
export type Behaviour = (options: DeviceCallOptions) => unknown;

/** A service that opens nothing, writes down what it was told, and can fail at a named step. */
export class FakeService implements DeviceServiceClient {
	/** Calls when they arrive (`open a`), when they are done (`open a done`) or fail (`open a failed`). */
	readonly log: string[] = [];
	readonly requests = new Map<string, OpenParams>();
	/** What `close` was told, each time. */
	readonly closed: CloseParams[] = [];
	/** Names of the devices that travelled together, for each such call. */
	readonly groups: string[][] = [];
	readonly behaviours: Record<string, Behaviour>;
	readonly #takesGroups: boolean;
	#minor = 0;

	/** @param options - `takesGroups`: it has methods for several devices. Without, as a service that somebody else wrote. */
	constructor(
		behaviours: Record<string, Behaviour> = {},
		{ takesGroups = false }: { readonly takesGroups?: boolean } = {},
	) {
		this.behaviours = behaviours;
		this.#takesGroups = takesGroups;
	}

	/** Names that are open: opened and not closed. */
	get left(): string[] {
		const names = new Set<string>();
		for (const line of this.log) {
			const [method, name = "", outcome] = line.split(" ");
			if (method === "open" && outcome === "done") names.add(name);
			if (method === "close") names.delete(name);
		}
		return [...names];
	}

	async call(method: string, params: unknown, options: DeviceCallOptions) {
		if (method !== "openEach" && method !== "closeEach") {
			return { value: await this.#perform(method, params, options), [Symbol.dispose]() {} };
		}
		if (!this.#takesGroups) throw rpcError("ERR_RPC_METHOD");
		const { devices } = params as EachParams<OpenParams | CloseParams>;
		this.groups.push(devices.map(({ name }) => name));
		await Promise.all(
			devices.map(async (each, index) => {
				const tell = (done: Omit<Done, "index">): void =>
					options.onSignal?.({ name: "done", value: [{ index, ...done }] });
				const log = ({ value }: { readonly value: unknown }): void =>
					options.onSignal?.({ name: "log", value: { index, text: value } });
				const own = { ...options, onSignal: log };
				try {
					const result = await this.#perform(method.slice(0, -4), each, own);
					tell({ result: result as OpenResult });
				} catch (error) {
					const {
						remoteName: name,
						remoteCode: code,
						message,
						data,
					} = error as RemoteError;
					if (code === undefined) throw error;
					tell({ error: { name, message, code, data } });
				}
			}),
		);
		return { value: null, [Symbol.dispose]() {} };
	}

	async #perform(method: string, params: unknown, options: DeviceCallOptions): Promise<unknown> {
		const { name } = params as { name?: string };
		const step = name === undefined ? method : `${method} ${name}`;
		this.log.push(step);
		if (method === "open") this.requests.set(name ?? "", params as OpenParams);
		if (method === "close") this.closed.push(params as CloseParams);
		try {
			const value = await (this.behaviours[step] ?? (() => undefined))(options);
			this.log.push(`${step} done`);
			return value ?? this.#answer(method, name);
		} catch (error) {
			this.log.push(`${step} failed`);
			throw error;
		}
	}

	#answer(method: string, name: string | undefined): unknown {
		if (method !== "open") return null;
		return { path: `dev-${name}`, node: { major: 7, minor: this.#minor++ } };
	}
}

/** Resolves after so many turns of the event loop: an order of completion without a clock. */
export async function turns(count: number): Promise<void> {
	for (let turn = 0; turn < count; turn += 1) {
		await new Promise((resolve) => setImmediate(resolve));
	}
}

/** Rejects when the call is cancelled, as the client of `@devhost/rpc` does. */
export function untilCancelled({ signal }: DeviceCallOptions): Promise<never> {
	return new Promise((_, reject) => {
		const end = (): void => reject(rpcError("ERR_RPC_CANCELLED", { cause: signal?.reason }));
		if (signal?.aborted) end();
		else signal?.addEventListener("abort", end);
	});
}

/** An error as `@devhost/rpc` makes it on this side of the connection. */
export function rpcError(code: string, options?: ErrorOptions): Error {
	return Object.assign(new Error(`rpc: ${code}`, options), { name: "RpcError", code });
}

/** An error as `@devhost/rpc` makes it of one that the service answered. */
export function remoteError(remoteCode: string, message: string, data?: unknown): Error {
	const fields = {
		name: "RemoteError",
		code: remoteCode,
		remoteCode,
		remoteName: "DeviceError",
		data,
	};
	return Object.assign(new Error(message), fields);
}

/** A behaviour that fails. */
export function fails(error: Error): Behaviour {
	return () => {
		throw error;
	};
}

/** What a promise is rejected with, which has to be an error of a device. */
export async function failureOf(promise: Promise<unknown>): Promise<DeviceError> {
	const error = await promise.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	if (isDeviceError(error)) return error;
	throw new Error("expected a DeviceError", { cause: error });
}
