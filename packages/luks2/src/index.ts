/**
 * Unlocked LUKS2 containers as block devices, and a reader of LUKS2 headers.
 *
 * @packageDocumentation
 */
export { linuxLuks } from "./linux-luks.ts";
export type { FileFacts, Handle, LuksSys } from "./luks.ts";
export { luks2 } from "./luks2.ts";
export type { KeyDerivation, KeySlot, Metadata, Segment, Token } from "./metadata.ts";
export { type Luks2Options, parseLuks2Options, type Unlocking } from "./options.ts";
export { type FoundHeader, type Luks2Header, type ReadAt, readHeader } from "./read-header.ts";
