import { binding } from "./binding.ts";
import { Fd, type FdLike, fdNumber } from "./fd.ts";
import { checked } from "./errno.ts";

/** The most descriptors that one message carries. Source: `SCM_MAX_FD`, net/scm.h. */
export const maxFdsPerMessage = 253;

/** In the flags of a received message: descriptors were cut off (no room, no free number, or an LSM's refusal). */
export const MSG_CTRUNC = 0x08;
/** In the flags of a received message: bytes of a packet were cut off. */
export const MSG_TRUNC = 0x20;

/** Negative results of {@link sendmsg} and {@link recvmsg} that callers tell apart. Source: asm-generic/errno.h. */
export const EAGAIN = 11;
/** The other end is gone (writing). */
export const EPIPE = 32;
/** The other end is gone and left input unread. */
export const ECONNRESET = 104;
/** Too many descriptors of an unprivileged sender are in flight: as with `EAGAIN`, wait a moment. */
export const ETOOMANYREFS = 109;

/**
 * Sends one gathered message: `head[headStart..headEnd]`, then `tail` from `tailStart`.
 *
 * Never blocks, never throws for an errno and allocates nothing. Descriptors ride on the first byte.
 *
 * @param fds - The first `fdCount` of these are sent; they stay the caller's.
 * @returns Bytes taken, above 0: the descriptors are sent. Or -errno: nothing was sent, `-EAGAIN` for a full queue.
 */
export const sendmsg: (
	fd: number,
	head: Uint8Array,
	headStart: number,
	headEnd: number,
	tail: Uint8Array | undefined,
	tailStart: number,
	fds: Int32Array | undefined,
	fdCount: number,
) => number = binding.sendmsg;

/**
 * Receives into `into[start..end]`. Never blocks, never throws for an errno and allocates nothing.
 *
 * @param control - Becomes `[msg_flags, descriptor count, descriptor...]`; at least 255 elements. The descriptors are
 * close-on-exec and the caller's to close.
 * @returns Bytes, 0 at the end of the stream, or -errno.
 */
export const recvmsg: (
	fd: number,
	into: Uint8Array,
	start: number,
	end: number,
	control: Int32Array,
) => number = binding.recvmsg;

/**
 * Reads into `into[start..end]` without an exception for an errno: for pipes in non-blocking mode.
 *
 * @returns Bytes, 0 at the end, or -errno.
 */
export const read: (fd: number, into: Uint8Array, start: number, end: number) => number =
	binding.read;

/** A pair of connected `AF_UNIX` sockets, close-on-exec and non-blocking. */
export function socketpair(type: "stream" | "seqpacket"): [Fd, Fd] {
	const pair = new Int32Array(2);
	checked(binding.socketpair(socketTypes[type], pair), "socketpair");
	return [Fd.adopt(pair[0] as number), Fd.adopt(pair[1] as number)];
}

/**
 * A socket at a path, to which others connect. Close-on-exec and non-blocking; the path stays when it is closed.
 *
 * @param path - Fewer than 108 bytes. One in a directory that is open may be named by its descriptor: `/proc/self/fd/3/api`.
 * @throws {@link SysError} `EADDRINUSE` there is something at the path.
 *
 * Source: unix(7).
 */
export function listenUnix(type: "stream" | "seqpacket", path: string): Fd {
	return Fd.adopt(checked(binding.listenUnix(socketTypes[type], path, backlog), "bind", path));
}

/**
 * Connects to a socket at a path: close-on-exec and non-blocking.
 *
 * @throws {@link SysError} `ECONNREFUSED` nobody listens there; `EAGAIN` too many wait to be accepted.
 */
export function connectUnix(type: "stream" | "seqpacket", path: string): Fd {
	return Fd.adopt(checked(binding.connectUnix(socketTypes[type], path), "connect", path));
}

/**
 * The next of those who connected to a socket of {@link listenUnix}: close-on-exec and non-blocking. Undefined when nobody waits.
 *
 * @throws {@link SysError} `EMFILE` this process has no descriptor left.
 */
export function accept(listener: FdLike): Fd | undefined {
	const result = binding.accept(fdNumber(listener));
	return result === -EAGAIN ? undefined : Fd.adopt(checked(result, "accept"));
}

/**
 * A pipe, close-on-exec: [read end, write end].
 *
 * @param options - `nonBlocking` for both ends; a program that is to write into it wants a blocking one.
 */
export function pipe(options: { readonly nonBlocking?: boolean } = {}): [Fd, Fd] {
	const pair = new Int32Array(2);
	checked(binding.pipe(pair, options.nonBlocking ? O_NONBLOCK : 0), "pipe2");
	return [Fd.adopt(pair[0] as number), Fd.adopt(pair[1] as number)];
}

/** Puts a descriptor's open file into non-blocking mode, or back. The mode is shared by all its duplicates. */
export function setNonBlocking(fd: FdLike, nonBlocking: boolean): void {
	const flags = checked(binding.fcntl(fdNumber(fd), F_GETFL, 0), "fcntl");
	const wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	checked(binding.fcntl(fdNumber(fd), F_SETFL, wanted), "fcntl");
}

/** Whether a descriptor is inherited by programs that this process executes. */
export function setInheritable(fd: FdLike, inheritable: boolean): void {
	checked(binding.fcntl(fdNumber(fd), F_SETFD, inheritable ? 0 : FD_CLOEXEC), "fcntl");
}

/** The type of a socket, or undefined for a descriptor that is none. Source: `SO_TYPE`, socket(7). */
export function socketType(fd: FdLike): "stream" | "seqpacket" | "dgram" | undefined {
	const type = binding.getsockopt(fdNumber(fd), SOL_SOCKET, SO_TYPE);
	if (type === -ENOTSOCK) return undefined;
	checked(type, "getsockopt");
	return ({ 1: "stream", 2: "dgram", 5: "seqpacket" } as const)[type];
}

/**
 * Asks for larger buffers, as far as the kernel lets us: root is given what it asks for, others up to
 * `net.core.wmem_max`.
 */
export function setSocketBuffers(
	fd: FdLike,
	sizes: { readonly sendBytes?: number; readonly receiveBytes?: number },
): void {
	const number = fdNumber(fd);
	if (sizes.sendBytes !== undefined)
		setBuffer(number, SO_SNDBUFFORCE, SO_SNDBUF, sizes.sendBytes);
	if (sizes.receiveBytes !== undefined) {
		setBuffer(number, SO_RCVBUFFORCE, SO_RCVBUF, sizes.receiveBytes);
	}
}

/**
 * Forbids the other end to send descriptors (`SO_PASSRIGHTS=0`, Linux 6.16).
 *
 * @returns Whether this kernel can.
 */
export function refuseDescriptors(fd: FdLike): boolean {
	return binding.setsockopt(fdNumber(fd), SOL_SOCKET, SO_PASSRIGHTS, 0) === 0;
}

function setBuffer(fd: number, forced: number, asked: number, bytes: number): void {
	if (binding.setsockopt(fd, SOL_SOCKET, forced, bytes) < 0) {
		binding.setsockopt(fd, SOL_SOCKET, asked, bytes);
	}
}

// Source: bits/socket_type.h, asm-generic/socket.h, asm-generic/fcntl.h (the same on x86-64 and arm64).
const socketTypes = { stream: 1, seqpacket: 5 } as const;
const backlog = 128;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_PASSRIGHTS = 83;
const ENOTSOCK = 88;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0o4000;
