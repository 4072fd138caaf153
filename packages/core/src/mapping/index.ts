/**
 * Device-mapper devices: made so that no kill leaves one behind, and closed in order. What luks2 and lvm2 share.
 *
 * @packageDocumentation
 */
export type { BoundMapping, ClosingMapping } from "./close-mapping.ts";
export { closeMapping } from "./close-mapping.ts";
export { linuxMappings } from "./linux-mappings.ts";
export type { BlockFacts, ReleaseFailures } from "../block-device.ts";
export type { KeepCommand, Kept, KeepTable, MappingSys } from "./mapping-sys.ts";
export type {
	CommandRequest,
	MappingBeneath,
	MappingRequest,
	OpenMapping,
	TableRequest,
} from "./open-mapping.ts";
export { openCommand, openTable } from "./open-mapping.ts";
