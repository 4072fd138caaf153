/** Starting a program from a process of 1 GiB: `spawn` against posix_spawn in C, and against `node:child_process`. */
import { join } from "node:path";
import { compare, compileC, runForNumber, sharedCpu, table } from "../../../tools/src/benchmark.ts";

const megabytes = "1024";
const posixSpawn = compileC(join(import.meta.dirname, "posix-spawn.c"));
const burst = [process.execPath, join(import.meta.dirname, "spawn-burst.ts"), megabytes, "50"];
const options = { cpu: sharedCpu };

const ours = (): number => runForNumber(burst, options);
const c = await compare(
	[
		{
			name: "spawn() at 1 GiB",
			unit: "µs",
			ours,
			peer: () => runForNumber([posixSpawn, megabytes, "50"], options),
			target: { atMost: 1.5 },
		},
	],
	5,
);
console.log(table("Starting a program, @devhost/linux against posix_spawn in C", "C", c));
const node = await compare(
	[
		{
			name: "spawn() at 1 GiB",
			unit: "µs",
			ours,
			peer: () => runForNumber([...burst, "child_process"], options),
			target: { atMost: 0.1 },
		},
	],
	3,
);
console.log(table("The same against node:child_process", "child_process", node));
