import { RpcError } from "./error.ts";
import {
	BYE,
	CALL,
	flagAnswer,
	flagBlob,
	messageNames,
	type MessageType,
	PING,
	RESULT,
	SIGNAL,
} from "./message.ts";
import { maxBlobBytes, maxBodyBytes, maxFrameFds } from "./limits.ts";

/**
 * The header that begins each frame of the msgpack dialect.
 *
 * Shape, little-endian, 24 bytes: `u32 bodyBytes, u32 blobBytes, u32 id, u8 type, u8 flags, u16 fdCount, u32 arg,
 * u32 sequence`. The body and the blob follow.
 */
export const headerBytes = 24;

/** A header that was read and checked; one object per connection is used again and again. */
export interface Header {
	bodyBytes: number;
	blobBytes: number;
	id: number;
	type: MessageType;
	flags: number;
	fdCount: number;
	arg: number;
}

/** Writes a header at `at`. */
export function writeHeader(view: DataView, at: number, header: Header, sequence: number): void {
	view.setUint32(at, header.bodyBytes, true);
	view.setUint32(at + 4, header.blobBytes, true);
	view.setUint32(at + 8, header.id, true);
	view.setUint32(at + 12, header.type | (header.flags << 8) | (header.fdCount << 16), true);
	view.setUint32(at + 16, header.arg, true);
	view.setUint32(at + 20, sequence, true);
}

/**
 * Reads the header at `at` into `header`.
 *
 * @param sequence - The number that this frame must have.
 * @throws {@link RpcError} `ERR_RPC_PROTOCOL` or `ERR_RPC_LIMIT` when it cannot be one.
 */
export function readHeader(view: DataView, at: number, header: Header, sequence: number): void {
	const found = view.getUint32(at + 20, true);
	const kind = view.getUint32(at + 12, true);
	header.bodyBytes = view.getUint32(at, true);
	header.blobBytes = view.getUint32(at + 4, true);
	header.id = view.getUint32(at + 8, true);
	header.type = (kind & 0xff) as MessageType;
	header.flags = (kind >>> 8) & 0xff;
	header.fdCount = kind >>> 16;
	header.arg = view.getUint32(at + 16, true);
	if (found !== sequence) {
		throw protocol(
			`frame ${sequence} has sequence number ${found}: the streams are out of step`,
		);
	}
	if (header.type < 1 || header.type > BYE) {
		throw protocol(`frame ${sequence} has the unknown type ${header.type}`);
	}
	if (header.type > SIGNAL && header.bodyBytes > 0) {
		throw protocol(`frame ${sequence} (${messageNames[header.type]}) may not have a body`);
	}
	// The usual frame has neither flags nor descriptors nor a large body.
	if (kind >>> 8 !== 0 || header.blobBytes !== 0 || header.bodyBytes > maxBodyBytes) {
		checkExtras(header, sequence);
	}
}

function checkExtras(header: Header, sequence: number): void {
	const { type, flags, bodyBytes, blobBytes, fdCount } = header;
	const frame = `frame ${sequence} (${messageNames[type]})`;
	if (bodyBytes > maxBodyBytes) {
		throw limit(`${frame} has a body of ${bodyBytes} bytes, ${maxBodyBytes} are allowed`);
	}
	if (blobBytes > maxBlobBytes) {
		throw limit(`${frame} has a blob of ${blobBytes} bytes, ${maxBlobBytes} are allowed`);
	}
	if (fdCount > maxFrameFds) {
		throw limit(`${frame} has ${fdCount} descriptors, ${maxFrameFds} are allowed`);
	}
	const allowed = (mayCarry(type) ? flagBlob : 0) | (type === PING ? flagAnswer : 0);
	if ((flags & ~allowed) !== 0) throw protocol(`${frame} has flags 0x${flags.toString(16)}`);
	if (blobBytes > 0 && (flags & flagBlob) === 0)
		throw protocol(`${frame} has a blob without its flag`);
	if (fdCount > 0 && !mayCarry(type)) throw protocol(`${frame} may not carry descriptors`);
}

/** Whether frames of a type may have a blob and descriptors. */
export function mayCarry(type: MessageType): boolean {
	return type === CALL || type === RESULT || type === SIGNAL;
}

function protocol(message: string): RpcError {
	return new RpcError("ERR_RPC_PROTOCOL", message);
}

function limit(message: string): RpcError {
	return new RpcError("ERR_RPC_LIMIT", message);
}
