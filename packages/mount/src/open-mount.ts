import { abandoned, causeFirst, type CloseTimeout, DeviceError, type Handle } from "@devhost/core";
import type { CreateMountOptions, DeviceNumber, MountInfo } from "@devhost/linux";
import { type BoundMount, closeMount } from "./close-mount.ts";
import type { MountSys, SourceDevice } from "./mount-sys.ts";
import type { Sources } from "./sources.ts";
import { openTarget } from "./target.ts";

/** Everything that makes a mount. */
export interface MountRequest {
	/** The mount as messages begin. */
	readonly subject: string;
	readonly make: MountPlan;
	/** The device that is mounted; taken. */
	readonly source: SourceDevice | undefined;
	readonly sources: Sources;
	readonly readOnly: boolean;
	/** The directory that the target's names begin in; taken. */
	readonly root: Handle;
	readonly names: readonly string[];
	/** How long closing waits for others to let go. */
	readonly closeTimeoutMs: CloseTimeout;
	readonly signal: AbortSignal | undefined;
}

/** How a mount comes to be, before it stands anywhere. */
export type MountPlan =
	| { readonly kind: "create"; readonly mount: CreateMountOptions }
	| {
			readonly kind: "clone";
			/** Lent. */
			readonly directory: Handle;
			readonly recursive: boolean;
			readonly attributes: number;
	  }
	/** Nothing is mounted: only the directory is made. */
	| { readonly kind: "none" };

/** An open mount. Disposing it unmounts, once. */
export interface OpenMount extends AsyncDisposable {
	/** Its root directory, lent. */
	readonly root: Handle;
	/** Another descriptor of its root directory, for paths only. It keeps the mount from being closed. */
	directory(): Handle;
}

/**
 * Mounts what is asked for, where it is asked for.
 *
 * Disposal is `closeMount`, once.
 *
 * @throws {@link DeviceError} with nothing left behind, not even a directory.
 */
export async function openMount(sys: MountSys, request: MountRequest): Promise<OpenMount> {
	const { subject, source, sources, signal, readOnly, closeTimeoutMs, make } = request;
	try {
		await using acquired = new AsyncDisposableStack();
		acquired.defer(() => source?.handle.close()); // it was only read: nothing to wait for
		using target = openTarget(sys, request.root, request.names, subject);
		signal?.throwIfAborted();
		if (make.kind === "none") {
			const root = acquired.use(sys.openEntry(target.directory, "."));
			target.keep();
			return openOf(sys, acquired.move(), root, subject);
		}
		using turn = source && (await sources.enter(source.node));
		if (source !== undefined) turn?.look(() => sys.isClaimed(source));
		using mount = await makeMount(sys, request, make);
		const root = acquired.use(sys.openRoot(mount));
		const device = sys.fileSystemOf(root);
		checkSource(request, make, device);
		signal?.throwIfAborted();

		const ids = [sys.mountIdOf(root)];
		const use = turn && acquired.use(turn.use());
		const bound: BoundMount = {
			ids,
			root,
			device,
			source,
			use,
			isOfOthers: make.kind === "clone",
		};
		sys.move(mount, target.directory);
		mount.close(); // it is the namespace's from here on
		acquired.defer(() => closeMount(sys, { bound, subject, readOnly, closeTimeoutMs }));
		if (make.kind === "clone" && make.recursive) ids.push(...idsBeneath(sys.mounts(), ids));
		// With its code before it is closed again, which may fail, too.
		if (signal?.aborted) throw abandoned(subject, signal.reason);
		target.keep();
		return openOf(sys, acquired.move(), root, subject);
	} catch (error) {
		const cause = causeFirst(error, subject);
		throw signal?.aborted && cause === signal.reason ? abandoned(subject, cause) : cause;
	}
}

/** Nothing in here can throw: everything is owned by `owned`. */
function openOf(
	sys: MountSys,
	owned: AsyncDisposableStack,
	root: Handle,
	subject: string,
): OpenMount {
	return {
		root,
		directory() {
			if (owned.disposed)
				throw new DeviceError("ERR_DEVICE_CLOSED", `${subject}: closed already`);
			return sys.openEntry(root, ".");
		},
		async [Symbol.asyncDispose]() {
			try {
				await owned.disposeAsync();
			} catch (error) {
				throw causeFirst(error, subject);
			}
		},
	};
}

async function makeMount(
	sys: MountSys,
	{ subject, source, signal }: MountRequest,
	make: Exclude<MountPlan, { kind: "none" }>,
): Promise<Handle> {
	if (make.kind === "create") {
		using log = sys.followKernelLog();
		try {
			return await sys.create(make.mount);
		} catch (error) {
			const { explainMountError } = await import("./mount-error.ts");
			const { mount } = make;
			throw await explainMountError(sys, error, { subject, source, mount, log, signal });
		}
	}
	const mount = sys.clone(make.directory, make.recursive);
	try {
		sys.setAttributes(mount, make.attributes);
		return mount;
	} catch (error) {
		mount.close();
		throw error;
	}
}

/** What was mounted is the device that was looked at, whatever its path leads to by now. */
function checkSource(
	{ subject, source }: MountRequest,
	make: MountPlan,
	device: DeviceNumber,
): void {
	// btrfs has a number of its own for each subvolume.
	if (source === undefined || make.kind !== "create" || make.mount.type === "btrfs") return;
	const { node, path } = source;
	if (node.major === device.major && node.minor === device.minor) return;
	const found = `${device.major}:${device.minor}`;
	throw new DeviceError(
		"ERR_DEVICE_NOT_OURS",
		`${subject}: ${path} was ${node.major}:${node.minor}, and what is mounted is ${found}`,
	);
}

/** The mounts in a mount, and in those, each after what it stands on. */
function idsBeneath(mounts: readonly MountInfo[], ids: readonly number[]): number[] {
	const found = mounts.filter(({ parentId }) => ids.includes(parentId)).map(({ id }) => id);
	return found.length === 0 ? [] : [...found, ...idsBeneath(mounts, found)];
}
