/** spawn-burst MEGABYTES COUNT [child_process]: as posix-spawn.c, with `spawn` of this package or of Node. */
import { spawn as nodeSpawn } from "node:child_process";
import { once } from "node:events";
import { spawn } from "@devhost/linux";

const [megabytes, count, how] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const memory = Buffer.alloc(megabytes << 20, 1);
const times: number[] = [];
for (let i = 0; i < count + 10; i++) {
	const start = performance.now();
	if (how === "child_process") {
		const child = nodeSpawn("/bin/true", [], { env: {}, stdio: "ignore" });
		times.push(performance.now() - start);
		await once(child, "exit");
	} else {
		const child = spawn({ file: "/bin/true", argv: ["true"], environment: {} });
		times.push(performance.now() - start);
		await child.exited;
	}
}
// The first ones run before the compiler has seen the code.
const counted = times.slice(10).toSorted((a, b) => a - b);
if (memory[memory.length - 1] !== 1) throw new Error("the memory must stay in use until here");
console.log((counted[count >> 1] as number) * 1000);
