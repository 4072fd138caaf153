import { readFileSync } from "node:fs";
import type { Fd } from "@devhost/linux";
import { SecretReader, type SecretRequest, type SecretSource } from "@devhost/core/secret";
import {
	type DeclaredSecret,
	literalWarning,
	secretVariables,
	stageSecret,
} from "./declared-secrets.ts";
import type { RunEvent } from "./events.ts";
import type { Manifest, StageDeclaration } from "./manifest.ts";

/** Reads what a stage reads from its standard input, where that is a secret. Whoever takes it overwrites it. */
export async function readStageInput(
	secrets: SecretSource,
	stage: StageDeclaration,
	signal: AbortSignal,
): Promise<Uint8Array | undefined> {
	const declared = stageSecret(stage);
	if (declared === undefined) return undefined;
	const { owner, ...where } = declared;
	using memory = await secrets.read({ ...where, device: owner, signal });
	return readFileSync(memory.fd);
}

/** What {@link RunSecrets} works with. */
export interface RunSecretsOptions {
	readonly manifest: Manifest;
	/** Those of the manifest. */
	readonly secrets: readonly DeclaredSecret[];
	/** Secrets that were read already, by their places in the manifest. */
	readonly given?: GivenSecrets | undefined;
	readonly onWarning: (warning: Extract<RunEvent, { event: "warning" }>) => void;
}

/** Secrets that somebody else has read. */
export interface GivenSecrets extends Disposable {
	/** A descriptor of its own for the caller; undefined for one that is not among them. */
	get(place: string): Fd | undefined;
}

/** The secrets of a run, each read when its device is opened or its stage begins, but for those that somebody is asked for. */
export class RunSecrets implements SecretSource, Disposable {
	readonly #options: RunSecretsOptions;
	readonly #reader: SecretReader;

	constructor(options: RunSecretsOptions) {
		this.#options = options;
		const warned = new Set<string>();
		this.#reader = new SecretReader({
			folder: options.manifest.folder,
			withheld: secretVariables(options.secrets),
			onWarning: (message) => {
				if (warned.has(message)) return;
				warned.add(message);
				this.#warn("WARN_SECRET_PERMISSIONS", message);
			},
		});
	}

	/**
	 * Warns of secrets that stand in the manifest, and asks for those that somebody has to type: before anything is opened, rather than
	 * in the middle of a run that nobody watches any more.
	 */
	async begin(signal: AbortSignal): Promise<void> {
		const { manifest, secrets } = this.#options;
		const warning = literalWarning(manifest, secrets);
		if (warning !== undefined) this.#warn("WARN_LITERAL_SECRET", warning);
		for (const { owner, secret, ...where } of secrets) {
			if (typeof secret === "string" || !("prompt" in secret)) continue;
			using _ = await this.read({ ...where, device: owner, secret, signal });
		}
	}

	async read(request: SecretRequest): Promise<Fd> {
		return this.#options.given?.get(request.place) ?? (await this.#reader.read(request));
	}

	[Symbol.dispose](): void {
		this.#reader[Symbol.dispose]();
	}

	#warn(code: string, message: string): void {
		this.#options.onWarning({ event: "warning", code, message });
	}
}
