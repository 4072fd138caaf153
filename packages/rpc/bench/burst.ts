/**
 * One burst of calls in a fresh process, and one number: `burst SERVICE KIND BYTES COUNT`.
 *
 * - `call BYTES`, `descriptor BYTES`, `blob BYTES`: mean microseconds of a round trip, with a string in msgpack, the same with
 *   a descriptor each way, with raw bytes
 * - `batch BYTES`: calls a second, 64 at once
 * - `signals BYTES`: signals a second, one way, during one call
 */
import { memfd } from "@devhost/linux";
import { recycleBlob, ServiceManager } from "@devhost/rpc";

const [script = "", kind, bytesText, countText] = process.argv.slice(2);
const [bytes, count] = [Number(bytesText), Number(countText)];

await burst().catch((error: unknown) => {
	for (const each of firstCauseFirst(error)) console.error(each);
	process.exitCode = 1;
});

async function burst(): Promise<void> {
	await using manager = new ServiceManager();
	const { client } = manager.start({
		name: "echo",
		file: process.execPath,
		argv: [process.execPath, script],
	});

	switch (kind) {
		case "call": {
			const text = "x".repeat(bytes);
			report(
				// The reply has no descriptors to close.
				await meanMicroseconds(() => client.call("echo", text)),
			);
			break;
		}
		case "descriptor": {
			const text = "x".repeat(bytes);
			using file = memfd("sent");
			report(
				await meanMicroseconds(async () => {
					const reply = await client.call("echo", text, { fds: [file] });
					reply.close();
				}),
			);
			break;
		}
		case "blob": {
			const blob = new Uint8Array(bytes);
			report(
				await meanMicroseconds(async () => {
					const reply = await client.call("echo", null, { blob });
					if (reply.blob?.length !== bytes) throw new Error("the blob did not come back");
					recycleBlob(reply.blob);
				}),
			);
			break;
		}
		case "batch": {
			const text = "x".repeat(bytes);
			const inBatch = 64;
			const calls: Promise<unknown>[] = [];
			const mean = await meanMicroseconds(async () => {
				for (let i = 0; i < inBatch; i++) calls[i] = client.call("echo", text);
				await Promise.all(calls);
			});
			report((inBatch / mean) * 1e6);
			break;
		}
		case "signals": {
			let seen = 0;
			await client.call("flood", { count: 20_000, bytes }, { onSignal: () => seen++ });
			seen = 0;
			const begin = performance.now();
			await client.call(
				"flood",
				{ count, bytes },
				{ onSignal: () => seen++, timeoutMs: 60_000 },
			);
			const seconds = (performance.now() - begin) / 1000;
			if (seen !== count) throw new Error(`${seen} of ${count} signals arrived`);
			report(count / seconds);
			break;
		}
		default:
			throw new Error(`no such burst: ${kind}`);
	}
}

/**
 * The first calls do not count: V8 optimizes after about 10,000 of them, which takes 35 ms of this one CPU on each side. What is
 * compared is what a process that runs for more than a second does.
 */
async function meanMicroseconds(call: () => Promise<unknown>): Promise<number> {
	const warm = performance.now() + 1000;
	for (let i = 0; i < 15_000 && performance.now() < warm; i++) await call();
	const begin = performance.now();
	for (let i = 0; i < count; i++) await call();
	return ((performance.now() - begin) / count) * 1000;
}

function report(value: number): void {
	console.log(value);
}

/** Where stopping the service fails after the burst has, Node would print a `SuppressedError` with neither error in it. */
function firstCauseFirst(error: unknown): unknown[] {
	if (!(error instanceof SuppressedError)) return [error];
	return [...firstCauseFirst(error.suppressed), ...firstCauseFirst(error.error)];
}
