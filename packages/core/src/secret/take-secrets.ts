import type { Fd } from "@devhost/linux";
import { DeviceError } from "../error.ts";
import { type Secret, secretComplaint } from "./complaint.ts";
import { findSecretOptions, replaceOptions } from "./options.ts";
import type { SecretSource } from "./source.ts";
import type { SentSecret } from "../wire.ts";

/** A device whose options have secrets. */
export interface SecretTaking {
	/** Its name in the graph. */
	readonly device: string;
	/** JSON Schema of its options. */
	readonly schema: object;
	/** Plain. */
	readonly options: unknown;
	/** JSON pointer of the device in the manifest. */
	readonly place: string;
	readonly source: SecretSource;
	readonly signal: AbortSignal;
}

/** Options without their secrets, and these as descriptors, which disposing it closes. */
export interface TakenSecrets extends Disposable {
	/** At each secret `{ fd: N }`, with the number of its descriptor. */
	readonly options: unknown;
	readonly secrets: readonly SentSecret[];
	readonly fds: readonly Fd[];
}

/**
 * Takes the secrets out of a device's options: what stands there is read, and does not leave this process otherwise.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_OPTIONS`, `ERR_DEVICE_SECRET`, and the signal's reason.
 */
export async function takeSecrets(taking: SecretTaking): Promise<TakenSecrets> {
	const { device, schema, options, place, source, signal } = taking;
	const found = findSecretOptions(schema, options);
	for (const { pointer, value } of found) refuseOther(device, pointer, value);

	using taken = new DisposableStack();
	const fds: Fd[] = [];
	const secrets: SentSecret[] = [];
	const replacements = new Map<string, unknown>();
	// One after the other: some of them ask somebody.
	for (const { pointer, value } of found) {
		const request = { device, pointer, place: `${place}/options${pointer}`, signal };
		const fd = taken.use(await source.read({ ...request, secret: value as Secret }));
		replacements.set(pointer, { fd: fds.length });
		secrets.push({ pointer, fd: fds.length });
		fds.push(fd);
	}
	const owned = taken.move();
	return {
		options: replaceOptions(options, replacements),
		secrets,
		fds,
		[Symbol.dispose]: () => owned.dispose(),
	};
}

function refuseOther(device: string, option: string, value: unknown): void {
	const complaint = secretComplaint(value);
	if (complaint === undefined) return;
	const pointer = option + complaint.pointer;
	const message = `${device}: ${pointer.slice(1).replaceAll("/", ".")}: ${complaint.message}`;
	throw new DeviceError("ERR_DEVICE_OPTIONS", message, { device, pointer });
}
