import { execFileSync, spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import {
	chmodSync,
	closeSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	readSync,
	rmSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import {
	addKey,
	F_SEAL_GROW,
	F_SEAL_SEAL,
	F_SEAL_SHRINK,
	F_SEAL_WRITE,
	getSeals,
	KEY_SPEC_PROCESS_KEYRING,
	pipe,
	unlinkKey,
} from "@devhost/linux";
import { descriptorCount } from "@devhost/tools/testing";
import { afterEach, beforeEach, describe, test } from "vitest";
import { type DeviceError, isDeviceError } from "../src/error.ts";
import {
	maxSecretBytes,
	readSecret,
	type ReadSecretOptions,
	type Secret,
} from "../src/secret/index.ts";

/** Bytes that are not text, with line feeds inside and at the end. */
const odd = Buffer.from([0, 10, 255, 254, 13, 10, 0x80, 13, 10]);

let folder: string;
let descriptors: number;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-secret-"));
	descriptors = descriptorCount();
});
afterEach(({ expect }) => {
	rmSync(folder, { recursive: true });
	expect(descriptorCount()).toBe(descriptors);
});

function write(name: string, content: string | Uint8Array, mode = 0o600): string {
	const path = join(folder, name);
	writeFileSync(path, content);
	chmodSync(path, mode);
	return path;
}

async function bytesOf(secret: Secret, options: ReadSecretOptions = {}): Promise<Buffer> {
	using fd = await readSecret(secret, { folder, ...options });
	return readFileSync(fd.fd);
}

async function failureOf(secret: unknown, options: ReadSecretOptions = {}): Promise<DeviceError> {
	try {
		using _ = await readSecret(secret as Secret, { folder, ...options });
	} catch (error) {
		if (isDeviceError(error)) return error;
		throw error;
	}
	throw new Error("it was read");
}

describe("a secret", () => {
	test("is in memory that cannot be changed, and is read from its beginning", async ({
		expect,
	}) => {
		using fd = await readSecret("pass\nphrase ü\n");

		expect(readFileSync(fd.fd, "utf8")).toBe("pass\nphrase ü\n");
		expect(getSeals(fd)).toBe(F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
		expect(() => writeSync(fd.fd, "x", 0)).toThrow("EPERM");
	});

	test("may be empty", async ({ expect }) => {
		write("empty", "");

		expect(await bytesOf("")).toEqual(Buffer.of());
		expect(await bytesOf({ file: "empty" })).toEqual(Buffer.of());
		expect(await bytesOf({ command: ["true"] })).toEqual(Buffer.of());
		expect(await bytesOf({ env: "E" }, { environment: { E: "" } })).toEqual(Buffer.of());
	});

	test.for([
		["", ""],
		["a", "a"],
		["a\n", "a"],
		["a\r\n", "a"],
		["a\n\n", "a\n"],
		["a\r", "a\r"],
		[" a \t\n", " a \t"],
		["\n", ""],
	] as const)("%j with trim is %j", async ([content, trimmed], { expect }) => {
		write("key", content);

		expect(String(await bytesOf({ file: "key" }))).toBe(content);
		expect(String(await bytesOf({ file: "key", trim: true }))).toBe(trimmed);
		const environment = { E: content };
		expect(String(await bytesOf({ env: "E", trim: true }, { environment }))).toBe(trimmed);
	});

	test("is refused where it is neither a string nor a reference, without being shown", async ({
		expect,
	}) => {
		const error = await failureOf(
			{ hunter2: null },
			{ device: "root", pointer: "/passphrase" },
		);

		expect(error).toMatchObject({ code: "ERR_DEVICE_OPTIONS", pointer: "/passphrase" });
		expect(inspect(error)).not.toContain("hunter2");
	});
});

describe("of an environment variable", () => {
	test("is its value", async ({ expect }) => {
		const environment = { KEY: "as it is\n" };

		expect(String(await bytesOf({ env: "KEY" }, { environment }))).toBe("as it is\n");
		expect(
			await failureOf({ env: "KEY2" }, { environment, device: "root", pointer: "/key" }),
		).toMatchObject({
			code: "ERR_DEVICE_SECRET",
			device: "root",
			pointer: "/key",
			message: "root: key: there is no environment variable KEY2",
		});
	});

	test("is exact where it is not UTF-8", ({ expect }) => {
		const script = `
			import { readFileSync } from "node:fs";
			import { readSecret } from ${JSON.stringify(new URL("../src/secret/index.ts", import.meta.url).href)};
			using fd = await readSecret({ env: "KEY" });
			console.log(readFileSync(fd.fd).toString("hex"));`;
		// A shell, as Node would write the variable in UTF-8.
		const command = `KEY="$(printf 'a\\377\\376b')" exec "$0" --input-type=module -e "$1"`;

		const result = spawnSync("sh", ["-c", command, process.execPath, script], {
			encoding: "utf8",
		});

		expect(result).toMatchObject({ status: 0, stdout: "61fffe62\n" });
	});
});

describe("of a file", () => {
	test("is its content, relative to the folder", async ({ expect }) => {
		const path = write("key", odd);

		expect(await bytesOf({ file: "key" })).toEqual(odd);
		expect(await bytesOf({ file: path }, { folder: "/" })).toEqual(odd);
	});

	test("has a length that it may have", async ({ expect }) => {
		const path = write("key", "");
		truncateSync(path, maxSecretBytes);
		expect((await bytesOf({ file: "key" })).length).toBe(maxSecretBytes);

		truncateSync(path, maxSecretBytes + 1);
		expect(await failureOf({ file: "key" })).toMatchObject({
			code: "ERR_DEVICE_SECRET",
			message: "secret: longer than the 8388608 bytes that a secret may have",
		});
	});

	test("that everybody may read is warned of", async ({ expect }) => {
		const warnings: string[] = [];
		const onWarning = (message: string): void => void warnings.push(message);
		write("mine", "x", 0o640);
		const open = write("everybody's", "x", 0o644);

		await bytesOf({ file: "mine" }, { onWarning });
		expect(warnings).toEqual([]);
		await bytesOf({ file: "everybody's" }, { onWarning });
		expect(warnings).toEqual([expect.stringContaining(`${open} can be read by everybody`)]);
	});

	test.for([
		["none", "none does not exist"],
		["key/none", "key/none does not exist: a part of the path is no directory"],
		[".", " is a directory, expected a file or a named pipe"],
		["/dev/zero", "/dev/zero is a terminal or another device, expected a file or a named pipe"],
		["loop", "loop leads nowhere: its symbolic links go round"],
	] as const)("%s: %s", async ([file, words], { expect }) => {
		write("key", "x");
		execFileSync("ln", ["-s", "loop", join(folder, "loop")]);

		const error = await failureOf({ file });

		expect(error.code).toBe("ERR_DEVICE_SECRET");
		expect(error.message.endsWith(words)).toBe(true);
	});

	test("may be a pipe, whose writer comes later and writes in pieces", async ({ expect }) => {
		const path = join(folder, "pipe");
		execFileSync("mkfifo", [path]);
		const reading = bytesOf({ file: "pipe" });
		await new Promise((resolve) => setTimeout(resolve, 20));

		const writer = openSync(path, "w");
		writeSync(writer, "one ");
		await new Promise((resolve) => setTimeout(resolve, 20));
		writeSync(writer, "two");
		closeSync(writer);

		expect(String(await reading)).toBe("one two");
	});

	test("that is a pipe without a writer is waited for until somebody has enough", async ({
		expect,
	}) => {
		execFileSync("mkfifo", [join(folder, "pipe")]);
		const controller = new AbortController();
		const reason = new Error("enough");
		const reading = bytesOf({ file: "pipe" }, { signal: controller.signal });
		await new Promise((resolve) => setTimeout(resolve, 20));

		controller.abort(reason);

		await expect(reading).rejects.toBe(reason);
	});
});

describe("of a descriptor", () => {
	test("is the rest of a file, which stays open", async ({ expect }) => {
		const fd = openSync(write("key", "12345"), "r");
		readSync(fd, Buffer.alloc(2));

		expect(String(await bytesOf({ fd }))).toBe("345");
		closeSync(fd);
	});

	test("is all that comes through a pipe, which stays as it is", async ({ expect }) => {
		const [output, input] = pipe();
		const reading = bytesOf({ fd: output.fd });
		writeSync(input.fd, odd);
		input.close();

		expect(await reading).toEqual(odd);
		const flags = readFileSync(`/proc/self/fdinfo/${output.fd}`, "utf8");
		expect(Number.parseInt(/flags:\s*(\d+)/.exec(flags)?.[1] ?? "", 8) & 0o4000).toBe(0);
		output.close();
	});

	test("has to be there, and a file or a pipe", async ({ expect }) => {
		for (const missing of [999, eventLoopDescriptor()]) {
			expect((await failureOf({ fd: missing })).message).toBe(
				`secret: descriptor ${missing} was not given to this process: in a shell ${missing}<FILE does it`,
			);
		}
		const fd = openSync("/dev/null", "r");
		expect((await failureOf({ fd })).message).toBe(
			`secret: descriptor ${fd} is a terminal or another device, expected a file or a pipe: to be asked at a terminal, use prompt`,
		);
		closeSync(fd);
	});
});

describe("of a command", () => {
	test("is its output byte for byte, without a shell, in the folder", async ({ expect }) => {
		write("key", odd);

		expect(await bytesOf({ command: ["cat", "key"] })).toEqual(odd);
		expect(String(await bytesOf({ command: ["printf", "%s", "$HOME;*"] }))).toBe("$HOME;*");
		write("get", "#!/bin/sh\nprintf mine", 0o700);
		expect(String(await bytesOf({ command: ["./get"] }))).toBe("mine");
	});

	test("gets the environment less what holds secrets itself, and no input", async ({
		expect,
	}) => {
		const environment = { PATH: process.env["PATH"], A: "a", SECRET: "hunter2" };
		const withheld = new Set(["SECRET"]);
		const command = ["sh", "-c", `cat; echo "$A,$SECRET"`];

		const bytes = await bytesOf({ command }, { environment, withheld });

		expect(String(bytes)).toBe("a,\n");
	});

	test.for([
		[
			["false"],
			"false ended with exit status 1; what it printed is not shown, as it may hold a secret",
		],
		[
			["sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3"],
			"sh ended with exit status 3; what it printed is not shown, as it may hold a secret",
		],
		[
			["sh", "-c", "kill -9 $$"],
			"sh ended with SIGKILL; what it printed is not shown, as it may hold a secret",
		],
		[["no-such-program"], "no program no-such-program in "],
		[["./none"], "none does not exist"],
		[["./key"], "key may not be executed by this user"],
		[
			["sh", "-c", "yes hunter2"],
			"what sh wrote is longer than the 8388608 bytes that a secret may have",
		],
	] as const)("%j: %s", async ([command, words], { expect }) => {
		write("key", "x");

		const error = await failureOf({ command: [...command] });

		expect(error.code).toBe("ERR_DEVICE_SECRET");
		expect(error.message).toContain(words);
		expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
	});

	test("is ended with all that it started when its time is over", async ({ expect }) => {
		const command = ["sh", "-c", "echo $$ > pid; trap '' TERM; sleep 4711; echo late"];

		const error = await failureOf({ command, timeout: 0.3 });

		expect(error.message).toBe("secret: sh was not done after 0.3 s, and ended");
		expect(processesWith("sleep", "4711")).toEqual([]);
	});

	test("is ended when somebody has enough", async ({ expect }) => {
		const controller = new AbortController();
		const reason = new Error("enough");
		const command = ["sh", "-c", "sleep 4712; true"];
		const reading = bytesOf({ command }, { signal: controller.signal });
		while (processesWith("sleep", "4712").length === 0) {
			await new Promise((resolve) => setTimeout(resolve, 10));
		}

		controller.abort(reason);

		await expect(reading).rejects.toBe(reason);
		expect(processesWith("sleep", "4712")).toEqual([]);
	});

	test("is complete when it ends, whatever it leaves running", async ({ expect }) => {
		const command = ["sh", "-c", "sleep 2 & printf done"];

		expect(String(await bytesOf({ command }))).toBe("done");
	});
});

describe("of a credential", () => {
	test("is a file in the folder that systemd names", async ({ expect }) => {
		write("root.key", odd);
		const environment = { CREDENTIALS_DIRECTORY: folder };

		expect(await bytesOf({ credential: "root.key" }, { environment, folder: "/" })).toEqual(
			odd,
		);
		expect((await failureOf({ credential: "other" }, { environment })).message).toBe(
			`secret: ${folder}/other does not exist`,
		);
		expect(
			(await failureOf({ credential: "root.key" }, { environment: {} })).message,
		).toContain("CREDENTIALS_DIRECTORY is not set");
	});
});

describe.skipIf(!hasKeyrings())(hasKeyrings() ? "of a key" : "impossible here: no keyrings", () => {
	test("is its payload, whole", async ({ expect }) => {
		const name = `devhost:test:${randomUUID()}`;
		const payload = Buffer.alloc(9_000, odd); // an ordinary user may have 20,000 bytes in keys
		const key = addKey("user", name, payload, KEY_SPEC_PROCESS_KEYRING);

		const bytes = await bytesOf({ keyring: name });
		unlinkKey(key, KEY_SPEC_PROCESS_KEYRING);

		expect(sha256(bytes)).toBe(sha256(payload));
		expect((await failureOf({ keyring: name })).message).toBe(
			`secret: key "${name}": none of this description and the type user in the keyrings of this session or user`,
		);
	});
});

function eventLoopDescriptor(): number {
	const isItsOwn = (name: string): boolean => {
		try {
			return readlinkSync(`/proc/self/fd/${name}`) === "anon_inode:[eventpoll]";
		} catch {
			return false; // that of the listing itself
		}
	};
	return Number(readdirSync("/proc/self/fd").find(isItsOwn));
}

function hasKeyrings(): boolean {
	try {
		const key = addKey("user", randomUUID(), Buffer.of(1), KEY_SPEC_PROCESS_KEYRING);
		unlinkKey(key, KEY_SPEC_PROCESS_KEYRING);
		return true;
	} catch {
		return false;
	}
}

function sha256(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

function processesWith(...argv: readonly string[]): string[] {
	const { stdout } = spawnSync("ps", ["-eo", "args="], { encoding: "utf8" });
	return stdout.split("\n").filter((line) => line === argv.join(" "));
}
