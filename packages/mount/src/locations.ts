import { DeviceError, type Handle } from "@devhost/core";
import { isSysError } from "@devhost/linux";
import type { Lent, MountSys } from "./mount-sys.ts";

/** Where directories of `tree://` and `mount://` are. */
export interface Places {
	/** Lent. */
	readonly tree: Lent;
	/** The root of an open mount, lent; undefined where there is none of this name. */
	mount(name: string): Lent | undefined;
	/** Path of the directory that all mounts are in. */
	readonly root: string;
}

/**
 * Opens `tree:///path` or `mount://NAME/path`. Links on the way do not leave the tree or the mount.
 *
 * @param pointer - Of the option that names it.
 * @throws {@link DeviceError} `ERR_DEVICE_FILE` it is no directory, or missing; `ERR_DEVICE_OPTIONS` there is no such mount.
 */
export function openLocation(
	sys: MountSys,
	places: Places,
	location: string,
	{ subject, pointer }: { readonly subject: string; readonly pointer: string },
): Handle {
	const { mount, path } = parseLocation(location);
	using stack = new DisposableStack();
	try {
		if (mount === undefined) return sys.openBeneath(stack.use(sys.openHere(places.tree)), path);
		const root = places.mount(mount);
		if (root !== undefined) return sys.openBeneath(root, path);
	} catch (error) {
		if (!isSysError(error)) throw error;
		const why = reasons[error.code];
		if (why === undefined) throw error;
		throw new DeviceError("ERR_DEVICE_FILE", `${subject}: ${location}: ${why}`, {
			cause: error,
			pointer,
		});
	}
	throw new DeviceError(
		"ERR_DEVICE_OPTIONS",
		`${subject}: ${location}: no mount ${mount} is open. Name one that the stage has, too`,
		{ pointer },
	);
}

/**
 * As {@link openLocation} for what osbuild's bind mount means by `mount://NAME`: a directory in the one that all mounts are in, which
 * is itself meant by an empty name. The name of a mount will do, too.
 *
 * Source: `parse_location`, mounts/org.osbuild.bind.
 */
export function openOsbuildLocation(
	sys: MountSys,
	places: Places,
	location: string,
	about: { readonly subject: string; readonly pointer: string },
): Handle {
	const { mount: name = "" } = parseLocation(location);
	if (places.mount(name) !== undefined) return openLocation(sys, places, location, about);
	using root = sys.openDirectory(places.root);
	const own: Places = { ...places, mount: () => root };
	return openLocation(sys, own, `mount://any/${name}`, about);
}

/** The parts of a location; without a mount it is in the tree. */
export function parseLocation(location: string): {
	readonly mount?: string;
	readonly path: string;
} {
	const [, kind, host = "", rest = ""] = /^(tree|mount):\/\/([^/]*)(.*)$/s.exec(location) ?? [];
	const path = rest.replace(/^\/+/, "");
	return kind === "mount" ? { mount: host, path } : { path };
}

const reasons: Readonly<Record<string, string>> = {
	ENOENT: "is missing",
	ENOTDIR: "is no directory",
	ELOOP: "leads through too many links, or through one of /proc",
	ESTALE: "the tree is not to be found by its path in the namespace of the mounts",
};
