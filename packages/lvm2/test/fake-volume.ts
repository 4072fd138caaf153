import { constants } from "node:os";
import {
	type FakeMappings,
	fakeMappings,
	type FakeMappingsOptions,
} from "@devhost/core/testing-mapping";
import { DeviceError } from "@devhost/core";
import { type DeviceNumber, SysError } from "@devhost/linux";
import type { Handle, VolumeSys } from "../src/volume-sys.ts";
import { imageSource } from "./metadata-image.ts";

/** How the fake machine behaves. */
export interface FakeVolumeOptions extends FakeMappingsOptions {
	/** What stands on the devices of the device directory: `loop0` and its partitions, `loop0p2`. */
	readonly images: Readonly<Record<string, Uint8Array>>;
	/** Bytes of each device. @default 400 MiB */
	readonly sizeBytes?: number;
	/** Whether there are lvm tools. @default true */
	readonly hasTools?: boolean;
	/** How many tries until another process has let go of the lock. @default 0 */
	readonly lockedElsewhere?: number;
	/** What a mapping that is there before lies on. @default nothing of this machine */
	readonly beneath?: readonly DeviceNumber[];
}

/** See {@link fakeVolume}. */
export interface FakeVolume {
	readonly sys: VolumeSys;
	readonly mappings: FakeMappings;
	readonly parents: readonly { readonly path: string; readonly node: DeviceNumber }[];
	/** Targets that the kernel was asked for. */
	readonly targets: readonly string[];
	/** What is still open, mapped, made, locked, or has a name in the device directory. */
	leftovers(): readonly string[];
}

/** Makes a machine of which all devices are images. */
export function fakeVolume(options: FakeVolumeOptions): FakeVolume {
	const { step, images, hasTools = true } = options;
	const mappings = fakeMappings(options);
	const open = new Map<number, string>();
	const targets: string[] = [];
	let nextFd = 100;
	let locks = options.lockedElsewhere ?? 0;

	function acquire(what: string): Handle {
		step?.(what);
		const fd = nextFd++;
		open.set(fd, what);
		return {
			fd,
			[Symbol.dispose]() {
				if (open.delete(fd)) step?.(`close ${what}`);
			},
		};
	}

	const nodes = new Map<string, DeviceNumber>(
		Object.keys(images).map((path) => {
			const [, disk = "0", partition] = /^loop(\d+)(?:p(\d+))?$/.exec(path) ?? [];
			return [
				path,
				partition === undefined
					? { major: 7, minor: Number(disk) }
					: { major: 259, minor: Number(partition) },
			];
		}),
	);
	const nodesByFd = new Map<number, DeviceNumber>();
	const imagesByFd = new Map<number, Uint8Array>();

	const sys: VolumeSys = {
		mappings: mappings.sys,
		prepare() {},
		openNode(_devices, path) {
			const node = nodes.get(path);
			if (node === undefined) throw new SysError("openat2", constants.errno.ENOENT, path);
			const handle = acquire(`open ${path}`);
			nodesByFd.set(handle.fd, node);
			imagesByFd.set(handle.fd, images[path] ?? new Uint8Array());
			return handle;
		},
		nodeOf: ({ fd }) => nodesByFd.get(fd),
		sourceOf({ fd }, name) {
			const { sizeBytes } = options;
			const source = imageSource(imagesByFd.get(fd) ?? new Uint8Array(), {
				name,
				...(sizeBytes !== undefined && { sizeBytes }),
			});
			return {
				...source,
				read(start, length) {
					if (!open.has(fd)) throw new Error(`${name} is read and closed`);
					step?.(`read ${name}`);
					return source.read(start, length);
				},
			};
		},
		findLvm(subject) {
			step?.("findLvm");
			if (hasTools) return "/usr/sbin/lvm";
			throw new DeviceError("ERR_DEVICE_TOOL", `${subject}: lvm not found`);
		},
		makeSystemDirectory(devices) {
			const handle = acquire("makeSystemDirectory");
			return {
				path: "/system",
				devicePaths: devices.map((_, index) => `/system/dev/pv${index}`),
				[Symbol.dispose]: () => handle[Symbol.dispose](),
			};
		},
		devicesBeneath: () => options.beneath ?? [],
		loadTarget(name) {
			targets.push(name);
			return Promise.resolve();
		},
		lockTools: () => (locks-- > 0 ? undefined : acquire("lockTools")),
	};

	return {
		sys,
		mappings,
		parents: Object.keys(images)
			.filter((path) => !path.includes("p", 4))
			.map((path) => ({ path, node: nodes.get(path) ?? { major: 0, minor: 0 } })),
		targets,
		leftovers: () => [...open.values(), ...mappings.leftovers()],
	};
}
