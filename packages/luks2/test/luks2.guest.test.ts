import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import type { DeviceError } from "@devhost/core";
import { findTool } from "@devhost/core/command";
import {
	addKey,
	DeviceMapper,
	type DeviceNumber,
	KEY_SPEC_USER_KEYRING,
	unlinkKey,
} from "@devhost/linux";
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from "vitest";
import { linuxLuks } from "../src/linux-luks.ts";
import {
	bytesOf,
	copyBytes,
	cryptsetup,
	dataOffsetBytes,
	makeContainer,
	overwrite,
	rewriteMetadata,
} from "./container.ts";
import { Machine, makeFile, type OpenRequest, pattern, lastingTraces, traces } from "./machine.ts";

const mebibyte = 1 << 20;
const sizeBytes = 24 * mebibyte;
const secret = { fd: 0 };
const tag = "devhost-luks2.test-disk";
/** Of 512 bytes with everything that is no text, but no line end. */
const binary = Buffer.from(pattern(512, 7)).map((byte) => (byte === 10 ? 11 : byte));
binary.set([0, 255, 13], 9);

let made: Machine;
let machine: Machine;

beforeAll(() => {
	made = new Machine();
	makeContainer(made.path("container.img"), { sizeBytes });
});
afterAll(() => made[Symbol.dispose]());
beforeEach(() => {
	machine = new Machine();
});
afterEach(async ({ expect }) => {
	machine[Symbol.dispose]();
	expect(await lastingTraces()).toEqual([]);
});

/** A copy of the container that every test may do with what it likes. */
function container(change: (file: string) => void = () => {}): string {
	const file = machine.path("disk.img");
	copyFileSync(made.path("container.img"), file);
	change(file);
	return file;
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
	await using file = await open(path, "r+");
	await file.write(bytes);
}

/** Opens a container and closes it again. Returns the details of what was open. */
async function openOnce(
	file: string,
	request?: OpenRequest,
): Promise<Readonly<Record<string, unknown>>> {
	using loop = await machine.bind(file);
	await using device = await machine.open(loop, request);
	return device.details ?? {};
}

describe("an opened container", () => {
	test("has what was written when it is opened anew", async ({ expect }) => {
		const file = container();
		const content = pattern(3 * mebibyte, 1);
		{
			using loop = await machine.bind(file);
			await using device = await machine.open(loop);
			expect(device.path).toBe(`dm-${device.node?.minor}`);
			expect(device.details).toMatchObject({
				cipher: "aes-xts-plain64",
				keySlot: 0,
				sizeBytes: sizeBytes - dataOffsetBytes,
				readOnly: false,
				uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
			});
			expect(machine.nodes().toSorted()).toEqual([device.path, loop.path].toSorted());
			expect(await lastingTraces()).toEqual([`mapping ${tag}`]);
			await write(machine.node(device.path), content);
		}
		const afterwards = [...(await lastingTraces()), ...machine.nodes()];

		using loop = await machine.bind(file, { readOnly: true });
		await using device = await machine.open(loop, {
			options: { passphrase: secret, "read-only": true },
		});
		const again = readFileSync(machine.node(device.path)).subarray(0, content.length);

		expect(afterwards).toEqual([]);
		expect(again.equals(content)).toBe(true);
		expect(device.details).toMatchObject({ readOnly: true });
		await expect(write(machine.node(device.path), content)).rejects.toMatchObject({
			code: expect.stringMatching(/^(?:EACCES|EPERM|EROFS)$/),
		});
		const onDisk = bytesOf(file, dataOffsetBytes, 512);
		expect(onDisk.equals(content.subarray(0, 512))).toBe(false);
	});

	test("has the flags that it was asked for", async ({ expect }) => {
		using loop = await machine.bind(container());
		await using device = await machine.open(loop, {
			options: {
				passphrase: secret,
				"allow-discards": true,
				"same-cpu-crypt": true,
				"submit-from-crypt-cpus": true,
				"no-read-workqueue": true,
				"no-write-workqueue": true,
				"disable-keyring": true,
			},
		});
		using mapper = DeviceMapper.open();

		const [target] = mapper.table({ node: device.node as DeviceNumber });

		expect(target).toMatchObject({ type: "crypt" });
		for (const flag of [
			"allow_discards",
			"same_cpu_crypt",
			"submit_from_crypt_cpus",
			"no_read_workqueue",
			"no_write_workqueue",
		]) {
			expect(target?.parameters).toContain(` ${flag}`);
		}
	});

	test("with integrity stands on a second mapping, and both go", async ({ expect }) => {
		const file = machine.path("disk.img");
		makeFile(file, sizeBytes);
		using loop = await machine.bind(file);
		const kdf = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
		const integrity = ["--integrity", "hmac-sha256", "--integrity-no-wipe"];
		process.env["DM_DISABLE_UDEV"] = "1";
		cryptsetup(
			["luksFormat", "--type", "luks2", ...kdf, ...integrity, machine.node(loop.path)],
			"secret",
		);
		{
			await using device = await machine.open(loop, {
				options: {
					passphrase: secret,
					integrity: "hmac-sha256",
					"integrity-no-journal": true,
				},
			});
			expect((await lastingTraces()).toSorted()).toEqual([
				`mapping ${tag}`,
				`mapping ${tag}_dif`,
			]);
			expect(device.details).toMatchObject({ integrity: "hmac(sha256)" });
			// Tags are made by writing: the first sector can be read once it was written.
			const content = pattern(4096, 3);
			await write(machine.node(device.path), content);
			const file_ = await open(machine.node(device.path));
			await using _ = file_;
			const { buffer } = await file_.read(Buffer.alloc(4096), 0, 4096, 0);
			expect(buffer.equals(content)).toBe(true);
		}
		expect(await lastingTraces()).toEqual([]);
		await expect(
			machine.open(loop, { options: { passphrase: secret, "allow-discards": true } }),
		).rejects.toMatchObject({ code: "ERR_DEVICE_OPTIONS", pointer: "/allow-discards" });
	});

	test("may have its header in the tree", async ({ expect }) => {
		mkdirSync(machine.path("boot"));
		const file = machine.path("data.img");
		makeContainer(file, {
			sizeBytes: mebibyte,
			further: ["--header", machine.path("boot/luks.hdr")],
		});
		const options = { passphrase: secret, header: "/boot/../../boot/luks.hdr" };

		const details = await openOnce(file, { options });

		expect(details).toMatchObject({ sizeBytes: mebibyte });
		copyFileSync(made.path("container.img"), file);
		await expect(openOnce(file, { options })).rejects.toMatchObject({
			code: "ERR_DEVICE_FORMAT",
			pointer: "/header",
		});
		await expect(
			openOnce(file, { options: { passphrase: secret, header: "no.hdr" } }),
		).rejects.toMatchObject({ code: "ERR_DEVICE_FILE", pointer: "/header" });
	});

	test("needs only one good copy of its header, which stays as it is", async ({ expect }) => {
		const file = container((path) => overwrite(path, 0, Buffer.alloc(4096)));
		const told: string[] = [];

		await openOnce(file, { log: (text) => told.push(text) });

		expect(told).toEqual([
			expect.stringContaining("the primary copy of the LUKS2 header cannot be used"),
		]);
		expect(bytesOf(file, 0, 4096).equals(Buffer.alloc(4096))).toBe(true);
	});
});

describe("is unlocked by", () => {
	/**
	 * Formats a file as osbuild formats devices, with the passphrase on standard input: cryptsetup takes its first line.
	 *
	 * Source: stages/org.osbuild.luks2.format of osbuild.
	 */
	function formatAsOsbuild(input: string): string {
		const file = machine.path("disk.img");
		makeFile(file, sizeBytes);
		const kdf =
			"--pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32 --pbkdf-parallel 1";
		const argv = `-q luksFormat --type luks2 --force-password ${kdf} ${file}`;
		execFileSync("cryptsetup", ["--disable-locks", ...argv.split(" ")], { input });
		return file;
	}

	test("what osbuild's stage has formatted it with, also where that is cut at a line end", async ({
		expect,
	}) => {
		const file = formatAsOsbuild("osbuild\nis cut here");

		const whole = await openOnce(file, { passphrase: "osbuild\nis cut here" });
		const part = await openOnce(file, { passphrase: "osbuild" });

		expect([whole["keySlot"], part["keySlot"]]).toEqual([0, 0]);
	});

	test("an empty passphrase", async ({ expect }) => {
		const file = formatAsOsbuild("\n");

		expect(await openOnce(file, { passphrase: "" })).toMatchObject({ keySlot: 0 });
		await expect(openOnce(file)).rejects.toMatchObject({ code: "ERR_DEVICE_KEY" });
	});

	test("passphrases and key files of any bytes, by the key slots that have them", async ({
		expect,
	}) => {
		const long = "x".repeat(600);
		const lines = Buffer.from("\nline\n\0end\n");
		const keyFile = Buffer.concat([Buffer.from("skipped"), lines, Buffer.from("left out")]);
		const file = container((path) => {
			for (const [slot, key] of [binary, long, lines].entries()) {
				writeFileSync(machine.path("new.key"), key);
				const kdf = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
				const argv = ["luksAddKey", ...kdf, "--key-slot", String(slot + 1), path];
				cryptsetup([...argv, machine.path("new.key")], "secret");
			}
		});
		using loop = await machine.bind(file);
		const slotOf = async (request: OpenRequest): Promise<unknown> => {
			await using device = await machine.open(loop, request);
			return device.details?.["keySlot"];
		};

		const slots = [
			await slotOf({ passphrase: binary }),
			await slotOf({ passphrase: long }),
			await slotOf({
				passphrase: keyFile,
				options: {
					"key-file": secret,
					"keyfile-offset": 7,
					"keyfile-size": lines.length,
					"key-slot": 3,
				},
			}),
		];

		expect(slots).toEqual([1, 2, 3]);
	});

	test("the volume key, without any key slot", async ({ expect }) => {
		const key = machine.path("volume.key");
		const file = container((path) => {
			cryptsetup(["luksDump", "--dump-volume-key", "--volume-key-file", key, path], "secret");
			cryptsetup(["luksErase", path], "");
		});
		const options = { "volume-key-file": secret };

		const details = await openOnce(file, { options, passphrase: readFileSync(key) });

		expect(details).toMatchObject({ cipher: "aes-xts-plain64" });
		await expect(openOnce(file, { options, passphrase: pattern(64, 5) })).rejects.toMatchObject(
			{
				code: "ERR_DEVICE_KEY",
				pointer: "/volume-key-file",
			},
		);
		await expect(openOnce(file)).rejects.toMatchObject({
			code: "ERR_DEVICE_KEY",
			message: "disk: no key slot is left: only its volume key opens it",
		});
	});

	test("a token, and a token alone does not help a wrong passphrase", async ({ expect }) => {
		const description = "devhost-luks2-guest-test";
		const file = container((path) =>
			cryptsetup(["token", "add", "--key-description", description, "-S", "0", path], ""),
		);
		const options = { "token-only": true, "token-type": "luks2-keyring" };

		await expect(openOnce(file, { options })).rejects.toMatchObject({
			code: "ERR_DEVICE_KEY",
			pointer: "/token-only",
		});
		const key = addKey("user", description, Buffer.from("secret"), KEY_SPEC_USER_KEYRING);
		try {
			expect(await openOnce(file, { options })).toMatchObject({ keySlot: 0 });
			await expect(openOnce(file, { passphrase: "wrong" })).rejects.toMatchObject({
				code: "ERR_DEVICE_KEY",
				pointer: "/passphrase",
			});
		} finally {
			unlinkKey(key, KEY_SPEC_USER_KEYRING);
		}
	});
});

describe("leaves nothing, and says why, when", () => {
	/** The error of an opening, and what is there after it. */
	async function failed(
		file: string,
		request?: OpenRequest,
	): Promise<Partial<DeviceError> & { readonly left: readonly string[] }> {
		using loop = await machine.bind(file);
		try {
			await using device = await machine.open(loop, request);
			return { left: [`${device.path} is open`] };
		} catch (error) {
			const { code, pointer, message } = error as DeviceError;
			const nodes = machine.nodes().filter((each) => each !== loop.path);
			return { code, pointer, message, left: [...nodes, ...(await lastingTraces())] };
		}
	}

	test("the passphrase is wrong", async ({ expect }) => {
		const error = await failed(container(), { passphrase: "hunter2" });

		expect(error).toEqual({
			code: "ERR_DEVICE_KEY",
			pointer: "/passphrase",
			message: "disk: the passphrase does not open any of its key slots (0)",
			left: [],
		});
	});

	test("the passphrase would be right with what follows its line end", async ({ expect }) => {
		const error = await failed(container(), { passphrase: "two\nlines" });

		expect(error).toEqual({
			code: "ERR_DEVICE_KEY",
			pointer: "/passphrase",
			message:
				"disk: the passphrase does not open any of its key slots (0). The passphrase ends at its first line end, " +
				"after 3 bytes: what follows is not part of it. key-file takes every byte",
			left: [],
		});
	});

	test("the key file is empty, or ends before its offset", async ({ expect }) => {
		const file = container();
		const options = { "key-file": secret };

		const empty = await failed(file, { passphrase: "", options });
		const short = await failed(file, { options: { ...options, "keyfile-offset": 6 } });

		expect(empty).toMatchObject({ code: "ERR_DEVICE_KEY", pointer: "/key-file", left: [] });
		expect(short).toMatchObject({
			code: "ERR_DEVICE_OPTIONS",
			pointer: "/keyfile-offset",
			left: [],
		});
	});

	test("it is no LUKS, LUKS1, or damaged in both copies", async ({ expect }) => {
		const other = machine.path("other.img");
		makeFile(other, sizeBytes);
		const zeros = await failed(other);
		const kdf = ["--pbkdf-force-iterations", "1000"];
		cryptsetup(["luksFormat", "--type", "luks1", ...kdf, other], "secret");
		const luks1 = await failed(other);
		const file = container((path) => {
			overwrite(path, 5000, Buffer.from("x"));
			overwrite(path, copyBytes + 5000, Buffer.from("x"));
		});
		const damaged = await failed(file);

		expect(zeros).toMatchObject({ code: "ERR_DEVICE_FORMAT", left: [] });
		expect(luks1).toMatchObject({ code: "ERR_DEVICE_VERSION", left: [] });
		expect(damaged).toMatchObject({ code: "ERR_DEVICE_METADATA", left: [] });
	});

	test.for([
		[
			"of its data",
			/("type":"crypt",.*"encryption":")aes-xts/,
			/no cipher nosuch-xts-plain64, with which its data are encrypted/,
		],
		[
			"of its key slots",
			/("area":\{[^}]*"encryption":")aes-xts/,
			/no cipher nosuch-xts-plain64, with which the key slots are encrypted/,
		],
	] as const)("the kernel lacks the cipher %s", async ([, place, message], { expect }) => {
		const file = container((path) =>
			rewriteMetadata(path, (text) => text.replace(place, "$1nosuch-xts")),
		);

		const error = await failed(file);

		expect(error).toMatchObject({
			code: "ERR_DEVICE_UNSUPPORTED",
			message: expect.stringMatching(message),
			left: [],
		});
	});

	test("there is too little memory for Argon2", async ({ expect }) => {
		// The most that there can be, and what a guest of the tests does not have.
		const kdf = '"kdf":{"type":"argon2id","time":4,"memory":4194304,"cpus":1,"salt":$1}';
		const file = container((path) =>
			rewriteMetadata(path, (text) => text.replace(derivation, kdf)),
		);

		const error = await failed(file);

		expect(error).toMatchObject({
			code: "ERR_DEVICE_MEMORY",
			message: expect.stringMatching(
				/too little memory to unlock it: argon2id of key slot 0 needs 4096 MiB, and \d+ MiB are available/,
			),
			left: [],
		});
	});

	test("cryptsetup finds that a header does not fit together", async ({ expect }) => {
		// Right by its checksum, and wrong by all else that cryptsetup validates.
		const file = container((path) =>
			rewriteMetadata(path, (text) => text.replace('"digests":', '"digest":')),
		);

		const error = await failed(file);

		expect(error).toMatchObject({ code: "ERR_DEVICE_METADATA", left: [] });
	});

	test("cryptsetup is missing, or too old", async ({ expect }) => {
		const file = container();
		const sys = linuxLuks();
		const where = { install: "apt-get install cryptsetup-bin" };
		const findCryptsetup = (subject: string): string =>
			findTool("cryptsetup-of-nobody", { ...where, subject });
		// One that cannot be had any more, as far as it matters here. Source: cryptsetup 1.7.5, src/cryptsetup.c.
		const old = machine.path("cryptsetup");
		writeFileSync(
			old,
			'#!/bin/sh\ncase "$*" in --version) echo cryptsetup 1.7.5;; *) echo "--type=luks2: unknown option" >&2; exit 1;; esac\n',
		);
		chmodSync(old, 0o755);

		const without = await failed(file, { sys: { ...sys, findCryptsetup } });
		const tooOld = await failed(file, { sys: { ...sys, findCryptsetup: () => old } });

		expect(without).toMatchObject({ code: "ERR_DEVICE_TOOL", left: [] });
		expect(tooOld).toMatchObject({
			code: "ERR_DEVICE_TOOL",
			message: `disk: ${old} is 1.7.5 and has no --type=luks2: install cryptsetup 2.4.0 or later`,
			left: [],
		});
	});

	test("the parent can only be read, or is in use", async ({ expect }) => {
		const file = container();
		using loop = await machine.bind(file, { readOnly: true });

		await expect(machine.open(loop)).rejects.toMatchObject({
			code: "ERR_DEVICE_READ_ONLY_FILE",
			pointer: "/read-only",
		});
		const options = { passphrase: secret, "read-only": true };
		await using _ = await machine.open(loop, { options });
		await expect(machine.open(loop, { options, name: "second" })).rejects.toMatchObject({
			code: "ERR_DEVICE_BUSY",
			holders: [{ kind: "device" }],
		});
		expect(await lastingTraces()).toEqual([`mapping ${tag}`]);
	});

	test("it is cancelled while cryptsetup unlocks it, which has the secret in no place that others see", async ({
		expect,
	}) => {
		const kdf = '"kdf":{"type":"pbkdf2","hash":"sha256","iterations":2000000000,"salt":$1}';
		const slow = container((path) =>
			rewriteMetadata(path, (text) => text.replace(derivation, kdf)),
		);
		const controller = new AbortController();
		let seen = "";
		const look = setInterval(() => {
			const running = traces().flatMap((trace) => /^process (\d+) /.exec(trace)?.[1] ?? []);
			for (const pid of running) {
				for (const kind of ["cmdline", "environ"]) {
					try {
						seen += readFileSync(`/proc/${pid}/${kind}`, "utf8");
					} catch {
						// It went meanwhile.
					}
				}
			}
			if (seen.includes("--batch-mode")) controller.abort(new Error("enough"));
		}, 20);

		const passphrase = "correct horse battery staple";
		const error = await failed(slow, { passphrase, signal: controller.signal });
		clearInterval(look);

		expect(error).toMatchObject({
			code: "ERR_DEVICE_CANCELLED",
			message: "disk: opening was cancelled",
			left: [],
		});
		expect(seen).toContain("cryptsetup");
		expect(seen).not.toContain("horse");
	});
});

/** A key slot's derivation, with its salt. */
const derivation = /"kdf":\{[^}]*"salt":("[^"]*")\}/;
