import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Terminal } from "@devhost/tools/testing";
import { afterEach, describe, test, vi } from "vitest";

vi.setConfig({ testTimeout: 20_000 });

const fixture = (name: string): string =>
	fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

let terminal: Terminal | undefined;
afterEach(() => terminal?.[Symbol.dispose]());

/** Asks in a shell, which then says how the terminal is. */
function ask(howToEnd: string, ...questions: readonly string[]): Terminal {
	// The shell has a trap, so that it goes on after a Ctrl-C; what it starts has none.
	const script = `trap : INT; "$@"; echo "status $?"; stty -a | tr ' ;' '\\n\\n' | grep -xE -- '-?(echo|icanon|isig)' | tr '\\n' ' '`;
	const node = [process.execPath, fixture("ask.ts"), howToEnd, ...questions];
	terminal = new Terminal(["sh", "-c", script, "sh", ...node]);
	return terminal;
}

const asBefore = "isig icanon echo";

function hashed(text: string): string {
	return `${Buffer.byteLength(text)} bytes ${createHash("sha256").update(text).digest("hex")}\n`;
}

describe("a prompt", () => {
	test("asks one after the other, shows nothing of the answers, and asks the same once", async ({
		expect,
	}) => {
		const terminal = ask("", "First", "Second?", "First");

		await terminal.shows("First: ");
		terminal.type("hunter2 ü\n");
		await terminal.shows("Second? ");
		terminal.type("wrong\u0015hunter3\n");
		await terminal.ended;

		expect(terminal.shown).toBe(
			`First: \nSecond? \n${hashed("hunter2 ü")}${hashed("hunter3")}${hashed("hunter2 ü")}status 0\n${asBefore} `,
		);
	});

	test("takes an empty line as an empty secret", async ({ expect }) => {
		const terminal = ask("", "Key");

		await terminal.shows("Key: ");
		terminal.type("\n");
		await terminal.ended;

		expect(terminal.shown).toContain(hashed(""));
	});

	test("throws away what was typed before it asked", async ({ expect }) => {
		const terminal = ask("", "Key", "Other");

		await terminal.shows("Key: ");
		terminal.type("one\ntwo\n");
		await terminal.shows("Other: ");
		terminal.type("three\n");
		await terminal.ended;

		expect(terminal.shown).toContain(`${hashed("one")}${hashed("three")}`);
	});

	test("ends with Ctrl-C in the way of whoever listens, the terminal as it was", async ({
		expect,
	}) => {
		const terminal = ask("listen", "Key", "Other");

		await terminal.shows("Key: ");
		terminal.type("hunt\u0003");
		await terminal.ended;

		expect(terminal.shown).toBe(
			`Key: \nError: interrupted\nError: interrupted\nstatus 0\n${asBefore} `,
		);
	});

	test("ends with Ctrl-C where nobody listens, the terminal as it was", async ({ expect }) => {
		const terminal = ask("", "Key");

		await terminal.shows("Key: ");
		terminal.type("hunt\u0003");
		await terminal.ended;

		expect(terminal.shown).toBe(`Key: status 130\n${asBefore} `);
	});

	test("ends when it has waited long enough, and half an answer is nobody's", async ({
		expect,
	}) => {
		const terminal = ask("timeout", "Key");

		await terminal.shows("Key: ");
		terminal.type("half");
		await terminal.ended;

		expect(terminal.shown).toBe(`Key: \nError: too late\nstatus 0\n${asBefore} `);
	});

	test("says when the terminal's input ends before anything is typed", async ({ expect }) => {
		const terminal = ask("", "Key");

		await terminal.shows("Key: ");
		terminal.type("\u0004");
		await terminal.ended;

		expect(terminal.shown).toContain(
			"DeviceError: Key: passphrase: the terminal was closed before anything was typed\n",
		);
	});

	test("says where else a secret may be when there is no terminal", ({ expect }) => {
		const argv = [process.execPath, fixture("ask.ts"), "", "Key"];

		const { stdout } = spawnSync("setsid", ["--wait", ...argv], { encoding: "utf8" });

		expect(stdout).toBe(
			"DeviceError: Key: passphrase: there is no terminal to ask at: give it by env, file, fd, command, credential or keyring instead of prompt\n",
		);
	});
});
