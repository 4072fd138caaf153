import { readFileSync } from "node:fs";
import type { Fd } from "@devhost/linux";
import { readSecret, type ReadSecretOptions, trimmed } from "./read-secret.ts";
import type { Secret, SecretReference } from "./complaint.ts";
import { openAgain, sealedMemory } from "./memory.ts";
import type { SecretRequest, SecretSource } from "./source.ts";
import { Semaphore } from "../semaphore.ts";

/**
 * Reads the secrets of a run, each when it is asked for.
 *
 * What can be had only once, the answer to a prompt and what comes from a descriptor, is remembered for whoever asks for the same
 * again. Disposing it forgets that.
 */
export class SecretReader implements SecretSource, Disposable {
	readonly #options: ReadSecretOptions;
	readonly #remembered = new Map<string, Fd>();
	/** One at a time, so that nobody asks twice. */
	readonly #turn = new Semaphore(1);

	constructor(options: Omit<ReadSecretOptions, "signal" | "device" | "pointer"> = {}) {
		this.#options = options;
	}

	async read({ device, pointer, secret, signal }: SecretRequest): Promise<Fd> {
		const options = { ...this.#options, device, pointer, signal };
		const key = onlyOnce(secret);
		if (key === undefined) return await readSecret(secret, options);

		using _ = await this.#turn.acquire();
		let memory = this.#remembered.get(key);
		if (memory === undefined) {
			memory = await readSecret(whole(secret), options);
			this.#remembered.set(key, memory);
		}
		if (!isTrimmed(secret)) return openAgain(memory);
		using again = openAgain(memory);
		const bytes = readFileSync(again.fd);
		try {
			return sealedMemory(trimmed(bytes));
		} finally {
			bytes.fill(0);
		}
	}

	[Symbol.dispose](): void {
		for (const memory of this.#remembered.values()) memory.close();
		this.#remembered.clear();
	}
}

/** What can be read only once has a name by which it is remembered. */
function onlyOnce(secret: Secret): string | undefined {
	if (typeof secret === "string") return undefined;
	if ("prompt" in secret) return `prompt ${secret.prompt}`;
	if ("fd" in secret) return `fd ${secret.fd}`;
	return undefined;
}

function isTrimmed(secret: Secret): boolean {
	return typeof secret !== "string" && "trim" in secret && secret.trim;
}

function whole(secret: Secret): Secret {
	return isTrimmed(secret) ? { ...(secret as SecretReference), trim: false } : secret;
}
