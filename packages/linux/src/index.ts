/**
 * The few Linux system calls that Node lacks, without policy.
 *
 * @packageDocumentation
 */
export { execCheckedPath, keepMappingPath } from "./binding.ts";
export { LinuxError, type LinuxErrorCode, isLinuxError } from "./error.ts";
export { SysError, errnoName, isSysError } from "./errno.ts";
export { Fd, type FdLike, closeFd, fdNumber, isOpenFd, reserveFds } from "./fd.ts";
export * from "./socket.ts";
export { Poller, READABLE, WRITABLE } from "./poller.ts";
export { type IoctlCall, type IoctlPointer, ioctl, ioctlAsync } from "./ioctl.ts";
export { type BatchCall, performInOrder } from "./batch.ts";
export * from "./file.ts";
export * from "./mount.ts";
export { KernelLog } from "./kernel-log.ts";
export * from "./process.ts";
export * from "./capability.ts";
export * from "./block.ts";
export * from "./loop.ts";
export * from "./keyring.ts";
export {
	type DmName,
	type DmStatus,
	type DmTarget,
	maxDmNameBytes,
	maxDmUuidBytes,
} from "./dm-struct.ts";
export * from "./device-mapper.ts";
export {
	type KeepCommandOptions,
	keepCommand,
	type KeptCommand,
	type KeptOutput,
} from "./keep-command.ts";
export type { KeeperFailure, KeeperOptions, KeeperResult, KeptMapping } from "./keeper.ts";
export { type KeepTableOptions, MappingKeeper } from "./mapping-keeper.ts";
export { OutputReader } from "./output-reader.ts";
