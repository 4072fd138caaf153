import { spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { chmodSync, chownSync, readdirSync, readFileSync } from "node:fs";
import { Terminal } from "@devhost/tools/testing";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import { cliFile, devhost, eventsOf, killStarted, Project } from "./devhost.ts";
import { processesIn } from "./leftovers.ts";

// A guest takes a second to boot, and Node in it another one.
vi.setConfig({ testTimeout: 120_000 });

const module = new URL("fixtures/secretive", import.meta.url).pathname;
/** Who runs devhost: never root, whose backend would be native. */
const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;
const asUser =
	user === undefined
		? []
		: ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", "--"];

let project: Project;
/** Where the test keeps secrets: not in the tree. */
let safe: Project;
let canary: string;

beforeEach(() => {
	project = own(new Project());
	safe = own(new Project());
	canary = `canary-${randomUUID()}`;
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
	safe[Symbol.dispose]();
});

function own(folder: Project): Project {
	if (user !== undefined) chownSync(folder.folder, user.uid, user.gid);
	return folder;
}

/** A file of the user's own that nobody else may read. */
function secretFile(name: string, content: string, folder = safe): string {
	const file = folder.write(name, content);
	if (user !== undefined) chownSync(file, user.uid, user.gid);
	chmodSync(file, 0o600);
	return file;
}

const arrival = (text: string): object => ({
	size: Buffer.byteLength(text),
	sha256: createHash("sha256").update(text).digest("hex"),
});

function processesThatTell(...exempt: readonly string[]): string[] {
	const read = (path: string): string => {
		try {
			return readFileSync(path, "latin1");
		} catch {
			return ""; // The process went meanwhile.
		}
	};
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name) && !exempt.includes(name))
		.flatMap((pid) => ["cmdline", "environ"].map((kind) => `/proc/${pid}/${kind}`))
		.filter((path) => read(path).includes(canary))
		.map((path) => `${path} of ${read(path.replace("environ", "cmdline"))}`);
}

const secretive = (options: object): object => ({ type: "example.secretive", options });

describe("secrets of a run in a guest", () => {
	test("are read outside, and go in with the manifest", async ({ expect }) => {
		const command = ["cat", secretFile("command", `${canary}-command\n`)];
		const manifest = project.manifest({
			modules: [module],
			devices: {
				a: secretive({ passphrase: `${canary}-literal`, key: { env: "CANARY" } }),
				b: secretive({ passphrase: { fd: 7 }, key: { command, trim: true } }),
				c: secretive({ passphrase: { prompt: "C" }, key: { prompt: "C" } }),
			},
			stages: [
				{ name: "make", uses: [], run: ["sh", "-c", `umask 077; printf made > key`] },
				{
					name: "use",
					devices: {
						d: secretive({
							passphrase: { file: "key" },
							key: { file: secretFile("file", `${canary}-file`) },
						}),
					},
					run: ["sh", "-c", "env; cat /run/devhost/arguments.json; echo begun; sleep 60"],
				},
			],
		});
		const fd = secretFile("fd", `${canary}-fd`);
		const script = 'echo $$ >&2; exec "$@" 7<"$FD"';
		const run = [process.execPath, cliFile, "run", "--json", "--backend=uml", manifest];
		using terminal = new Terminal(["sh", "-c", script, "sh", ...asUser, ...run], {
			env: { CANARY: `${canary}-env`, FD: fd },
		});

		await terminal.shows("C: ");
		terminal.type(`${canary}-prompt\n`);
		await terminal.shows(String.raw`begun\n"`);
		const [pid = ""] = terminal.shown.split("\n");
		// Those that were started with it in their environment.
		const told = processesThatTell(pid, String(parentOf(pid)));
		const { stdout: written } = spawnSync(
			"grep",
			["-rlF", canary, project.folder, "/dev/shm"],
			{
				encoding: "utf8",
			},
		);
		terminal.type("\u0003");

		expect(await terminal.ended).toBe(130);
		expect(told).toEqual([]);
		expect(written).toBe(`${manifest}\n`);
		expect(terminal.shown).not.toContain(canary);
		const events = terminal.shown.split("\n").filter((line) => line.startsWith("{"));
		const opened = eventsOf({ stdout: events.join("\n") }).flatMap((event) =>
			event.event === "device-opened" ? [[event.device, event.details]] : [],
		);
		expect(Object.fromEntries(opened)).toEqual({
			a: { passphrase: arrival(`${canary}-literal`), key: arrival(`${canary}-env`) },
			b: { passphrase: arrival(`${canary}-fd`), key: arrival(`${canary}-command`) },
			c: { passphrase: arrival(`${canary}-prompt`), key: arrival(`${canary}-prompt`) },
			d: { passphrase: arrival("made"), key: arrival(`${canary}-file`) },
		});
		expect(terminal.shown.match(/WARN_LITERAL_SECRET/g)).toHaveLength(1);
		expect(processesIn(project.folder)).toEqual([]);
	});

	test("that cannot be had keep it from being booted", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [module],
			devices: { root: secretive({ passphrase: { file: `${safe.folder}/none` } }) },
			stages: [{ name: "never", run: ["true"] }],
		});

		const result = await devhost(["run", "--json", "--backend=uml", manifest], {
			before: asUser,
		});

		const events = eventsOf(result);
		expect(result.code).toBe(3);
		expect(events.map(({ event }) => event)).toEqual(["run-ended"]);
		expect(events[0]).toMatchObject({
			errors: [{ code: "ERR_DEVICE_SECRET", device: "root", pointer: "/passphrase" }],
		});
	});

	test("are not waited for longer than the run may take", async ({ expect }) => {
		const manifest = project.manifest({
			modules: [module],
			devices: { root: secretive({ passphrase: { command: ["sleep", "60"] } }) },
			stages: [{ name: "never", run: ["true"] }],
		});

		const result = await devhost(["run", "--json", "--backend=uml", "--timeout=1", manifest], {
			before: asUser,
		});

		expect(result.code).toBe(1);
		expect(eventsOf(result)).toMatchObject([{ errors: [{ code: "ERR_RUN_TIMEOUT" }] }]);
	});
});

function parentOf(pid: string): number {
	const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
	return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}
