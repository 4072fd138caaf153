import { constants } from "node:fs";
import {
	AT_FDCWD,
	detachedMount,
	type DeviceNumber,
	type Fd,
	isSysError,
	mknodat,
	openat2,
	statFd,
	unlinkat,
} from "@devhost/linux";

/** Opens loop devices to look at them, for reading only: udev looks again at what was open for writing. */
export class LoopNodes implements Disposable {
	#nowhere: Fd | undefined;

	/**
	 * Opens a loop device, for a moment: as long as it is open it is busy for everybody else.
	 *
	 * By the machine's node; where that is missing or is something else, as in a container, by one that appears nowhere.
	 *
	 * @param flags - Further ones, such as O_EXCL.
	 * @throws {@link SysError} `EACCES` or `EPERM` this user may not; `ENXIO` or `ENODEV` it is going, or gone; `EBUSY` with
	 * O_EXCL, a file system, swap or another device uses it.
	 */
	open(name: string, node: DeviceNumber, flags: number = 0): Fd {
		// What stands in /dev may be anything, also something that waits when it is opened.
		const how = { flags: constants.O_RDONLY | constants.O_NONBLOCK | flags };
		try {
			const loop = openat2(AT_FDCWD, `/dev/${name}`, how);
			if (isNode(loop, node)) return loop;
			loop.close();
		} catch (error) {
			if (!isSysError(error, "ENOENT") && !isSysError(error, "ENOTDIR")) throw error;
		}
		const nowhere = (this.#nowhere ??= detachedMount("tmpfs", { size: "64k", mode: "0700" }));
		mknodat(nowhere, name, "block", node, 0o600);
		try {
			return openat2(nowhere, name, how);
		} finally {
			unlinkat(nowhere, name);
		}
	}

	[Symbol.dispose](): void {
		this.#nowhere?.close();
	}
}

function isNode(loop: Fd, { major, minor }: DeviceNumber): boolean {
	const { type, node } = statFd(loop);
	return type === "block" && node?.major === major && node.minor === minor;
}
