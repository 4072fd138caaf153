/**
 * A file, or a range of it, as a block device.
 *
 * @packageDocumentation
 */
export { type AttachedLoop, attachLoop, type AttachLoopOptions } from "./attach-loop.ts";
export { linuxLoop } from "./linux-loop.ts";
export type {
	Binding,
	DeviceDirectory,
	FileFacts,
	Handle,
	LoopConfig,
	LoopFacts,
	LoopLock,
	LoopState,
	LoopSys,
	OpenedNode,
	Unbinding,
} from "./loop.ts";
export { loopback } from "./loopback.ts";
export { type LoopbackOptions, parseLoopbackOptions } from "./options.ts";
export type { LoopPartition } from "./scan-partitions.ts";
export { loopTag } from "@devhost/core";
