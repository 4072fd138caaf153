import { constants, readFileSync } from "node:fs";
import { access, realpath } from "node:fs/promises";
import { SysError } from "@devhost/linux";
import type { BootOptions, GuestBackend, Probe, ProbeOptions } from "./backend.ts";
import { bootFailure } from "./boot-failure.ts";
import { ControlLine } from "./control-line.ts";
import { ApplianceError } from "./error.ts";
import { lockFiles } from "./exclusive-files.ts";
import type { Guest } from "./guest.ts";
import { guestProgram } from "./guest-programs.ts";
import { findMemoryFolder } from "./memory-folder.ts";
import { type Message, protocolVersion, strings, toGuest, toHost } from "./message.ts";
import { killAfterLine, RunningGuest } from "./running-guest.ts";
import { findKernel, findModprobe, findModules, type Modprobe } from "./uml-files.ts";
import { startUml, type UmlProcess } from "./uml-process.ts";

const defaultMemoryBytes: number = 2 * 2 ** 30;
/** With less, User Mode Linux 6.1 does not get as far as saying why. */
const minMemoryBytes: number = 64 * 2 ** 20;

/**
 * User Mode Linux: the guest's kernel is an ordinary process of an ordinary user. It needs neither root nor anything of this
 * machine's kernel but ptrace.
 */
export const uml: GuestBackend = {
	name: "uml",
	boot,
	async probe(options: ProbeOptions = {}): Promise<Probe> {
		const { probeUml } = await import("./probe-uml.ts");
		return probeUml(options);
	},
};

async function boot(options: BootOptions = {}): Promise<Guest> {
	const { signal, timeoutMs = 60_000, memoryBytes = defaultMemoryBytes } = options;
	signal?.throwIfAborted();
	if (!Number.isSafeInteger(memoryBytes) || memoryBytes < minMemoryBytes) {
		throw new RangeError(`memoryBytes: ${memoryBytes}, expected at least ${minMemoryBytes}`);
	}
	guestProgram("guest-init");
	const kernel = findKernel(options.kernel);
	const modprobe = findModprobe(options.modprobe);
	const writable = await Promise.all((options.writable ?? []).map(writableFolder));
	const held = lockFiles(options.exclusive ?? []);
	try {
		const memoryFolder = findMemoryFolder(memoryBytes, options.memoryFolder);
		const { kernelArguments = [] } = options;
		const started = startUml({
			kernel,
			memoryBytes,
			memoryFolder,
			writable,
			kernelArguments,
			held,
		});
		const connect = new Connection(started);
		const ended = Promise.withResolvers<never>();
		// Whoever loses the race must not be an unhandled rejection.
		ended.promise.catch(() => undefined);
		void started.gone.then((error) => {
			if (error !== undefined) void bootFailure(kernel, error).then(ended.reject);
		});
		const timer = setTimeout(() => {
			const error = bootTimeout(timeoutMs, started);
			void bootFailure(kernel, error).then(ended.reject);
		}, timeoutMs);
		const onAbort = (): void => ended.reject(signal?.reason);
		signal?.addEventListener("abort", onAbort);
		try {
			const guest = setUp(connect, { ...options, kernel, writable, modprobe });
			return await Promise.race([guest, ended.promise]);
		} catch (error) {
			started.kill();
			await started.gone;
			connect.line[Symbol.dispose]();
			throw error;
		} finally {
			clearTimeout(timer);
			signal?.removeEventListener("abort", onAbort);
		}
	} finally {
		// The guest's keeper has descriptors of its own.
		for (const fd of held) fd.close();
	}
}

/** The control line from the first byte on, before there is a guest to give it to. */
class Connection {
	readonly process: UmlProcess;
	readonly line: ControlLine;
	guest: RunningGuest | undefined;
	#early: ((message: Message) => void) | undefined;
	readonly #waiting: Message[] = [];

	constructor(process: UmlProcess) {
		this.process = process;
		this.line = new ControlLine(process.socket, process.memory, {
			onMessage: (message) => this.#onMessage(message),
			onEnd: (reason) => {
				if (this.guest === undefined) killAfterLine(process, process.console, reason);
				else this.guest.onLineEnd(reason);
			},
		});
	}

	/** The next message. */
	receive(): Promise<Message> {
		const first = this.#waiting.shift();
		if (first !== undefined) return Promise.resolve(first);
		const { promise, resolve } = Promise.withResolvers<Message>();
		this.#early = resolve;
		return promise;
	}

	#onMessage(message: Message): void {
		if (this.guest !== undefined) this.guest.onMessage(message);
		else if (this.#early === undefined) this.#waiting.push(message);
		else {
			this.#early(message);
			this.#early = undefined;
		}
	}
}

interface SetUp extends Omit<BootOptions, "modprobe"> {
	readonly kernel: string;
	readonly writable: readonly string[];
	readonly modprobe: Modprobe;
}

async function setUp(connection: Connection, options: SetUp): Promise<RunningGuest> {
	const { line, process } = connection;
	const hello = await connection.receive();
	if (hello.type !== toHost.hello || hello.detail !== protocolVersion) {
		throw new ApplianceError(
			"ERR_APPLIANCE_PROTOCOL",
			`guest: expected HELLO of version ${protocolVersion}, got message ${hello.type} of version ${hello.detail}`,
			{ consoleLines: process.console.lines },
		);
	}
	line.sharesMemory = hello.command === 1;
	const kernelRelease = hello.payload.toString();
	const { kernel, modules: given } = options;
	const modules = findModules(kernelRelease, { given, kernel });
	line.send(toGuest.configure, {
		payload: strings([
			`d${modules.folder}`,
			...(options.modprobe.libraries === undefined ? [] : [`l${options.modprobe.libraries}`]),
			`p${options.modprobe.program}`,
			...modules.first.map((file) => `m${file}`),
			"c/tmp",
			"c/var/tmp",
			// Its clock is ahead: see native/guest-preload.c.
			`t${Date.now()}`,
			...options.writable.map((folder) => `w${folder}`),
			...ownPrograms().map((file) => `k${file}`),
		]),
	});
	const answer = await connection.receive();
	if (answer.type !== toHost.ready) throw setUpFailure(answer, process.console.lines);
	connection.guest = new RunningGuest({
		process,
		line,
		console: process.console,
		kernelRelease,
		powerOffTimeoutMs: options.powerOffTimeoutMs ?? 30_000,
		hangTimeoutMs: options.hangTimeoutMs ?? 300_000,
	});
	return connection.guest;
}

/**
 * This process's program and libraries. A guest runs them often, above all Node, and without this would read them anew each
 * time; that it also goes on with them when they are replaced meanwhile is what this process does, too. What others run may
 * be replaced between two commands, and is read anew.
 *
 * Source: proc_pid_maps(5).
 */
function ownPrograms(): string[] {
	const files = new Set([process.execPath]);
	for (const [, file] of readFileSync("/proc/self/maps", "utf8").matchAll(
		/^\S+ ..x. .* (\/.*\.so(?:\.\d+)*)$/gm,
	)) {
		if (file !== undefined) files.add(file);
	}
	return [...files];
}

const setUpSteps: Readonly<Record<string, readonly [call: string, what: string]>> = {
	c: ["mount", "cannot be covered by a folder of the guest's own"],
	d: ["symlink", "cannot be used for modules"],
	l: ["symlink", "cannot be used for libraries"],
	m: ["finit_module", "does not load into the guest's kernel; it may belong to another one"],
	t: ["clock_settime", "is no time for the guest's clock"],
	p: ["open", "cannot be used to load modules"],
	w: ["mount", "cannot be mounted for writing"],
};

function setUpFailure({ type, detail, payload }: Message, consoleLines: readonly string[]): Error {
	const [call, what] = setUpSteps[String.fromCodePoint(detail)] ?? ["message", `answers ${type}`];
	const path = payload.toString("utf8", 4);
	const cause = new SysError(call, payload.length >= 4 ? payload.readUInt32LE(0) : 0, path);
	const code = call === "finit_module" ? "ERR_APPLIANCE_NO_MODULES" : "ERR_APPLIANCE_SETUP";
	return new ApplianceError(code, `guest: ${path} ${what}, ${cause.code}`, {
		cause,
		consoleLines,
	});
}

function bootTimeout(timeoutMs: number, { console }: UmlProcess): ApplianceError {
	const last = console.lines.at(-1);
	return new ApplianceError(
		"ERR_APPLIANCE_TIMEOUT",
		`guest: not up after ${timeoutMs} ms${last === undefined ? ", and its console is silent" : `; its console last said: ${last}`}. ` +
			"A slow machine may need more: timeoutMs",
		{ consoleLines: console.lines },
	);
}

/** The folder's real path: the guest mounts it there. */
async function writableFolder(folder: string): Promise<string> {
	try {
		const real = await realpath(folder);
		await access(`${real}/.`, constants.R_OK | constants.W_OK | constants.X_OK);
		return real;
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		const why = { ENOENT: "does not exist", ENOTDIR: "is no folder" }[code ?? ""];
		throw new ApplianceError(
			"ERR_APPLIANCE_UNREADABLE",
			`${folder}: ${why ?? "may not be read and written by this user"}, ${code}`,
			{ cause },
		);
	}
}
