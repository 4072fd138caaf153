/** What User Mode Linux says at every start where it has no folder, no disk and no device memory, which it needs none of. */
const harmless =
	/^(make_umid - mkstemp|Failed to initialize umid|mmapper_init - |epollctl add err fd|Failed to initialize ubd device|SELinux: )/;

const keptLines = 50;
const maxLineBytes = 1024;

/** Keeps the last lines of what a guest's console says, however much that is and whatever bytes it has. */
export class ConsoleLines {
	readonly #lines: string[] = [];
	#rest: Buffer = Buffer.alloc(0);

	/** Takes what was said next. */
	add(bytes: Buffer): void {
		let at = 0;
		// Of a flood only the end can matter.
		if (bytes.length > keptLines * maxLineBytes) {
			at = bytes.length - keptLines * maxLineBytes;
			this.#rest = Buffer.alloc(0);
		}
		for (let end = bytes.indexOf(10, at); end !== -1; end = bytes.indexOf(10, at)) {
			this.#push(Buffer.concat([this.#rest, bytes.subarray(at, end)]));
			this.#rest = Buffer.alloc(0);
			at = end + 1;
		}
		const rest = Buffer.concat([this.#rest, bytes.subarray(at)]);
		// A copy, so that a few bytes do not keep a large block of memory.
		this.#rest = Buffer.from(rest.subarray(Math.max(0, rest.length - maxLineBytes)));
	}

	/** The last lines, the unfinished one too. */
	get lines(): string[] {
		const rest = text(this.#rest);
		return rest === "" ? [...this.#lines] : [...this.#lines, rest].slice(-keptLines);
	}

	#push(bytes: Buffer): void {
		const line = text(bytes.subarray(0, maxLineBytes));
		if (line === "" || harmless.test(line)) return;
		this.#lines.push(line);
		if (this.#lines.length > keptLines) this.#lines.shift();
	}
}

/** Control characters would move the cursor of whoever prints the line. */
function text(bytes: Buffer): string {
	return bytes
		.toString()
		.replaceAll(/[\p{Cc}]/gu, (each) => (each === "\t" ? each : each === "\r" ? "" : "�"))
		.trimEnd();
}
