import type { DeviceDriver, OpenDevice } from "../src/driver.ts";
import { DeviceError } from "../src/error.ts";
import type { DriverUnderTest, StepControl } from "../src/testing.ts";

/** What a bad driver does wrong. */
export type Flaw =
	| "keeps the file when binding fails"
	| "keeps the node"
	| "keeps a descriptor"
	| "swallows a failed release"
	| "hides the cause"
	| "ignores the signal"
	| "waits for ever"
	| "accepts any option"
	| "points nowhere"
	| "changes the options"
	| "closes again"
	| "opens once"
	| "leaves the directory";

/** A system in memory: files, bindings and nodes, each held until released. */
export class MemorySystem {
	readonly held = new Set<string>();
	readonly nodes = new Map<string, number>();
	readonly #control: StepControl;
	#last = 0;

	constructor(control: StepControl) {
		this.#control = control;
	}

	openFile(): AsyncDisposable {
		return this.#acquire("file");
	}

	/** Undefined: busy, try again. */
	async bind(): Promise<{ number: number; binding: AsyncDisposable } | undefined> {
		if (this.#control.neverReady) return undefined;
		const binding = this.#acquire("binding");
		const number = this.#last;
		await Promise.resolve();
		return { number, binding };
	}

	makeNode(path: string, number: number): AsyncDisposable {
		const node = this.#acquire("node");
		this.nodes.set(path, number);
		return {
			[Symbol.asyncDispose]: () => {
				this.nodes.delete(path);
				return node[Symbol.asyncDispose]();
			},
		};
	}

	#acquire(what: string): AsyncDisposable {
		this.#control.step(`acquire ${what}`);
		this.#last += 1;
		const name = `${what} ${this.#last}`;
		this.held.add(name);
		return {
			[Symbol.asyncDispose]: async () => {
				this.held.delete(name);
				await Promise.resolve();
				this.#control.step(`release ${what}`);
			},
		};
	}
}

interface MemoryOptions {
	readonly label: string;
}

/** A small driver as it should be, or with a flaw. */
export function memoryDriver(system: MemorySystem, flaw?: Flaw): DeviceDriver<MemoryOptions> {
	let opened = 0;
	return {
		types: ["test.memory", "test.ram"],
		parent: "optional",
		schema: { type: "object" },
		parseOptions(value) {
			if (flaw === "accepts any option") return { label: "" };
			if (typeof value !== "object" || value === null || Array.isArray(value)) {
				throw new DeviceError("ERR_DEVICE_OPTIONS", "options: expected an object");
			}
			const { label = "", ...rest } = value as Record<string, unknown>;
			if (flaw === "changes the options") Object.assign(value, { label: "default" });
			const [unknown] = Object.keys(rest);
			if (unknown !== undefined) {
				const pointer = flaw === "points nowhere" ? undefined : `/${unknown}`;
				throw new DeviceError("ERR_DEVICE_OPTIONS", `${unknown}: unknown option`, {
					pointer,
				});
			}
			if (typeof label === "string") return { label };
			throw new DeviceError("ERR_DEVICE_OPTIONS", "label: expected text", {
				pointer: "/label",
			});
		},
		async open(_, { signal, name, log }): Promise<OpenDevice> {
			if (flaw === "opens once" && opened > 0) throw new Error("opened before");
			opened += 1;
			await using acquired = new AsyncDisposableStack();
			if (flaw !== "ignores the signal") signal.throwIfAborted();
			const file = system.openFile();
			if (flaw !== "keeps the file when binding fails") acquired.use(file);

			const { number, binding } = await bindUntil(system, signal, flaw);
			acquired.use(binding);
			if (flaw === "keeps the file when binding fails") acquired.use(file);
			log(`bound ${number}`);
			const path = flaw === "leaves the directory" ? `../memory${number}` : `memory${number}`;
			const node = system.makeNode(path, number);
			if (flaw !== "keeps the node") acquired.use(node);

			const owned = acquired.move();
			const close = async (): Promise<void> => {
				try {
					await owned.disposeAsync();
					if (flaw === "closes again") await system.openFile()[Symbol.asyncDispose]();
				} catch (error) {
					if (flaw === "swallows a failed release") return;
					// oxlint-disable-next-line preserve-caught-error -- the flaw is that it does not
					if (flaw === "hides the cause") throw new Error("cannot close");
					throw new DeviceError("ERR_DEVICE_CLOSE", `${name}: cannot close`, {
						cause: error,
					});
				}
			};
			return { path, node: { major: 240, minor: number }, [Symbol.asyncDispose]: close };
		},
	};
}

async function bindUntil(
	system: MemorySystem,
	signal: AbortSignal,
	flaw: Flaw | undefined,
): Promise<{ number: number; binding: AsyncDisposable }> {
	for (;;) {
		if (flaw !== "ignores the signal" && flaw !== "waits for ever") signal.throwIfAborted();
		const bound = await system.bind();
		if (bound !== undefined) return bound;
		await new Promise((resolve) => setTimeout(resolve, 5).unref());
	}
}

/** The driver with its system, for the compliance suite. */
export function memorySubject(control: StepControl, flaw?: Flaw): DriverUnderTest {
	const system = new MemorySystem(control);
	return {
		driver: memoryDriver(system, flaw),
		options: { label: "x" },
		context: { name: "disk", run: "r1", tree: -1, devices: -1 },
		leftovers: () => [...system.held],
		hasNode: ({ path, node }) => system.nodes.get(path) === node?.minor,
		async [Symbol.asyncDispose]() {},
	};
}
