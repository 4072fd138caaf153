import { spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

/** A process of somebody. */
export interface Opener {
	readonly pid: number;
	/** Ends it; at the end of the test it is ended anyway. */
	end(): Promise<void>;
}

/** Starts a process, `sleep`, that has a file open. */
export async function holdOpen(path: string): Promise<Opener> {
	const script = 'exec 3<"$1"; echo; exec sleep 600';
	const child = spawn("sh", ["-c", script, "sh", path], { stdio: ["ignore", "pipe", "inherit"] });
	const end = async (): Promise<void> => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		child.kill("SIGKILL");
		await once(child, "exit");
	};
	onTestFinished(end);
	await once(child.stdout, "data");
	return { pid: child.pid as number, end };
}
