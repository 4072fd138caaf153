import { commandError, findTool, runCommand, toolEnvironment } from "@devhost/core/command";
import type { Probed } from "./mount-sys.ts";

/**
 * What stands on a device, by libblkid.
 *
 * @throws {@link DeviceError} `ERR_DEVICE_TOOL` there is no blkid; `ERR_DEVICE_COMMAND` it failed.
 *
 * Source: blkid(8): status 2 is nothing, 8 is more than one thing.
 */
export async function probe(
	path: string,
	subject: string,
	signal: AbortSignal | undefined,
): Promise<Probed> {
	const run = async (name: string, further: readonly string[]) => {
		const file = findTool(name, { subject, install: "apt-get install util-linux" });
		const command = { file, argv: [name, ...further, path], environment: toolEnvironment() };
		return { command, output: await runCommand(command, { signal }) };
	};
	const { command, output } = await run("blkid", ["--probe", "--output", "export"]);
	if (output.exitCode === 2) return { kind: "nothing" };
	if (output.exitCode === 8) {
		const all = await run("wipefs", ["--no-act", "--parsable"]);
		// # offset,uuid,label,type
		const lines = textOf(all.output.stdout)
			.split("\n")
			.filter((line) => !line.startsWith("#"));
		const types = lines.flatMap((line) => line.split(",").at(-1) || []);
		return { kind: "ambivalent", types: [...new Set(types)] };
	}
	if (output.exitCode !== 0) throw commandError(subject, command, output);
	const tags = textOf(output.stdout)
		.split("\n")
		.map((line) => /^([A-Z0-9_]+)=(.*)$/.exec(line))
		.flatMap((match): [string, string][] =>
			match === null ? [] : [[`${match[1]}`, `${match[2]}`]],
		);
	return { kind: "found", tags: new Map(tags) };
}

function textOf(bytes: Uint8Array): string {
	return new TextDecoder().decode(bytes);
}
