import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Devices of a manifest, the one that a stage writes to among them: `top`. */
export type Stack = Readonly<Record<string, object>>;

const passphrase = "correct horse";

/**
 * Makes images with the tools that everybody uses, in a folder, and returns how a manifest opens them. Needs root and,
 * for volumes in a container, device-mapper.
 */
export const stacks: Readonly<Record<string, (folder: string) => Stack>> = {
	"a container on a loop device"(folder) {
		encrypt(image(folder, "disk.img"));
		return { disk: loop("disk.img"), top: container("disk") };
	},
	"a volume on a loop device"(folder) {
		withLoop(image(folder, "disk.img"), (node) => makeVolume([node]));
		return { disk: loop("disk.img"), top: volume({ parent: "disk" }) };
	},
	"a volume in a container on a loop device"(folder) {
		const file = image(folder, "disk.img");
		encrypt(file);
		withLoop(file, (node) => withContainer(node, (opened) => makeVolume([opened])));
		return {
			disk: loop("disk.img"),
			crypt: container("disk"),
			top: volume({ parent: "crypt" }),
		};
	},
	"a volume on two loop devices"(folder) {
		const [first, second] = [image(folder, "first.img"), image(folder, "second.img")];
		withLoop(first, (one) => withLoop(second, (two) => makeVolume([one, two])));
		return {
			first: loop("first.img"),
			second: loop("second.img"),
			top: volume({ parents: ["first", "second"] }),
		};
	},
};

function loop(filename: string): object {
	return { type: "devhost.loopback", options: { filename } };
}

function container(parent: string): object {
	return { type: "devhost.luks2", parent, options: { passphrase: { file: "passphrase" } } };
}

function volume(
	parents: { readonly parent: string } | { readonly parents: readonly string[] },
): object {
	return { type: "devhost.lvm2.lv", ...parents, options: { volume: "root" } };
}

function image(folder: string, name: string): string {
	const file = join(folder, name);
	writeFileSync(file, "");
	truncateSync(file, 40 * 2 ** 20);
	writeFileSync(join(folder, "passphrase"), passphrase, { mode: 0o600 });
	return file;
}

function encrypt(file: string): void {
	const quick = ["--type=luks2", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000"];
	tool("cryptsetup", ["-q", "luksFormat", ...quick, "--disable-locks", "--key-file=-", file]);
}

function withContainer(node: string, work: (opened: string) => void): void {
	const name = `devhost-test-${process.pid}`;
	tool("cryptsetup", ["open", "--type=luks2", "--disable-locks", "--key-file=-", node, name]);
	try {
		work(`/dev/mapper/${name}`);
	} finally {
		tool("cryptsetup", ["close", "--disable-locks", name]);
	}
}

/** A volume that is on all of the devices, each of which has room for 5 to 9 extents of 4 MiB. */
function makeVolume(nodes: readonly string[]): void {
	const extents = String(nodes.length === 1 ? 4 : 12);
	for (const node of nodes) lvm(["pvcreate", node], nodes);
	lvm(["vgcreate", "system", ...nodes], nodes);
	lvm(["lvcreate", "-an", "-Zn", "-Wn", `--extents=${extents}`, "--name=root", "system"], nodes);
}

function lvm([command = "", ...args]: readonly string[], nodes: readonly string[]): void {
	const quiet = [
		"devices{use_devicesfile=0}",
		"backup{backup=0 archive=0}",
		"global{event_activation=0}",
		"activation{udev_sync=0 udev_rules=0}",
	];
	tool("lvm", [command, `--config=${quiet.join(" ")}`, `--devices=${nodes.join(",")}`, ...args]);
}

function withLoop(file: string, work: (node: string) => void): void {
	const node = tool("losetup", ["--find", "--show", file]).trim();
	try {
		work(node);
	} finally {
		tool("losetup", ["--detach", node]);
	}
}

function tool(file: string, args: readonly string[]): string {
	return execFileSync(file, args, {
		encoding: "utf8",
		// Those that read none may be gone before it is written (EPIPE).
		...(file === "cryptsetup" && { input: passphrase }),
		stdio: "pipe",
		env: {
			PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
			LC_ALL: "C.UTF-8",
			DM_DISABLE_UDEV: "1",
			LVM_SUPPRESS_FD_WARNINGS: "1",
		},
	});
}
