import { rmSync } from "node:fs";
import type { ErrorReport } from "../src/events.ts";
import { type CliResult, devhost, eventsOf, type Project } from "./devhost.ts";

/** A run whose stage leaves a process that has its device open. */
export interface StayingDaemon {
	readonly pid: number;
	readonly result: CliResult;
	/** Of the run, first cause first. */
	readonly errors: readonly ErrorReport[];
	/** Tells the daemon to end. */
	end(): void;
}

/** Runs one stage without a sandbox: in one a daemon ends with the stage. */
export async function runWithDaemon(
	project: Project,
	{
		devices,
		device,
	}: { readonly devices: Readonly<Record<string, object>>; readonly device: string },
): Promise<StayingDaemon> {
	// A session of its own, a parent that has ended, and no descriptor of the stage.
	const daemon = 'exec 9<"$0"; echo $$ >daemon; while [ -e daemon ]; do sleep 0.02; done';
	const script =
		`(setsid sh -c '${daemon}' {devices.${device}} </dev/null >/dev/null 2>&1 &); ` +
		"until [ -s daemon ]; do sleep 0.02; done";
	const manifest = project.manifest({
		devices,
		stages: [{ name: "begin", uses: [device], run: ["sh", "-c", script] }],
	});

	const argv = ["run", "--json", "--backend=native", "--sandbox=none", manifest];
	const result = await devhost(argv);

	const ended = eventsOf(result).at(-1);
	return {
		pid: Number(project.read("daemon")),
		result,
		errors: ended?.event === "run-ended" ? ended.errors : [],
		end: () => rmSync(`${project.folder}/daemon`),
	};
}
