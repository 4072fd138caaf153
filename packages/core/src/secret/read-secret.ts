import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Fd } from "@devhost/linux";
import { DeviceError, type DeviceErrorCode } from "../error.ts";
import { readFromCommand } from "./command.ts";
import { SecretBytes } from "./bytes.ts";
import { type Secret, secretComplaint, type SecretReference } from "./complaint.ts";
import { SecretFailure } from "./failure.ts";
import { readSecretDescriptor, readSecretFile } from "./file.ts";
import { readFromKeyring } from "./keyring.ts";
import { sealedMemory } from "./memory.ts";
import { readFromTerminal } from "./prompt.ts";
import { Semaphore } from "../semaphore.ts";

/** Where {@link readSecret} looks, and for whom. */
export interface ReadSecretOptions {
	/** Folder that paths are relative to, and that commands run in. @default the working directory */
	readonly folder?: string | undefined;
	/** Ends the wait for a command, a pipe or a person. */
	readonly signal?: AbortSignal | undefined;
	/** The device's name in the graph, with which messages begin. */
	readonly device?: string | undefined;
	/** JSON pointer (RFC 6901) of the option that it is for: `/passphrase`. */
	readonly pointer?: string | undefined;
	/** Of `env` and `credential`, and what commands get. @default this process's own */
	readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
	/** Variables that commands do not get, because they hold secrets themselves. */
	readonly withheld?: ReadonlySet<string> | undefined;
	/** Told, once for each file that is read, of one that everybody on this machine may read. */
	readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Reads a secret: a string is itself, in UTF-8; a reference says where it is.
 *
 * The bytes are exact, and there may be none: what a device takes is for its driver to say. Whatever goes wrong, nothing of the
 * secret, and nothing that a command printed, is in the error.
 *
 * @returns A sealed memfd, to be read from its beginning, which is the caller's.
 * @throws {@link DeviceError} `ERR_DEVICE_SECRET` it is not there, may not be read, is too long, or the command failed;
 * `ERR_DEVICE_OPTIONS` it is neither a string nor a reference.
 * @throws the signal's reason.
 *
 * @example
 * ```ts
 * import { readFileSync } from "node:fs";
 * import { readSecret } from "@devhost/core/secret";
 *
 * using passphrase = await readSecret({ file: "passphrase", trim: true });
 * console.log(readFileSync(passphrase.fd).length);
 * ```
 */
export async function readSecret(secret: Secret, options: ReadSecretOptions = {}): Promise<Fd> {
	const { signal = never } = options;
	const complaint = secretComplaint(secret);
	if (complaint !== undefined) {
		const { pointer, message } = complaint;
		throw deviceError("ERR_DEVICE_OPTIONS", message, {
			...options,
			pointer: (options.pointer ?? "") + pointer,
		});
	}
	signal.throwIfAborted();
	using bytes = new SecretBytes();
	if (typeof secret === "string") {
		bytes.add(Buffer.from(secret));
		return sealedMemory(bytes.bytes);
	}
	try {
		await readReference(secret, bytes, { ...options, signal });
	} catch (error) {
		signal.throwIfAborted();
		if (error instanceof SecretFailure) {
			throw deviceError("ERR_DEVICE_SECRET", error.message, options, error.cause);
		}
		const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
		throw deviceError("ERR_DEVICE_SECRET", `cannot be read${code}`, options, error);
	}
	return sealedMemory("trim" in secret && secret.trim ? trimmed(bytes.bytes) : bytes.bytes);
}

/** The bytes without the line feed at their end, and the carriage return before that. */
export function trimmed(bytes: Buffer): Buffer {
	if (bytes.at(-1) !== lineFeed) return bytes;
	return bytes.subarray(0, bytes.at(-2) === carriageReturn ? -2 : -1);
}

async function readReference(
	secret: SecretReference,
	into: SecretBytes,
	options: ReadSecretOptions & { readonly signal: AbortSignal },
): Promise<void> {
	const { folder = process.cwd(), signal, environment = process.env, withheld } = options;
	if ("env" in secret) return into.add(readVariable(secret.env, environment));
	if ("fd" in secret) return await readSecretDescriptor(secret.fd, into, signal);
	if ("keyring" in secret) return readFromKeyring(secret.keyring, into);
	if ("file" in secret) {
		const path = resolve(folder, secret.file);
		const onReadableByAll = (): void =>
			options.onWarning?.(
				`${path} can be read by everybody on this machine: chmod o= ${path}`,
			);
		return await readSecretFile(path, into, { signal, onReadableByAll });
	}
	if ("credential" in secret) {
		const path = resolve(credentialFolder(environment), secret.credential);
		return await readSecretFile(path, into, { signal });
	}
	// What may ask somebody at the terminal, one after the other.
	using _ = await terminal.acquire();
	if ("prompt" in secret) return await readFromTerminal(secret.prompt, into, signal);
	const { command: argv, timeout = defaultTimeoutSeconds } = secret;
	const given = Object.entries(environment).filter(([name]) => withheld?.has(name) !== true);
	await readFromCommand(
		{
			argv,
			folder,
			environment: Object.fromEntries(given),
			timeoutMs: timeout * 1000,
			signal,
		},
		into,
	);
}

const terminal = new Semaphore(1);

/** As the process was given it: Node reads what is not UTF-8 as U+FFFD. */
function readVariable(
	name: string,
	environment: Readonly<Record<string, string | undefined>>,
): Uint8Array {
	const value = environment[name];
	if (value === undefined) {
		throw new SecretFailure(`there is no environment variable ${name}`);
	}
	const bytes = Buffer.from(value);
	if (!value.includes("\uFFFD")) return bytes;
	// Source: proc_pid_environ(5).
	const entries = readFileSync("/proc/self/environ");
	const start = Buffer.from(`\0${name}=`);
	const found = Buffer.concat([Buffer.of(0), entries]);
	const at = found.indexOf(start);
	if (at < 0) return bytes;
	const from = at + start.length;
	const end = found.indexOf(0, from);
	const exact = found.subarray(from, end < 0 ? found.length : end);
	return !isUtf8(exact) && exact.toString() === value ? exact : bytes;
}

function credentialFolder(environment: Readonly<Record<string, string | undefined>>): string {
	const folder = environment["CREDENTIALS_DIRECTORY"];
	if (folder !== undefined && folder !== "") return folder;
	throw new SecretFailure(
		"systemd has given no credentials: CREDENTIALS_DIRECTORY is not set (LoadCredential= in the unit, systemd-run -p)",
	);
}

function deviceError(
	code: DeviceErrorCode,
	message: string,
	{ device, pointer }: Pick<ReadSecretOptions, "device" | "pointer">,
	cause?: unknown,
): DeviceError {
	const option = pointer === undefined ? "secret" : pointer.slice(1).replaceAll("/", ".");
	const subject = device === undefined ? option : `${device}: ${option}`;
	const options = { device, pointer, ...(cause === undefined ? {} : { cause }) };
	return new DeviceError(code, `${subject}: ${message}`, options);
}

const never = new AbortController().signal;
const defaultTimeoutSeconds = 60;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
