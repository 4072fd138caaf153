export { nowMs } from "./clock.ts";
export { deviceId, mountId } from "./device-id.ts";
export type { MountIdParts } from "./device-id.ts";
export { parseJsonDocument } from "./json-document.ts";
export type { DuplicateKey, JsonDocument, JsonPath } from "./json-document.ts";
export { JsonError } from "./json-error.ts";
export type { JsonErrorCode } from "./json-error.ts";
export { type JsonPosition, LineMap } from "./json-position.ts";
export { maxJsonNesting } from "./json-reader.ts";
export { isJsonObject, JsonNumber, toPlain } from "./json-value.ts";
export type { JsonObject, JsonValue } from "./json-value.ts";
export { parseJson } from "./json.ts";
export type { ParseJsonOptions } from "./json.ts";
export { pythonJson } from "./python-json.ts";
export { closestName } from "./closest-name.ts";
export type {
	DeviceDriver,
	DeviceNode,
	DeviceType,
	MountPlace,
	OpenContext,
	OpenDevice,
	ParentDevice,
	ParentRule,
} from "./driver.ts";
export { busyMessage, DeviceBusy, DeviceError, isDeviceError, isDeviceErrorCode } from "./error.ts";
export type { DeviceErrorCode, DeviceErrorOptions, DeviceProblem } from "./error.ts";
export { isDeviceName, pointerOf, prerequisitesOf, resolveGraph } from "./graph.ts";
export type {
	DeviceSpec,
	DeviceSpecs,
	DeviceTypes,
	ResolvedGraph,
	ResolveGraphOptions,
} from "./graph.ts";
export { describeHolder, otherHolders } from "./holder.ts";
export type { DeviceHolder, Holder, MountHolder, ProcessHolder, SwapHolder } from "./holder.ts";
export { jsonPointer } from "./json-pointer.ts";
export { mountKey, parseKey } from "./mount-key.ts";
export { parentsOf } from "./parents.ts";
export type { ParentNames } from "./parents.ts";
export type { DeviceCallOptions, DeviceCallReply, DeviceServiceClient } from "./device-client.ts";
export { DeviceManager } from "./device-manager.ts";
export type { DeviceEvent, DeviceManagerOptions } from "./device-manager.ts";
export { deviceService } from "./device-service.ts";
export type { DeviceService, DeviceServiceIdentity } from "./device-service.ts";
export { OpenDevices } from "./open-devices.ts";
export type { OpenedDevice } from "./open-devices.ts";
export type { OpenDevicesOptions } from "./opening.ts";
export { hasSecretOptions } from "./secret-schema.ts";
export type { SecretRequest, SecretSource } from "./secret/source.ts";
export { runDeviceService } from "./run-device-service.ts";
export type { DeviceServiceOptions } from "./run-device-service.ts";
export { identify, isPresent, waitForAbsence } from "./absence.ts";
export type { AbsenceOptions, BlockIdentity } from "./absence.ts";
export { findFileSystemHolders, findHolders, findHoldersOfEach } from "./find-holders.ts";
export type { FileSystemIdentity, FindHoldersOptions } from "./find-holders.ts";
export { causeFirst } from "./cause-first.ts";
export { fromSystemError } from "./system-error.ts";
export { abandoned } from "./abandoned.ts";
export { delay } from "./delay.ts";
export type { Handle } from "./handle.ts";
export {
	describeOption,
	type OptionProblem,
	type OptionTexts,
	refuseOptions,
} from "./option-problems.ts";
export { shown } from "./shown.ts";
export { loopTag, mappingTag, maxLoopTagBytes, maxMappingTagBytes } from "./tag.ts";
export { parseLoopTag, parseMappingTag } from "./tag.ts";
export type { DeviceTag } from "./tag.ts";
export { takeEvery, throwFailures } from "./take-every.ts";
export { type CloseTimeout, closeTimeoutOf, timeoutMsOf } from "./close-timeout.ts";
export { waitUntil } from "./wait-until.ts";
export type { WaitClock } from "./wait-until.ts";
