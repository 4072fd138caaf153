import { RpcError } from "./error.ts";
import { type Header, headerBytes, mayCarry, writeHeader } from "./frame.ts";
import { maxBlobBytes, maxFrameFds } from "./limits.ts";
import { flagBlob, type OutgoingMessage } from "./message.ts";
import { encodeBuffer, encodeMsgpack } from "./msgpack-encode.ts";

/** Where {@link encodeFrame} left header and body: valid until the next call of it. */
export interface EncodedFrame {
	bytes: Buffer;
	/** Of all of `bytes`. */
	view: DataView;
	start: number;
	end: number;
}

/**
 * Encodes a message's header and body. The blob is sent from where it is.
 *
 * @param sequence - The frame's number.
 * @throws TypeError for a body that would not arrive as it is.
 * @throws {@link RpcError} `ERR_RPC_LIMIT` for what the other side has to refuse.
 */
export function encodeFrame(message: OutgoingMessage, sequence: number): EncodedFrame {
	const { blob, value } = message;
	header.fdCount = message.fds === undefined ? 0 : message.fds.length;
	header.blobBytes = blob === undefined ? 0 : blob.byteLength;
	header.flags = (message.flags ?? 0) | (blob === undefined ? 0 : flagBlob);
	header.type = message.type;
	header.id = message.id ?? 0;
	header.arg = message.arg ?? 0;
	if ((header.fdCount > 0 || blob !== undefined) && !mayCarry(message.type)) {
		throw new TypeError("only calls, results and signals carry descriptors and blobs");
	}
	checkSize("descriptors", header.fdCount, maxFrameFds);
	checkSize("bytes of blob", header.blobBytes, maxBlobBytes);

	if (value === undefined) {
		frame.bytes = bodiless;
		frame.view = bodilessView;
		frame.start = 0;
		frame.end = headerBytes;
	} else {
		frame.end = encodeMsgpack(value, headerBytes);
		const { bytes, view } = encodeBuffer();
		frame.bytes = bytes;
		frame.view = view;
		frame.start = 0;
	}
	header.bodyBytes = frame.end - frame.start - headerBytes;
	writeHeader(frame.view, frame.start, header, sequence);
	return frame;
}

function checkSize(what: string, size: number, most: number): void {
	if (size > most) throw new RpcError("ERR_RPC_LIMIT", `${size} ${what}, ${most} are allowed`);
}

const bodiless = Buffer.alloc(headerBytes);
const bodilessView = new DataView(bodiless.buffer, bodiless.byteOffset, headerBytes);
const frame: EncodedFrame = { bytes: bodiless, view: bodilessView, start: 0, end: 0 };
const header: Header = { bodyBytes: 0, blobBytes: 0, id: 0, type: 1, flags: 0, fdCount: 0, arg: 0 };
