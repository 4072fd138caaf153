import { execFile } from "node:child_process";
import type { ExitStatus } from "@devhost/linux";
import { ApplianceError } from "./error.ts";

/** Why a guest is gone that nobody told to go, from how its kernel's process ended and what it said. */
export function endOf(status: ExitStatus, consoleLines: readonly string[]): ApplianceError {
	const panic = consoleLines.find((line) => line.includes("Kernel panic - not syncing"));
	const details = { consoleLines };
	if (panic !== undefined) {
		const what = panic.slice(panic.indexOf("Kernel panic"));
		const memory = /out of memory|no killable processes/i.test(consoleLines.join("\n"))
			? ". It had no memory left: give it more (memoryBytes)"
			: "";
		return new ApplianceError("ERR_APPLIANCE_PANIC", `guest: ${what}${memory}`, details);
	}
	const ptrace = consoleLines.find((line) => /ptrace.*(failed|not permitted|errno)/i.test(line));
	if (ptrace !== undefined) {
		return new ApplianceError(
			"ERR_APPLIANCE_PTRACE",
			`guest: this machine forbids ptrace, by which a guest runs its processes (${ptrace}). ` +
				"A container needs it allowed: docker run --cap-add=SYS_PTRACE, or --security-opt seccomp=unconfined; " +
				"elsewhere: sysctl kernel.yama.ptrace_scope=1 or lower",
			details,
		);
	}
	if (status.signal === "SIGBUS") {
		return new ApplianceError(
			"ERR_APPLIANCE_NO_SPACE",
			"guest: the folder of its memory is full. Name one with room: memoryFolder",
			details,
		);
	}
	if (status.signal !== undefined) {
		const who =
			status.signal === "SIGKILL"
				? ", by somebody or for want of memory on this machine"
				: "";
		return new ApplianceError(
			"ERR_APPLIANCE_KILLED",
			`guest: its kernel was ended by ${status.signal}${who}`,
			details,
		);
	}
	return new ApplianceError(
		"ERR_APPLIANCE_ENDED",
		`guest: its kernel ended by itself, with status ${status.code}`,
		details,
	);
}

/** Why a guest never came up: as `error` says, unless its kernel is none. */
export async function bootFailure(kernel: string, error: ApplianceError): Promise<ApplianceError> {
	const isCertain = ["ERR_APPLIANCE_PTRACE", "ERR_APPLIANCE_PANIC"].includes(error.code);
	if (isCertain || (await isUserModeLinux(kernel))) return error;
	return new ApplianceError(
		"ERR_APPLIANCE_WRONG_KERNEL",
		`${kernel}: not a User Mode Linux kernel. On Debian and Ubuntu it is /usr/bin/linux.uml of the package user-mode-linux`,
		{ cause: error, consoleLines: error.consoleLines },
	);
}

async function isUserModeLinux(kernel: string): Promise<boolean> {
	const options = { timeout: 2000, killSignal: "SIGKILL", env: {}, maxBuffer: 1 << 20 } as const;
	const { promise, resolve } = Promise.withResolvers<boolean>();
	// Whatever it is, it may fail: what it says decides.
	const child = execFile(kernel, ["--help"], options, (_, stdout) => {
		resolve(stdout.includes("User Mode Linux"));
	});
	child.stdin?.end();
	return promise;
}
