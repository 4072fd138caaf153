import type { ExitStatus, Fd, FdLike } from "@devhost/linux";
import type { DeviceServiceClient } from "@devhost/core";
import { type Service, ServiceManager } from "@devhost/rpc";
import type { ModuleServices } from "@devhost/osbuild/modules";
import type { DeviceModule } from "./modules.ts";

/** What services get of an environment: nothing of the user's, and messages of tools that can be parsed. */
const serviceEnvironment = {
	PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	LC_ALL: "C.UTF-8",
};

/** For Node: one thread that helps V8, instead of four. They take longer to start than they help in a service's life. */
const oneHelper = "--v8-pool-size=1";

/** What a service has until it says HELLO: it is a program like us, which takes a tenth of a second. */
const minHelloTimeoutMs = 10_000;

/** Who is told of services. */
export interface ServiceListener {
	readonly onStart: (name: string) => void;
	readonly onLog: (line: { readonly service: string; readonly text: string }) => void;
	/** Also when it was to end. */
	readonly onEnd: (ended: EndedService) => void;
}

/** A service whose process is gone, and with it its devices. */
export interface EndedService {
	readonly name: string;
	/** Of its devices. */
	readonly types: readonly string[];
	/** The devices and mounts that it had open, by their keys, where it is for those alone. */
	readonly devices?: readonly string[];
	readonly status: ExitStatus;
}

/** What serves a module's devices. */
export interface ModuleService extends DeviceServiceClient {
	/** Number of its process. Of a module of osbuild's, which has several: one that has mounted something. */
	readonly pid: number;
	/** Stands for that process, lent: for its namespaces. */
	readonly pidfd: FdLike;
}

/**
 * The service processes of a run: one for each module, however many types and devices it serves; of a module of osbuild's one for
 * each device.
 */
export class RunServices {
	readonly #manager: ServiceManager;
	readonly #namespace: Fd;
	readonly #byFile = new Map<string, ModuleService>();
	/** Those in whose namespace the mounts are, one for all: a copy of the run's, so that they end with the last of them. */
	readonly #mounting = new Set<Service>();
	/** What nobody has listened to yet. */
	readonly #missed: ((listener: ServiceListener) => void)[] = [];
	#listener: ServiceListener | undefined;

	/** @param namespace - The run's mount namespace: services live in it. Lent. */
	constructor(namespace: Fd) {
		this.#namespace = namespace;
		this.#manager = new ServiceManager({
			log: (line) => this.#tell(({ onLog }) => onLog(line)),
			// Short: when services are stopped, their devices have been closed, each with its own deadline.
			graceMs: 2_000,
			termMs: 1_000,
		});
	}

	/** Begins to tell what happens, what has happened before first. */
	listen(listener: ServiceListener): void {
		this.#listener = listener;
		for (const tell of this.#missed.splice(0)) tell(listener);
	}

	/**
	 * The service of a module, which is started if it does not run yet. Calls may be made at once.
	 *
	 * @throws {@link RpcError} `ERR_RPC_SERVICE_START` its executable cannot be started.
	 */
	start(module: DeviceModule): ModuleService {
		const { types, mounts, service: file } = module;
		const running = this.#byFile.get(file);
		if (running !== undefined) return running;
		if (module.osbuild !== undefined) {
			const services = this.#osbuildServices(module);
			this.#byFile.set(file, services);
			return services;
		}
		// The types of mounts are many, and the first one is mostly another.
		const name = (mounts === undefined ? types[0] : module.package) ?? file;
		// Not by its first line, which would take whatever Node stands in somebody's PATH.
		const argv = /\.[cm]?js$/.test(file) ? [process.execPath, oneHelper, file] : [file];
		const service = this.#manager.start({
			name,
			file: argv[0] as string,
			argv,
			environment: serviceEnvironment,
			namespace: mounts === undefined ? this.#namespace : this.#namespaceForMounts(),
			// Where we have taken seconds to come this far, as in a guest on a busy machine, so will a service.
			helloTimeoutMs: Math.max(minHelloTimeoutMs, 60 * process.uptime() * 1000),
		});
		this.#byFile.set(file, service);
		if (mounts !== undefined) this.#addMounting(service);
		this.#tell(({ onStart }) => onStart(name));
		void service.exited.then((status) => {
			this.#tell(({ onEnd }) => onEnd({ name, types, status }));
		});
		return service;
	}

	/** Starts nothing yet. */
	#osbuildServices({ types, osbuild }: DeviceModule): ModuleServices {
		if (osbuild === undefined) throw new TypeError("not a module of osbuild's");
		return osbuild.serve({
			start: ({ environment, ...options }) => {
				const service = this.#manager.start({
					...options,
					environment: { ...serviceEnvironment, ...environment },
				});
				if (osbuild.kind === "mount") this.#addMounting(service);
				this.#tell(({ onStart }) => onStart(service.name));
				return service;
			},
			mountNamespace: () => this.#namespaceForMounts(),
			deviceNamespace: () => ({ copyOf: this.#namespace }),
			onLost: ({ service: name, device, status }) => {
				this.#tell(({ onEnd }) => onEnd({ name, types, devices: [device], status }));
			},
		});
	}

	#addMounting(service: Service): void {
		this.#mounting.add(service);
		void service.exited.then(() => this.#mounting.delete(service));
	}

	#namespaceForMounts(): FdLike | { readonly copyOf: FdLike } {
		const [first] = this.#mounting;
		return first?.pidfd ?? { copyOf: this.#namespace };
	}

	/** Stops all services, the last one first. @throws when one did not end as it should. */
	stop(): Promise<void> {
		return this.#manager.stop();
	}

	#tell(tell: (listener: ServiceListener) => void): void {
		if (this.#listener === undefined) this.#missed.push(tell);
		else tell(this.#listener);
	}
}
