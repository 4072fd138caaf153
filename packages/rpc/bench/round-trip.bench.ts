/**
 * Calls against two C processes that do nothing but pass bytes: what the protocol, msgpack and Node cost. All processes of
 * a burst share one CPU; a wake-up of another one would cost more than what is measured.
 */
import { join } from "node:path";
import {
	bundleService,
	type Comparison,
	compare,
	compileC,
	runForNumber,
	sharedCpu,
	table,
} from "../../../tools/src/benchmark.ts";

const options = { cpu: sharedCpu };
const script = await bundleService(join(import.meta.dirname, ".."), "bench/echo-service.ts");
const peer = compileC(join(import.meta.dirname, "c-peer.c"));
const c =
	(...args: (string | number)[]) =>
	(): number =>
		runForNumber([peer, ...args.map(String)], options);
const burst =
	(...args: (string | number)[]) =>
	(): number =>
		runForNumber(
			[process.execPath, join(import.meta.dirname, "burst.ts"), script, ...args.map(String)],
			options,
		);

const roundTrips: Comparison[] = [
	{
		name: "64 B round trip",
		unit: "µs",
		ours: burst("call", 64, 30_000),
		peer: c("round-trip", 64, 0, 50_000),
		target: { atMost: 2.6 },
	},
	{
		name: "64 B and a descriptor each way",
		unit: "µs",
		ours: burst("descriptor", 64, 20_000),
		peer: c("round-trip", 64, 1, 30_000),
		target: { atMost: 2.5 },
	},
	{
		name: "64 KiB of binary",
		unit: "µs",
		ours: burst("blob", 65_536, 10_000),
		peer: c("round-trip", 65_536, 0, 10_000),
		target: { atMost: 2.1 },
	},
	{
		name: "4 MiB of binary",
		unit: "µs",
		ours: burst("blob", 4_194_304, 200),
		peer: c("round-trip", 4_194_304, 0, 200),
		target: { atMost: 1.8 },
	},
	{
		name: "64 B calls in batches of 64",
		unit: "calls/s",
		ours: burst("batch", 64, 3000),
		peer: c("batch", 64, 64, 300_000),
		target: { atLeast: 0.75 },
	},
	{
		name: "one-way signals, frames of 64 B, against 1,000,000/s",
		unit: "signals/s",
		// 31 bytes of text, 9 of msgpack, 24 of header.
		ours: burst("signals", 31, 1_000_000),
		peer: () => 1_000_000,
		target: { atLeast: 1 },
	},
];
console.log(table("Calls over @devhost/rpc, on one CPU", "C", await compare(roundTrips, 7)));
