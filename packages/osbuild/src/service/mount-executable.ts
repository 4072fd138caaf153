import { basename } from "node:path/posix";
import type { DeviceDriver } from "@devhost/core";
import type { ServiceDefinition } from "@devhost/rpc";
import { serviceName } from "./arguments.ts";
import { preload } from "./device-executable.ts";
import type { OpenForOsbuild } from "./open-for-osbuild.ts";

/** Types of mounts of ours as osbuild's. */
export interface MountExecutable {
	readonly version: string;
	/** Loads the drivers of all types. */
	load(): Promise<readonly DeviceDriver[]>;
}

/**
 * The type that an executable is to mount: as it is called (`mounts/org.osbuild.ext4`), or its first argument.
 *
 * @returns Undefined where neither says.
 */
export function mountType(argv: readonly string[]): string | undefined {
	const [, program = "", argument] = argv;
	if (argument !== undefined && !argument.startsWith("-")) return argument;
	const name = basename(program);
	return /^devhost-mount(\.cjs)?$/.test(name) ? undefined : name;
}

/** The service that osbuild's host sees: `mount`. What is mounted is unmounted when it closes. */
export function osbuildMount(
	type: string,
	executable: MountExecutable,
	argv: readonly string[] = process.argv,
): ServiceDefinition {
	const name = serviceName(argv, type);
	let mount: OpenForOsbuild | undefined;
	const load = () => import("./open-mount.ts");
	preload(load, executable);

	return {
		module: type,
		version: executable.version,
		methods: {
			async mount(value, call) {
				const { openMount } = await load();
				const request = { name, value, call, isOpen: mount !== undefined };
				mount = await openMount({ ...executable, type }, request);
				return mount.reply;
			},
		},
		close: async () => mount?.close(),
	};
}
