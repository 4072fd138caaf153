/**
 * Calls, binary data and file descriptors between a host and its service processes.
 *
 * @packageDocumentation
 */
export { recycleBlob } from "./blob-pool.ts";
export { Channel, type Receiver } from "./channel.ts";
export { Client, type ClientOptions } from "./client.ts";
export { errorBody } from "./error-body.ts";
export {
	type ErrorBody,
	isRemoteError,
	isRpcError,
	RemoteError,
	RpcError,
	type RpcErrorCode,
	ServiceError,
	type ServiceErrorFields,
} from "./error.ts";
export { FdSet } from "./fd-set.ts";
export type { Hello, Message, MessageType, OutgoingMessage } from "./message.ts";
export { type CallOptions, type CallSignal, Reply } from "./pending-call.ts";
export { type Extras, reply, type ReplyWithExtras } from "./reply.ts";
export { serve, type ServeOptions } from "./serve.ts";
export type { HandlerCall } from "./served-call.ts";
export {
	type ConnectionEnd,
	type Handler,
	ServiceConnection,
	type ServiceDefinition,
} from "./service-connection.ts";
export { Service, ServiceManager, type ServiceManagerOptions } from "./service-manager.ts";
export { serviceEnvironment, type ServiceOptions } from "./service-process.ts";
