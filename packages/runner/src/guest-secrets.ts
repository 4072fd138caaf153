import { readSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Fd, statFd } from "@devhost/linux";
import { openAgain, type Secret, SecretReader, sealedMemory } from "@devhost/core/secret";
import { type DeclaredSecret, secretVariables } from "./declared-secrets.ts";
import type { Manifest } from "./manifest.ts";
import type { GivenSecrets } from "./run-secrets.ts";

/** What the devhost in a guest reads from its standard input where there are secrets: a line of JSON, then what it announces. */
interface InputHeader {
	/** Bytes of the manifest, which follows. */
	readonly manifest: number;
	/** What follows then: the bytes of each, and its place in the manifest. */
	readonly secrets: readonly { readonly place: string; readonly size: number }[];
}

/** The standard input of the devhost in a guest, with the secrets in it. Disposing it closes them. */
export interface GuestInput extends Disposable {
	/** What one piece holds is overwritten when the next one is asked for. */
	pieces(): Iterable<Uint8Array>;
}

/**
 * Reads the secrets that a guest cannot get at: all but those that stand in the manifest, which it has, and files beneath the
 * tree, which it sees and an earlier stage may make.
 *
 * @returns undefined when there are none of that kind.
 * @throws {@link DeviceError} as `SecretReader`, and the reason of the signal.
 */
export async function readGuestSecrets(
	manifest: Manifest,
	secrets: readonly DeclaredSecret[],
	{
		signal,
		onWarning,
	}: { readonly signal: AbortSignal; readonly onWarning: (message: string) => void },
): Promise<GuestInput | undefined> {
	const hidden = secrets.filter(({ secret }) => !isSeenInside(manifest, secret));
	if (hidden.length === 0) return undefined;
	using reader = new SecretReader({
		folder: manifest.folder,
		withheld: secretVariables(secrets),
		onWarning,
	});
	using stack = new DisposableStack();
	const read: ReadSecret[] = [];
	for (const { owner, ...where } of hidden) {
		const memory = stack.use(await reader.read({ ...where, device: owner, signal }));
		read.push({ place: where.place, memory });
	}
	const owned = stack.move();
	return {
		pieces: () => inputPieces(manifest.text, read),
		[Symbol.dispose]: () => owned.dispose(),
	};
}

interface ReadSecret {
	/** JSON pointer into the manifest. */
	readonly place: string;
	readonly memory: Fd;
}

function isSeenInside(manifest: Manifest, secret: Secret): boolean {
	if (typeof secret === "string") return true;
	if (!("file" in secret)) return false;
	const path = resolve(manifest.folder, secret.file);
	// A named pipe is another one in a guest.
	if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return false;
	return `${realPath(path)}/`.startsWith(`${realPath(manifest.tree)}/`);
}

/** Where a path leads, which need not be there yet. */
function realPath(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		const parent = dirname(path);
		return parent === path ? path : join(realPath(parent), path.slice(parent.length));
	}
}

function* inputPieces(text: string, read: readonly ReadSecret[]): Generator<Uint8Array> {
	const manifest = Buffer.from(text);
	const secrets = read.map(({ place, memory }) => ({ place, size: statFd(memory).sizeBytes }));
	const header: InputHeader = { manifest: manifest.length, secrets };
	yield Buffer.from(`${JSON.stringify(header)}\n`);
	yield manifest;
	const piece = Buffer.allocUnsafeSlow(64 * 1024);
	try {
		for (const { memory } of read) {
			for (let at = 0; ;) {
				const count = readSync(memory.fd, piece, 0, piece.length, at);
				if (count === 0) break;
				yield piece.subarray(0, count);
				at += count;
			}
		}
	} finally {
		piece.fill(0);
	}
}

/**
 * Reads the manifest and the secrets from the standard input of the devhost in a guest.
 *
 * @throws Error when something else stands there.
 */
export function readGuestInput(): { readonly text: string; readonly secrets: GivenSecrets } {
	const header = JSON.parse(readLine()) as InputHeader;
	const text = readExactly(header.manifest).toString();
	const memories = new Map<string, Fd>();
	for (const { place, size } of header.secrets) {
		const bytes = readExactly(size);
		memories.set(place, sealedMemory(bytes));
		bytes.fill(0);
	}
	return {
		text,
		secrets: {
			get(place) {
				const memory = memories.get(place);
				return memory === undefined ? undefined : openAgain(memory);
			},
			[Symbol.dispose]() {
				for (const memory of memories.values()) memory.close();
			},
		},
	};
}

function readLine(): string {
	const bytes: number[] = [];
	for (;;) {
		const [byte = lineFeed] = readExactly(1);
		if (byte === lineFeed) return Buffer.from(bytes).toString();
		bytes.push(byte);
	}
}

function readExactly(size: number): Buffer {
	const bytes = Buffer.allocUnsafeSlow(size);
	for (let at = 0; at < size;) {
		const count = readSync(0, bytes, at, size - at, null);
		if (count === 0) throw new Error("standard input ended before what it announced");
		at += count;
	}
	return bytes;
}

const lineFeed = 0x0a;
