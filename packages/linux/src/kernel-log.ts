import { constants } from "node:fs";
import { binding } from "./binding.ts";
import { checked, SysError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { mknodat, openat2 } from "./file.ts";
import { detachedMount } from "./mount.ts";

/**
 * What the kernel says from now on, such as `EXT4-fs (loop3): …`.
 *
 * It is read through a node of our own: a private /dev has none.
 *
 * Source: /dev/kmsg, Documentation/ABI/testing/dev-kmsg.
 */
export class KernelLog implements Disposable {
	readonly #log: Fd;

	private constructor(log: Fd) {
		this.#log = log;
	}

	/**
	 * Begins at the end of what was said.
	 *
	 * @throws {@link SysError} `EPERM` without `CAP_SYSLOG`, where the kernel asks for it, or without `CAP_MKNOD` and `CAP_SYS_ADMIN`.
	 */
	static open(): KernelLog {
		place ??= makePlace();
		const log = openat2(place, "kmsg", { flags: constants.O_NONBLOCK });
		try {
			checked(binding.seekEnd(log.fd), "lseek");
			return new KernelLog(log);
		} catch (error) {
			log.close();
			throw error;
		}
	}

	/** What was said since the last time, oldest first: texts without time and level. */
	read(): string[] {
		const texts: string[] = [];
		const record = new Uint8Array(maxRecordBytes);
		for (;;) {
			const count = binding.read(this.#log.fd, record, 0, record.length);
			if (count === -EPIPE) continue; // what came next is overwritten already
			if (count === -EAGAIN || count === 0) return texts;
			if (count < 0) throw new SysError("read", -count);
			const [line = ""] = new TextDecoder().decode(record.subarray(0, count)).split("\n");
			texts.push(line.slice(line.indexOf(";") + 1)); // level,number,time,flags;text
		}
	}

	[Symbol.dispose](): void {
		this.#log.close();
	}
}

/** A directory with a node of it, which is mounted nowhere. */
let place: Fd | undefined;

function makePlace(): Fd {
	const directory = detachedMount("tmpfs", { size: "4k", mode: "0700" });
	try {
		mknodat(directory, "kmsg", "char", { major: 1, minor: 11 }, 0o400);
		return directory;
	} catch (error) {
		directory.close();
		throw error;
	}
}

/** `PRINTKRECORD_MAX` of linux/printk.h, and more: a shorter read fails. */
const maxRecordBytes = 8192;

// Source: asm-generic/errno-base.h.
const EAGAIN = 11;
const EPIPE = 32;
