import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, test } from "vitest";
import { makeContainer, rewriteMetadata } from "./container.ts";
import { lastingTraces, Machine, traces } from "./machine.ts";

const fixture = join(import.meta.dirname, "fixtures", "host.ts");
const service = join(import.meta.dirname, "..", "dist", "service.cjs");
let machine: Machine;

beforeEach(() => {
	machine = new Machine();
	makeContainer(machine.path("disk.img"), { sizeBytes: 24 << 20 });
});
afterEach(() => machine[Symbol.dispose]());

/** A host that opens the container, and the lines that it says. */
function startHost(): {
	readonly host: ChildProcess;
	readonly exited: Promise<unknown>;
	readonly line: () => Promise<string>;
} {
	const argv = [fixture, service, machine.folder, "disk.img"];
	const host = spawn(process.execPath, argv, {
		stdio: ["ignore", "pipe", "inherit"],
		// What it makes there goes with the test's folder.
		env: { ...process.env, TMPDIR: machine.folder },
	});
	const lines = createInterface({ input: host.stdout })[Symbol.asyncIterator]();
	return {
		host,
		exited: once(host, "exit"),
		async line() {
			const next = await lines.next();
			if (next.done === true) throw new Error("the host has ended");
			return next.value;
		},
	};
}

/** Looks every few milliseconds until it is so. */
async function until(isSo: () => boolean): Promise<void> {
	while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function isRunning(name: string): boolean {
	return traces().some((trace) => trace.endsWith(` ${name}`));
}

/** Loop devices that are bound to the container. */
function loops(): string[] {
	return readdirSync("/sys/block").filter((name) => {
		try {
			const file = readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8");
			return file.trimEnd() === machine.path("disk.img");
		} catch {
			return false; // not bound
		}
	});
}

/** Unlocking takes hours from now on. */
function makeSlow(): void {
	const kdf = '"kdf":{"type":"pbkdf2","hash":"sha256","iterations":2000000000,"salt":$1}';
	rewriteMetadata(machine.path("disk.img"), (text) =>
		text.replace(/"kdf":\{[^}]*"salt":("[^"]*")\}/, kdf),
	);
}

describe.for(["service", "host", "both"] as const)("kill -9 of the %s leaves nothing", (who) => {
	function kill(host: ChildProcess, servicePid: number): void {
		// It would end by itself, perhaps before we come to it.
		if (who === "both") process.kill(servicePid, "SIGSTOP");
		if (who !== "service") host.kill("SIGKILL");
		if (who !== "host") process.kill(servicePid, "SIGKILL");
	}

	test("while cryptsetup unlocks", async ({ expect }) => {
		makeSlow();
		const { host, exited, line } = startHost();
		const servicePid = Number(await line());
		await until(() => isRunning("cryptsetup"));

		kill(host, servicePid);
		await until(() => traces().length === 0);
		host.kill("SIGKILL");
		await exited;
		await until(() => loops().length === 0);

		expect(traces()).toEqual([]);
	});

	test("while the container is open", async ({ expect }) => {
		const { host, exited, line } = startHost();
		const servicePid = Number(await line());
		const said = await line();
		const open = await lastingTraces();

		kill(host, servicePid);
		await until(() => traces().length === 0);
		host.kill("SIGKILL");
		await exited;
		await until(() => loops().length === 0);

		expect(said).toBe("open");
		expect(open).toEqual(["mapping devhost-kill.test-disk"]);
	});
});
