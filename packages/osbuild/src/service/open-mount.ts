import { mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path/posix";
import { DeviceError, deviceService, type ParentDevice } from "@devhost/core";
import { AT_FDCWD, openat2, statFd } from "@devhost/linux";
import { FdSet } from "@devhost/rpc";
import { mountArguments } from "./arguments.ts";
import type { MountExecutable } from "./mount-executable.ts";
import { Nodes, numberOfMachine, openDirectory } from "./nodes.ts";
import {
	ask,
	checkFree,
	type OpenForOsbuild,
	type OsbuildRequest,
	withCode,
} from "./open-for-osbuild.ts";
import { newRun } from "./run.ts";
import { say } from "./say.ts";

/** One type of mount. */
export interface TypeOfMount extends MountExecutable {
	/** A name of `@devhost/mount`: `org.osbuild.ext4`. */
	readonly type: string;
}

/**
 * Mounts as osbuild's host wants it: in this process's mount namespace, which is the host's.
 *
 * @throws {@link DeviceError} with nothing left behind but the directory of targets.
 */
export function openMount(type: TypeOfMount, request: OsbuildRequest): Promise<OpenForOsbuild> {
	return withCode(request.name, () => open(type, request));
}

async function open(
	{ type, version, load }: TypeOfMount,
	request: OsbuildRequest,
): Promise<OpenForOsbuild> {
	const { name, value, call } = request;
	const { source, target, root, tree, options } = mountArguments(value);
	checkFree(request);
	mkdirSync(root, { recursive: true });
	await using acquired = new AsyncDisposableStack();
	const found = source === undefined ? undefined : findSource(source, name);
	acquired.defer(() => found?.nodes?.[Symbol.dispose]());

	const service = deviceService(await load(), { module: type, version });
	using directories = new DisposableStack();
	const paths = [tree, found?.directory ?? "/dev"];
	const fds = paths.map((path) => directories.use(openDirectory(path)));
	const begin = { fds: new FdSet(fds.map((fd) => fd.take())) };
	await ask(service, "begin", { run: newRun(), mounts: root }, begin);
	acquired.defer(() => service.close());
	const parents = found === undefined ? [] : [found.parent];
	await ask(service, "open", { name, type, options, parents, mount: { target } }, call);
	say(`mounted ${source ?? type} at ${target}`);
	const owned = acquired.move();
	return {
		// A bind mount is in the tree: osbuild wants no path of it.
		reply: target.startsWith("tree:") ? null : joined(root, target),
		close: () => withCode(name, () => owned.disposeAsync()),
	};
}

/** The device, in the directory by whose name its path begins. */
function findSource(path: string, name: string): FoundSource {
	const bare = path.startsWith("/dev/") ? path.slice("/dev/".length) : undefined;
	const isThere = statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true;
	if (!isThere) {
		const number = bare === undefined ? undefined : numberOfMachine(bare);
		if (bare === undefined || number === undefined) {
			const message = `${name}: ${path}: there is no such device`;
			throw new DeviceError("ERR_DEVICE_PARENT", message);
		}
		// Of a partition that the kernel has and nobody has made a node of.
		const made = new Nodes(openDirectory("/dev"));
		made.make(bare, number);
		return { directory: "/dev", parent: { path: bare, node: number }, nodes: made };
	}
	const real = realpathSync(path);
	using node = openat2(AT_FDCWD, real, { flags: O_PATH });
	const { node: number } = statFd(node);
	if (number === undefined) throw new DeviceError("ERR_DEVICE_PARENT", `${name}: ${path}`);
	const directory = real.startsWith("/dev/") ? "/dev" : dirname(real);
	const inside = real.slice(directory.length + 1);
	return { directory, parent: { path: inside, node: number }, nodes: undefined };
}

interface FoundSource {
	readonly directory: string;
	readonly parent: ParentDevice;
	/** What had to be made. */
	readonly nodes: Nodes | undefined;
}

/** As Python's `os.path.join(root, target.lstrip("/"))`: osbuild compares the beginning, and shows the rest. */
function joined(root: string, target: string): string {
	return `${root}${root.endsWith("/") ? "" : "/"}${target.replace(/^\/+/, "")}`;
}

// Source: asm-generic/fcntl.h.
const O_PATH = 0o10000000;
