// Plain JavaScript without dependencies: setup uses it before anything is installed, on any Node from 18.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Waits until nobody else holds the lock `file`, then holds it until it is disposed of or this process ends, however
 * it ends: the lock belongs to a child that lives as long as the pipe from this process.
 *
 * @param {string} file created with its folder when it does not exist; stays.
 * @param {{ onWait?: () => void }} [options] `onWait` is called once when somebody else has the lock.
 */
export async function acquireLock(file, { onWait } = {}) {
	mkdirSync(dirname(file), { recursive: true });
	// flock(1) is part of util-linux (and of busybox), which every Linux has.
	const holder = spawn("flock", [file, "sh", "-c", "echo held; exec cat >/dev/null"], {
		stdio: ["pipe", "pipe", "inherit"],
		// Ctrl-C goes to the whole process group: the lock must outlive it until this process has finished.
		detached: true,
	});
	const waiting = onWait && setTimeout(onWait, 500);
	try {
		await new Promise((resolve, reject) => {
			holder.once("error", reject);
			holder.once("exit", (code) =>
				reject(new Error(`flock ${file}: ended with status ${code}`)),
			);
			holder.stdout.once("data", resolve);
		});
	} finally {
		clearTimeout(waiting);
	}
	const ended = new Promise((resolve) => holder.once("exit", resolve));
	holder.unref();
	// Sockets, although their type says only streams: they must not keep this process alive.
	for (const stream of [holder.stdin, holder.stdout]) /** @type {any} */ (stream).unref();
	const release = async () => {
		holder.ref();
		holder.stdin.end();
		await ended;
	};
	// Node 18 has no Symbol.asyncDispose; there the caller releases.
	const lock = { release, [Symbol.asyncDispose ?? "asyncDispose"]: release };
	return /** @type {AsyncDisposable & typeof lock} */ (/** @type {unknown} */ (lock));
}
