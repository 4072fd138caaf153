import type { Fd } from "@devhost/linux";
import type { FdSet } from "@devhost/rpc";
import { DeviceError } from "../error.ts";
import { openAgain, sealedMemory } from "./memory.ts";
import { findSecretOptions, replaceOptions } from "./options.ts";
import type { OpenParams } from "../wire.ts";

/** The secrets of a device that is being opened, in its service. Disposing them closes them. */
export interface ReceivedSecrets extends Disposable {
	/** The device's options, with `{ fd: N }` at each secret. */
	readonly options: unknown;
	/** A secret of its own for the caller; undefined where the options have none. */
	get(pointer: string): Fd | undefined;
}

/**
 * Takes what came with a call of `open` for the options that are secrets.
 *
 * A host that knows nothing of secrets sends a literal in the options: it is taken out of them, so that no driver meets one.
 *
 * @param schema - JSON Schema of the options.
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS` a reference that the host has not followed; `ERR_DEVICE_SERVICE` a
 * descriptor that did not come.
 */
export function receiveSecrets(
	schema: object,
	{ name, options, secrets = [] }: Pick<OpenParams, "name" | "options" | "secrets">,
	fds: FdSet,
): ReceivedSecrets {
	using taken = new DisposableStack();
	const received = new Map<string, Fd>();
	const replacements = new Map<string, unknown>();
	const sent = new Map(secrets.map(({ pointer, fd }) => [pointer, fd]));
	for (const { pointer, value } of findSecretOptions(schema, options)) {
		const index = sent.get(pointer);
		received.set(pointer, taken.use(takeOne(name, { pointer, value, index }, fds)));
		replacements.set(pointer, { fd: index ?? 0 });
	}
	const owned = taken.move();
	return {
		options: replaceOptions(options, replacements),
		get(pointer) {
			const memory = received.get(pointer);
			return memory === undefined ? undefined : openAgain(memory);
		},
		[Symbol.dispose]: () => owned.dispose(),
	};
}

function takeOne(
	device: string,
	secret: {
		readonly pointer: string;
		readonly value: unknown;
		readonly index: number | undefined;
	},
	fds: FdSet,
): Fd {
	const { pointer, value, index } = secret;
	const option = `${device}: ${pointer.slice(1).replaceAll("/", ".")}`;
	if (index !== undefined) {
		if (index < fds.length) return fds.take(index);
		const message = `${option}: the host sent no descriptor ${index} with it`;
		throw new DeviceError("ERR_DEVICE_SERVICE", message, { device, pointer });
	}
	if (typeof value === "string" && value.isWellFormed()) return sealedMemory(Buffer.from(value));
	const message = `${option}: no secret came with it, and it is not one itself`;
	throw new DeviceError("ERR_DEVICE_OPTIONS", message, { device, pointer });
}
