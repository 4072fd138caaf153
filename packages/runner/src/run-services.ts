import { DeviceError } from "@devhost/core";
import type { Fd } from "@devhost/linux";
import { type Service, ServiceManager } from "@devhost/rpc";
import type { Modules } from "./modules.ts";

/** What services get of an environment: nothing of the user's, and messages of tools that can be parsed. */
const serviceEnvironment = {
	PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	LC_ALL: "C.UTF-8",
};

/** The service processes of a run: one for each module, however many types and devices it serves. */
export class RunServices {
	readonly #manager: ServiceManager;
	readonly #modules: Modules;
	readonly #namespace: Fd;
	readonly #byFile = new Map<string, Service>();
	readonly #onStart: (name: string) => void;

	constructor(options: {
		readonly modules: Modules;
		/** The run's mount namespace: services live in it. Lent. */
		readonly namespace: Fd;
		readonly onStart: (name: string) => void;
		readonly onLog: (line: { readonly service: string; readonly text: string }) => void;
	}) {
		this.#modules = options.modules;
		this.#namespace = options.namespace;
		this.#onStart = options.onStart;
		// Short: when services are stopped, their devices have been closed, each with its own deadline.
		this.#manager = new ServiceManager({ log: options.onLog, graceMs: 2_000, termMs: 1_000 });
	}

	/**
	 * The service of a type of device; starts it if it is the first one of its module. Calls may be made at once.
	 *
	 * @returns undefined for a type that no module has.
	 * @throws {@link RpcError} `ERR_RPC_SERVICE_START` its executable cannot be started.
	 */
	find(type: string): Service | undefined {
		const module = this.#modules.forType(type);
		if (module === undefined) return undefined;
		const running = this.#byFile.get(module.service);
		if (running !== undefined) return running;
		const service = this.#start(module.types[0] ?? type, module.service);
		this.#byFile.set(module.service, service);
		return service;
	}

	/** As {@link RunServices.find}, for a type that was checked. */
	get(type: string): Service {
		const service = this.find(type);
		if (service !== undefined) return service;
		throw new DeviceError("ERR_DEVICE_TYPE", `type "${type}" is unknown`);
	}

	#start(name: string, file: string): Service {
		// Not by its first line, which would take whatever Node stands in somebody's PATH.
		const argv = /\.[cm]?js$/.test(file) ? [process.execPath, file] : [file];
		const service = this.#manager.start({
			name,
			file: argv[0] as string,
			argv,
			environment: serviceEnvironment,
			namespace: this.#namespace,
		});
		this.#onStart(name);
		return service;
	}

	/** Stops all services, the last one first. @throws when one did not end as it should. */
	stop(): Promise<void> {
		return this.#manager.stop();
	}
}
