import type { Probe, ProbeOptions } from "./backend.ts";
export async function probeUml(_options: ProbeOptions): Promise<Probe> {
	throw new Error("todo");
}
