import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import type { Diagnosis } from "../src/doctor.ts";
import { cliFile } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";

// It boots a guest.
vi.setConfig({ testTimeout: 60_000 });

let home: string;
beforeEach(() => {
	home = mkdtempSync(join(tmpdir(), "devhost-test-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const isRoot = process.getuid?.() === 0;
/** Has a command run by an ordinary user. */
const asUser = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

function doctor(before: readonly string[], ...args: readonly string[]) {
	const [file = "", ...argv] = [...before, process.execPath, cliFile, "doctor", ...args];
	return spawnSync(file, argv, {
		encoding: "utf8",
		env: { PATH: process.env["PATH"], XDG_CACHE_HOME: home },
	});
}

describe("devhost doctor", () => {
	test("tells what an ordinary user has", ({ expect }) => {
		const { status, stdout, stderr } = doctor(asUser);

		expect(stderr).toBe("");
		expect(stdout).toMatch(/^native: does not work\n {2}missing root: /);
		expect(stdout).toMatch(/^uml: works\n {2}ok +kernel: .*linux\.uml$/m);
		expect(stdout).toMatch(/^ {2}ok +boot: a guest of Linux [\d.]+ booted/m);
		expect(stdout).toMatch(/^devhost run uses uml$/m);
		expect(status).toBe(0);
	});

	test("tells the same as JSON, and boots a guest once", ({ expect }) => {
		doctor([], "--json");
		const { status, stdout } = doctor([], "--json");

		const diagnosis = JSON.parse(stdout) as Diagnosis & { event: string };
		expect(status).toBe(0);
		expect(eventComplaints(diagnosis)).toEqual([]);
		expect(diagnosis).toMatchObject({
			event: "doctor",
			backend: isRoot ? "native" : "uml",
			backends: [
				{ name: "native", works: isRoot },
				{ name: "uml", works: true, canFix: false },
			],
			sandbox: { passed: true },
			tools: [
				{
					name: "cryptsetup",
					passed: true,
					detail: expect.stringMatching(/^\/.*\/cryptsetup$/),
					types: ["devhost.luks2"],
				},
				{ name: "lvm", passed: true, types: ["devhost.lvm2.lv"] },
				{ name: "blkid", passed: true, types: ["auto"] },
			],
		});
		// Only root can try it.
		expect(diagnosis.backends.map(({ optional }) => optional.map(({ name }) => name))).toEqual([
			isRoot ? ["device-mapper"] : [],
			[],
		]);
		expect(diagnosis.backends[1]?.checks.at(-1)?.detail).toContain("known from");
	});

	test("refuses what it does not know", ({ expect }) => {
		expect(doctor([], "manifest.yaml").status).toBe(2);
		const { status, stderr } = doctor([], "--fixx");
		expect(status).toBe(2);
		expect(stderr).toContain("did you mean --fix?");
	});
});

describe.skipIf(!isRoot && process.env["CI"] !== "true")("what a machine lacks", () => {
	test("is named with the command that installs it, and exits with 3", ({ expect }) => {
		// Where nobody else sees it, there is no guest kernel and no /dev that could be used.
		const hide =
			'mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w && mount -t overlay none -o lowerdir=/usr/bin,upperdir=/mnt/u,workdir=/mnt/w /usr/bin && rm /usr/bin/linux.uml /usr/bin/bwrap && mount -t tmpfs none /usr/sbin && exec "$@"';
		const before = ["unshare", "--mount", "--propagation", "private", "sh", "-c", hide, "sh"];

		const { status, stdout } = doctor([...before, ...asUser]);

		expect(status).toBe(3);
		expect(stdout).toMatch(/^uml: does not work$/m);
		expect(stdout).toMatch(/^ {2}missing kernel: /m);
		expect(stdout).toContain("as root: apt-get install --yes user-mode-linux kmod");
		expect(stdout).toMatch(/^missing sandbox: bubblewrap: /m);
		expect(stdout).toMatch(
			/^missing cryptsetup: apt-get install -y cryptsetup-bin \(only for devhost\.luks2\)$/m,
		);
		expect(stdout).toMatch(
			/^missing lvm: apt-get install -y lvm2, for thin, raid, .* \(only for devhost\.lvm2\.lv\)$/m,
		);
		expect(stdout).toMatch(/^devhost run works on none of them$/m);
	});
});
