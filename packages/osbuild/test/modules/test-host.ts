import { mkdirSync, openSync, closeSync } from "node:fs";
import { type DeviceEvent, DeviceManager, type DeviceType } from "@devhost/core";
import type { ExitStatus } from "@devhost/linux";
import { ServiceManager } from "@devhost/rpc";
import { OsbuildLibrary } from "@devhost/tools/testing";
import { onTestFinished } from "vitest";
import { type ModuleHost, readOsbuildModules } from "../../src/modules/index.ts";
import { Place } from "../service/place.ts";

/** A host of ours with modules of osbuild's. */
export class TestHost implements ModuleHost {
	readonly place: Place = new Place();
	readonly library: OsbuildLibrary = new OsbuildLibrary();
	/** What processes have written, and what they told. */
	readonly lines: string[] = [];
	readonly events: DeviceEvent[] = [];
	readonly lost: { readonly device: string; readonly status: ExitStatus }[] = [];
	readonly #services: ServiceManager = new ServiceManager({
		log: ({ service, text }) => this.lines.push(`${service}: ${text}`),
		graceMs: 2_000,
		termMs: 200,
	});
	#manager: DeviceManager | undefined;

	constructor() {
		onTestFinished(async () => {
			await this.#manager?.close().catch(() => {});
			await this.#services.stop().catch(() => {});
		});
	}

	/** Opens and closes what the library has when this is first asked for. */
	manager(
		options: { readonly openTimeoutMs?: number; readonly closeTimeoutMs?: number } = {},
	): DeviceManager {
		if (this.#manager !== undefined) return this.#manager;
		const { place } = this;
		mkdirSync(place.root);
		const tree = openSync(place.tree, "r");
		const devices = openSync(place.dev, "r");
		onTestFinished(() => [tree, devices].forEach((fd) => closeSync(fd)));
		const modules = readOsbuildModules(this.library.path);
		const services = new Map(modules.map((module) => [module.type, module.serve(this)]));
		const types = modules.map(({ type }): [string, DeviceType] => [
			type,
			{ parent: "optional" },
		]);
		this.#manager = new DeviceManager({
			service: (type) => services.get(type) ?? raise(`no module ${type}`),
			types: new Map(types),
			run: "test",
			tree,
			devices,
			mounts: place.root,
			onEvent: (event) => this.events.push(event),
			...options,
		});
		return this.#manager;
	}

	/** What modules told while they opened something. */
	get told(): string[] {
		return this.events.flatMap((event) => (event.type === "log" ? event.text : []));
	}

	start(options: Parameters<ModuleHost["start"]>[0]): ReturnType<ModuleHost["start"]> {
		const { PATH = "" } = process.env;
		return this.#services.start({
			...options,
			environment: { PATH, OURS: "yes", ...options.environment },
		});
	}

	mountNamespace(): "new" {
		return "new";
	}

	deviceNamespace(): "new" {
		return "new";
	}

	onLost({ device, status }: Parameters<ModuleHost["onLost"]>[0]): void {
		this.lost.push({ device, status });
	}
}

function raise(message: string): never {
	throw new Error(message);
}
