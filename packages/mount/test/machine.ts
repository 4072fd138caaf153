import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
	constants,
	cpSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	DeviceError,
	DeviceManager,
	type DeviceSpec,
	mountKey,
	type OpenDevices,
} from "@devhost/core";
import {
	type Child,
	type Fd,
	makeMountNamespace,
	MS_NOSUID,
	type MountStep,
	OutputReader,
	pipe,
	read,
	setNonBlocking,
	spawn,
} from "@devhost/linux";
import { type Service, ServiceManager } from "@devhost/rpc";

export const megabyte: number = 2 ** 20;

const O_PATH = 0o10000000;

/**
 * A run without its runner: a mount namespace with a /dev of its own, a service of loop devices and one of mounts in it.
 * Nothing that is mounted appears anywhere else.
 */
export class Machine implements AsyncDisposable {
	/** Files, and the manifest's tree, which is `tree` in it. */
	readonly folder: string = mkdtempSync(join(tmpdir(), "devhost-mount-"));
	readonly namespace: Fd;
	/** Lines that services have said. */
	readonly said: string[] = [];
	readonly #opened: readonly Fd[];
	#services: ServiceManager = this.#newServices();
	readonly #isImpatient: boolean;
	readonly #byType = new Map<string, Service>();
	#manager: DeviceManager;
	#count = 0;

	/** @param settings - `impatient`: closing a mount waits only a moment. */
	constructor({ impatient = false }: { readonly impatient?: boolean } = {}) {
		this.#isImpatient = impatient;
		mkdirSync(join(this.folder, "tree"));
		const { namespace, opened } = makeMountNamespace([
			...privateDev,
			{ op: "open", path: join(this.folder, "tree"), flags: constants.O_DIRECTORY },
		]);
		this.namespace = namespace;
		this.#opened = opened;
		this.#manager = this.#newManager();
	}

	#newServices(): ServiceManager {
		return new ServiceManager({ log: ({ text }) => this.said.push(text) });
	}

	#newManager(): DeviceManager {
		const [devices, tree] = this.#opened as [Fd, Fd];
		return new DeviceManager({
			service: (type) =>
				this.#service(type === "devhost.loopback" ? "loopback" : "mount").client,
			run: "mount-test",
			tree,
			devices,
			mounts: "/dev/.mounts",
			onEvent: (event) => {
				if (event.type === "log") this.said.push(event.text);
			},
		});
	}

	#service(name: string): Service {
		const known = this.#byType.get(name);
		if (known !== undefined) return known;
		const file =
			name === "mount" && this.#isImpatient
				? join(import.meta.dirname, "fixtures/impatient.ts")
				: join(import.meta.dirname, "../..", name, "dist/service.cjs");
		const isMount = name === "mount";
		// As in a run: what it mounts goes with it.
		const namespace = isMount ? { copyOf: this.namespace } : this.namespace;
		const argv = [process.execPath, file];
		const started = this.#services.start({ name, file: process.execPath, argv, namespace });
		this.#byType.set(name, started);
		return started;
	}

	/** Path of a file of the tree. */
	path(name: string): string {
		return join(this.folder, "tree", name);
	}

	/** Makes a sparse file in the tree, and what a command makes of it: `mkfs.ext4 -q`. */
	image(name: string, sizeBytes: number, mkfs?: string): string {
		writeFileSync(this.path(name), "");
		truncateSync(this.path(name), sizeBytes);
		if (mkfs !== undefined) {
			execFileSync("sh", ["-c", `${mkfs} "$1"`, "sh", this.path(name)], {
				stdio: ["ignore", "pipe", "pipe"],
			});
		}
		return name;
	}

	/** A copy of a file of the tree. */
	copy(from: string, to: string): string {
		cpSync(this.path(from), this.path(to), { mode: constants.COPYFILE_FICLONE });
		return to;
	}

	/** Opens a loop device, for mounts that are opened later. */
	async loop(name: string, image: string): Promise<OpenDevices> {
		const options = { filename: image };
		return await this.#manager.open({ [name]: { type: "devhost.loopback", options } });
	}

	/** Mounts, in this order, and with loop devices below them that have their names. */
	async open(mounts: Readonly<Record<string, MountRequest>>): Promise<OpenDevices> {
		const specs = new Map<string, DeviceSpec>();
		let before: string | undefined;
		for (const [name, request] of Object.entries(mounts)) {
			const {
				image,
				deviceReadOnly = false,
				type,
				options,
				target = "/",
				partition,
			} = request;
			if (image !== undefined) {
				const partscan = partition !== undefined;
				const device = { filename: image, "read-only": deviceReadOnly, partscan };
				const place = request.in === undefined ? {} : { tree: mountKey(request.in) };
				specs.set(name, { type: "devhost.loopback", options: device, ...place });
			}
			specs.set(mountKey(name), {
				type,
				...(image === undefined ? {} : { parent: name }),
				...(request.on === undefined ? {} : { parent: request.on }),
				...(options === undefined ? {} : { options }),
				...(before === undefined ? {} : { after: [before] }),
				mount: { target, ...(partition !== undefined && { partition }) },
			});
			before = mountKey(name);
		}
		return await this.#manager.open(specs);
	}

	/** Mounts one thing, whose name nobody needs to know. */
	async mount(request: MountRequest): Promise<OpenDevices> {
		return await this.open({ [`m${++this.#count}`]: request });
	}

	/** What mounting one thing throws. */
	async refusal(request: MountRequest): Promise<DeviceError> {
		return await this.refusalOf({ [`m${++this.#count}`]: request });
	}

	/** What mounting these throws. */
	async refusalOf(mounts: Readonly<Record<string, MountRequest>>): Promise<DeviceError> {
		try {
			await using _ = await this.open(mounts);
		} catch (error) {
			if (error instanceof DeviceError) return error;
			throw error;
		}
		throw new Error("it was mounted");
	}

	/** Starts a shell script in the namespace, in the directory of mounts. Its descriptor 3 is `input`. */
	start(
		script: string,
		streams: { readonly output?: Fd; readonly input?: Fd } = {},
		args: readonly string[] = [],
	): Child {
		return spawn({
			file: "/bin/sh",
			argv: ["sh", "-euc", script, "sh", ...args],
			environment: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
			fds: {
				...(streams.output === undefined ? {} : { 1: streams.output }),
				...(streams.input === undefined ? {} : { 3: streams.input }),
				2: 2,
			},
			cwd: "/dev/.mounts",
			namespace: this.#service("mount").pidfd,
			dieWithParent: true,
		});
	}

	/** Runs a shell script there to its end, and returns what it writes. */
	async run(script: string, ...args: readonly string[]): Promise<string> {
		const [end, writer] = pipe();
		setNonBlocking(end, true);
		using output = new OutputReader(end, megabyte);
		const child = this.start(script, { output: writer }, args);
		writer.close();
		const { code } = await child.exited;
		const text = new TextDecoder().decode(output.end());
		if (code !== 0) throw new Error(`${script}: status ${code}, ${text}`);
		return text;
	}

	/** Starts a script there, and waits until it has written a line. It goes on until it is disposed of. */
	async background(script: string): Promise<AsyncDisposable & { readonly pid: number }> {
		const [end, writer] = pipe();
		setNonBlocking(end, true);
		using _end = end;
		const [input, held] = pipe();
		const child = this.start(`${script}; echo ready; exec 1>&2; read -r _ <&3 || true`, {
			output: writer,
			input,
		});
		writer.close();
		input.close();
		const into = new Uint8Array(64);
		for (let text = ""; !text.includes("ready");) {
			const count = read(end.fd, into, 0, into.length);
			if (count === 0) throw new Error(`${script}: ended before it was ready`);
			if (count > 0) text += new TextDecoder().decode(into.subarray(0, count));
			else await new Promise((resolve) => setTimeout(resolve, 5));
		}
		return {
			pid: child.pid,
			async [Symbol.asyncDispose]() {
				held.close();
				await child.exited;
			},
		};
	}

	/** Mount points in the namespace, beneath the directory of mounts. */
	async mounted(): Promise<string[]> {
		const text = await this.run("cat /proc/self/mountinfo");
		const targets = text.split("\n").map((line) => line.split(" ")[4] ?? "");
		return targets.filter((target) => target.startsWith("/dev/.mounts"));
	}

	/** The directory of mounts, as this process reaches it: that of the service. */
	get root(): string {
		this.#service("mount");
		const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && isMountService(name));
		return `/proc/${pid}/root/dev/.mounts`;
	}

	/** Loop devices that are bound to files of this machine. */
	loops(): string[] {
		return readdirSync("/sys/block").filter((name) => {
			try {
				const file = readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8");
				return file.startsWith(`${this.folder}/`);
			} catch {
				return false;
			}
		});
	}

	/** Waits until the kernel has let go of what a killed or busy process left. */
	async loopsGone(): Promise<void> {
		for (let look = 0; look < 500; look++) {
			if (this.loops().length === 0) return;
			await new Promise((resolve) => setTimeout(resolve, 10));
		}
		throw new Error(`still bound: ${this.loops().join(", ")}`);
	}

	/** Kills the service of mounts with SIGKILL, and makes do with what is left. */
	async killService(): Promise<void> {
		const service = this.#byType.get("mount");
		if (service === undefined) return;
		for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
			if (isMountService(pid)) process.kill(Number(pid), "SIGKILL");
		}
		await service.exited;
		await this.#manager.close().catch(() => {});
		await this.#services.stop().catch(() => {});
		this.#byType.clear();
		this.#services = this.#newServices();
		this.#manager = this.#newManager();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#manager.close().catch(() => {}); // what a test has left to fail
		await this.#services.stop().catch(() => {});
		for (const fd of this.#opened) fd.close();
		this.namespace.close();
		rmSync(this.folder, { recursive: true });
	}
}

/** What {@link Machine.open} mounts. */
export interface MountRequest {
	readonly type: string;
	/** A file of the tree, of which a loop device is made. */
	readonly image?: string;
	readonly deviceReadOnly?: boolean;
	/** The mount that the image is in, instead of the tree. */
	readonly in?: string;
	/** The device of another mount of the same call. */
	readonly on?: string;
	readonly options?: Readonly<Record<string, unknown>>;
	/** @default "/" */
	readonly target?: string;
	readonly partition?: number;
}

/** Whether a process is our service: another worker has one, too. */
function isMountService(pid: string): boolean {
	try {
		const [, parent] =
			/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
		const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
		return Number(parent) === process.pid && /mount.dist.service|impatient/.test(command);
	} catch {
		return false; // it has ended
	}
}

/** What the kernel has, by name: `vfat`. A guest loads the module when it is asked. */
export function hasFileSystem(type: string): boolean {
	return new RegExp(String.raw`\t${type}$`, "m").test(readFileSync("/proc/filesystems", "utf8"));
}

/** Bytes that no other call returns. */
export function noise(sizeBytes: number): Uint8Array {
	return randomBytes(sizeBytes);
}

const node = (name: string, major: number, minor: number): MountStep => ({
	op: "mknod",
	path: `/dev/${name}`,
	kind: "char",
	major,
	minor,
	mode: 0o666,
});

/** As the runner makes it. */
const privateDev: readonly MountStep[] = [
	{
		op: "mount",
		source: "devhost",
		target: "/dev",
		type: "tmpfs",
		flags: MS_NOSUID,
		data: "mode=0755",
	},
	node("null", 1, 3),
	node("zero", 1, 5),
	node("full", 1, 7),
	node("random", 1, 8),
	node("urandom", 1, 9),
	node("loop-control", 10, 237),
	{ op: "mkdir", path: "/dev/.mounts" },
	{ op: "open", path: "/dev", flags: O_PATH | constants.O_DIRECTORY },
];
