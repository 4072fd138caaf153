import type { FdLike } from "@devhost/linux";
import type { FdSet } from "./fd-set.ts";

/** Service → host, its first frame: {@link Hello}. */
export const HELLO = 1;
/** Host → service, its first frame, after HELLO: {@link Welcome}. */
export const WELCOME = 2;
/** Host → service: `[method, params]`, or `[method]` without parameters. `arg`: ms left, 0 for no deadline. */
export const CALL = 3;
/** Service → host, ends a call: the value; no body for no value. */
export const RESULT = 4;
/** Service → host, ends a call: an error object. With id 0, after BYE: closing failed. */
export const ERROR = 5;
/** Service → host, during a call: `[name, value]`. Costs credit. */
export const SIGNAL = 6;
/** Host → service: the caller no longer waits. RESULT or ERROR still ends the call. */
export const CANCEL = 7;
/** Host → service: `arg` more bytes of signals may be sent for this call. */
export const CREDIT = 8;
/** Both ways: the same frame comes back with {@link flagAnswer}. */
export const PING = 9;
/** Host → service: close everything and end. Service → host: done, nothing comes after this. */
export const BYE = 10;

/** The type of a frame. */
export type MessageType = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** The names of the frame types, for error messages. */
export const messageNames: readonly string[] = [
	"0",
	"HELLO",
	"WELCOME",
	"CALL",
	"RESULT",
	"ERROR",
	"SIGNAL",
	"CANCEL",
	"CREDIT",
	"PING",
	"BYE",
];

/** Flag of a frame that has a blob, perhaps an empty one: absent and empty are different things. */
export const flagBlob = 1;
/** Flag of a PING that answers one. */
export const flagAnswer = 2;

/** The protocol versions that this package speaks, oldest and newest. */
export const protocolRange: readonly [oldest: number, newest: number] = [1, 1];

/** What a service says of itself before anything else. */
export interface Hello {
	/** Oldest and newest protocol version that it speaks. */
	readonly protocol: readonly [oldest: number, newest: number];
	/** Name of its module, such as `"devhost.loopback"`. */
	readonly module: string;
	/** Version of its module. */
	readonly version: string;
	/** Its process id, as it sees it. */
	readonly pid: number;
	/** JSON Schema of its options. */
	readonly schema?: unknown;
	/** What it can do beyond its module's first version. */
	readonly capabilities?: readonly string[];
}

/** The host's answer to {@link Hello}. */
export interface Welcome {
	/** The protocol version that both speak from here on. */
	readonly protocol: number;
	/** Errors are to carry their stack. */
	readonly stacks?: boolean;
}

/** A message as it arrived. */
export interface Message {
	readonly type: MessageType;
	/** The call that it belongs to; 0 for none. */
	readonly id: number;
	/** Type-specific: see the types. */
	readonly arg: number;
	readonly flags: number;
	/** The decoded body; undefined when the frame has none. */
	readonly value: unknown;
	/** Raw bytes; undefined when the frame has none. Give them to {@link recycleBlob} or leave them to the collector. */
	readonly blob: Uint8Array | undefined;
	/** Descriptors: the receiver closes the set. */
	readonly fds: FdSet;
	/** Bytes of the whole frame. */
	readonly frameBytes: number;
}

/** A message to be sent. */
export interface OutgoingMessage {
	readonly type: MessageType;
	/** @default 0 */
	readonly id?: number;
	/** @default 0 */
	readonly arg?: number;
	/** Flags beside {@link flagBlob}. @default 0 */
	readonly flags?: number;
	/** The body; undefined for none. */
	readonly value?: unknown;
	/** Sent as it is, not copied: it must not change before it is sent. */
	readonly blob?: Uint8Array | undefined;
	/** At most 253. They stay the sender's, and may be closed as soon as `send` has returned, unless they move. */
	readonly fds?: readonly FdLike[] | undefined;
	/** The descriptors belong to the channel from here on: it closes them, also when sending fails. @default false */
	readonly movesFds?: boolean;
	/** The blob belongs to the channel from here on: it recycles a received one. @default false */
	readonly movesBlob?: boolean;
}
