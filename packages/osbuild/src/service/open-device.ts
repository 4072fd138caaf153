import {
	DeviceError,
	deviceService,
	mappingTag,
	type OpenDevice,
	type ParentDevice,
} from "@devhost/core";
import { FdSet } from "@devhost/rpc";
import { openArguments } from "./arguments.ts";
import type { DeviceExecutable } from "./device-executable.ts";
import { Nodes, openDirectory } from "./nodes.ts";
import {
	ask,
	checkFree,
	type OpenForOsbuild,
	type OsbuildRequest,
	withCode,
} from "./open-for-osbuild.ts";
import { newRun } from "./run.ts";
import { say } from "./say.ts";

/**
 * Opens a device as osbuild's host wants it: with its nodes in osbuild's directory of devices.
 *
 * @throws {@link DeviceError} with nothing left behind.
 */
export function openDevice(
	executable: DeviceExecutable,
	request: OsbuildRequest,
): Promise<OpenForOsbuild> {
	return withCode(request.name, () => open(executable, request));
}

async function open(
	executable: DeviceExecutable,
	request: OsbuildRequest,
): Promise<OpenForOsbuild> {
	const { name, value, call } = request;
	const { dev, tree, parent, options } = openArguments(value);
	checkFree(request);
	await using acquired = new AsyncDisposableStack();
	const nodes = new Nodes(openDirectory(dev));
	acquired.defer(() => nodes[Symbol.dispose]());
	const parents = parent === undefined ? [] : [findParent(nodes, parent, name)];
	if (parent !== undefined)
		for (const path of executable.needs?.(parent, options) ?? []) nodes.bring(path);

	const { type, version } = executable;
	const service = deviceService(await executable.load(), { module: type, version });
	const run = newRun();
	using directories = new DisposableStack();
	const fds = [tree, dev].map((path) => directories.use(openDirectory(path)));
	await ask(service, "begin", { run }, { fds: new FdSet(fds.map((fd) => fd.take())) });
	acquired.defer(() => service.close());
	const driverOptions = executable.options?.(options) ?? options;
	const opening = { name, type, options: driverOptions, parents };
	const opened = (await ask(service, "open", opening, call)) as OpenDevice;
	const { path, node, details = {} } = opened;
	if (node === undefined) throw new DeviceError("ERR_DEVICE_SERVICE", `${name}: no node`);

	const mapping = mappingTag(run, name);
	const answer = executable.answer({ options, path, node, mapping, details });
	// Gone before the device is.
	const further = new Nodes(openDirectory(dev));
	acquired.defer(() => further[Symbol.dispose]());
	for (const each of answer.nodes) further.make(each, node);
	say(answer.log);
	const owned = acquired.move();
	return {
		reply: answer.reply,
		close: () => withCode(name, () => owned.disposeAsync()),
	};
}

function findParent(nodes: Nodes, path: string, name: string): ParentDevice {
	if (path.startsWith("/") || path.split("/").includes("..")) {
		const message = `${name}: parent ${JSON.stringify(path)} is not beneath the directory of devices`;
		throw new DeviceError("ERR_DEVICE_PARENT", message);
	}
	const node = nodes.bring(path);
	if (node !== undefined) return { path, node };
	const message = `${name}: parent ${path}: there is no such device`;
	throw new DeviceError("ERR_DEVICE_PARENT", message);
}
