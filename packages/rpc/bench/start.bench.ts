/** A service process from its start to its first reply, against an empty script on the same Node from start to exit. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "@devhost/linux";
import { ServiceManager } from "@devhost/rpc";
import { bundleService, compare, table } from "../../../tools/src/benchmark.ts";

const folder = mkdtempSync(join(tmpdir(), "devhost-bench-"));
const empty = join(folder, "empty.cjs");
writeFileSync(empty, "");
const { PATH = "" } = process.env;
const script = await bundleService(join(import.meta.dirname, ".."), "bench/echo-service.ts");

async function service(): Promise<number> {
	await using manager = new ServiceManager();
	const start = performance.now();
	const { client } = manager.start({
		name: "echo",
		file: process.execPath,
		argv: [process.execPath, script],
		environment: { PATH },
	});
	using _reply = await client.call("echo", "first");
	return performance.now() - start;
}

async function emptyScript(): Promise<number> {
	const start = performance.now();
	const argv = [process.execPath, empty];
	await spawn({ file: process.execPath, argv, environment: { PATH } }).exited;
	return performance.now() - start;
}

try {
	const results = await compare(
		[
			{
				name: "start to first reply",
				unit: "ms",
				ours: service,
				peer: emptyScript,
				target: { atMost: 1.15 },
			},
		],
		25,
	);
	console.log(table("A service process", "empty Node script", results));
} finally {
	rmSync(folder, { recursive: true });
}
