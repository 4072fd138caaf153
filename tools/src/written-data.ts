import { execFileSync } from "node:child_process";
import { createHash, randomBytes, randomInt } from "node:crypto";
import {
	closeSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
	writeSync,
} from "node:fs";

/** A file system that is mounted nowhere but in a descriptor: its root directory. */
type Mount = (
	type: string,
	options: Readonly<Record<string, string>>,
) => Disposable & { readonly fd: number };

/** How something is written to a device. */
export type DataKind = "raw" | "ext4" | "xfs";

/** All ways. */
export const dataKinds: readonly DataKind[] = ["raw", "ext4", "xfs"];

/** How large a device for it is. */
export const dataSizeBytes: Readonly<Record<DataKind, number>> = {
	raw: 512 << 10,
	ext4: 16 << 20,
	xfs: 32 << 20,
};

/** Random data that is written to a device round after round, and what has to be there of it after each. */
export interface WrittenData {
	/** Makes the file system, in a file or on a device of the size of {@link dataSizeBytes}. */
	format(path: string): void;
	/** Writes some more. Nothing is synced, save by unmounting. */
	write(path: string): void;
	/**
	 * Compares all that there should be with what a device has: the hash of each file, or of the whole.
	 *
	 * @param path - A device that can only be read: nothing that is missing can be recovered from a journal.
	 * @returns What is different.
	 */
	differences(path: string): readonly string[];
}

/**
 * Makes one.
 *
 * @param mount - `detachedMount` of `@devhost/linux`.
 */
export function writtenData(kind: DataKind, mount: Mount): WrittenData {
	return kind === "raw" ? rawData() : filesOn(kind, mount);
}

function rawData(): WrittenData {
	const expected = Buffer.alloc(dataSizeBytes.raw);
	return {
		format(path) {
			// In a container there is noise at first.
			writeFileSync(path, expected, { flag: "r+" });
		},
		write(path) {
			const device = openSync(path, "r+");
			try {
				for (let count = 0; count < 4; count++) {
					// Neither begins nor ends with a sector.
					const bytes = randomBytes(randomInt(1, 100_000));
					const position = randomInt(0, expected.length - bytes.length);
					writeSync(device, bytes, 0, bytes.length, position);
					bytes.copy(expected, position);
				}
			} finally {
				closeSync(device);
			}
		},
		differences(path) {
			const found = sha256(readFileSync(path));
			return found === sha256(expected) ? [] : [`device: ${found}`];
		},
	};
}

function filesOn(kind: "ext4" | "xfs", mount: Mount): WrittenData {
	const expected = new Map<string, string>();
	let round = 0;
	return {
		format(path) {
			const [file, argv] =
				kind === "ext4"
					? ["mkfs.ext4", ["-q", "-F", "-E", "nodiscard"]]
					: ["mkfs.xfs", ["-q", "-f", "-K"]];
			execFileSync(file, [...argv, path], {
				stdio: "pipe",
				// With them, mkfs.xfs makes smaller ones than 300 MB. Source: validate_supported, mkfs/xfs_mkfs.c.
				env: { ...process.env, TEST_DIR: "yes", TEST_DEV: "yes", QA_CHECK_FS: "yes" },
			});
		},
		write(path) {
			using root = mount(kind, { source: path });
			const name = `file${round++ % 8}`;
			const content = randomBytes(randomInt(1, 200_000));
			writeFileSync(`/proc/self/fd/${root.fd}/${name}`, content);
			expected.set(name, sha256(content));
			const old = `file${(round + 4) % 8}`;
			if (expected.delete(old)) rmSync(`/proc/self/fd/${root.fd}/${old}`);
		},
		differences(path) {
			using root = mount(kind, { source: path, ro: "" });
			const folder = `/proc/self/fd/${root.fd}`;
			const found = new Map(
				readdirSync(folder)
					.filter((name) => name !== "lost+found")
					.map((name) => [name, sha256(readFileSync(`${folder}/${name}`))]),
			);
			const names = new Set([...found.keys(), ...expected.keys()]);
			return [...names]
				.filter((name) => found.get(name) !== expected.get(name))
				.map((name) => `${name}: ${found.get(name) ?? "missing"}`);
		},
	};
}

function sha256(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}
