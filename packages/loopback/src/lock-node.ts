import { constants } from "node:fs";
import { detachedMount, type Fd, type FdLike, flock, isSysError, openat2 } from "@devhost/linux";
import type { Handle, LoopLock } from "./loop.ts";

/**
 * The BSD locks of loop devices.
 *
 * A lock belongs to the inode of the *node* by which a device was opened, not to the device: whoever opens another node
 * of the same number does not see it. udev and the host's tools open the kernel's own nodes (devtmpfs), a stage's tools
 * the node in the device directory, once there is one.
 */
export interface LoopLocks {
	/**
	 * Locks the kernel's node, or the one by which `loop` was opened if that is not one of ours.
	 *
	 * @returns Undefined when somebody else has the lock.
	 */
	lock(loop: Handle, number: number, isOurNode: boolean): LoopLock | undefined;
}

/** Makes {@link LoopLocks}, which keeps a descriptor of the kernel's device file system once it was needed. */
export function loopLocks(): LoopLocks {
	let kernelNodes: Fd | "unreachable" | undefined;

	function openKernelNode(number: number): Fd | undefined {
		kernelNodes ??= openDevtmpfs() ?? "unreachable";
		if (kernelNodes === "unreachable") return undefined;
		try {
			// For reading only: udev looks at a device again when a node that was open for writing is closed.
			return openat2(kernelNodes, `loop${number}`, { flags: constants.O_RDONLY });
		} catch (error) {
			if (isSysError(error, "ENOENT")) return undefined;
			throw error;
		}
	}

	return {
		lock(loop, number, isOurNode) {
			// Nobody else can open the node that `loop` was opened by, if it was one of ours.
			const held = isOurNode ? openKernelNode(number) : undefined;
			let isLocked = false;
			try {
				isLocked = flock(held ?? loop.fd, "exclusive");
			} finally {
				if (!isLocked) held?.close();
			}
			return isLocked ? new NodeLock(loop, held) : undefined;
		},
	};
}

class NodeLock implements LoopLock {
	readonly #loop: Handle;
	/** The kernel's node; undefined where the device's own is locked. */
	readonly #held: Fd | undefined;
	#inDirectory: Fd | undefined;

	constructor(loop: Handle, held: Fd | undefined) {
		this.#loop = loop;
		this.#held = held;
	}

	extend(devices: FdLike, name: string): void {
		this.#inDirectory = openat2(devices, name, { flags: constants.O_RDONLY });
		flock(this.#inDirectory, "exclusive"); // it was made a moment ago: nobody has it
	}

	release(): void {
		if (this.#held === undefined) flock(this.#loop.fd, "unlock");
		else this.#held.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#inDirectory?.closeAsync();
		await this.#held?.closeAsync();
	}
}

/**
 * Opens the kernel's own device file system, which is one and the same wherever it is mounted.
 *
 * @returns Undefined where it may not be mounted, or the kernel has none: the locks in the device directory, which
 * concern the run's own tools, work without it.
 */
function openDevtmpfs(): Fd | undefined {
	try {
		return detachedMount("devtmpfs");
	} catch (error) {
		if (isSysError(error)) return undefined;
		throw error;
	}
}
