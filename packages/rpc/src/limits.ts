/**
 * What a peer may ask of this side. All limits are the receiver's: a peer that passes one ends the channel, never the
 * process. Each has the test "just under passes, just over ends the channel" in test/limits.test.ts.
 */

/**
 * Bytes of a frame's msgpack body. Bodies are descriptions of things; the things themselves are blobs or descriptors.
 * A body is decoded as a whole, while the event loop waits.
 */
export const maxBodyBytes: number = 2 ** 20;

/** Bytes of a frame's blob. What is larger is a file: pass its descriptor. A blob is received into one buffer. */
export const maxBlobBytes: number = 16 * 2 ** 20;

/** Descriptors of a frame. Source: `SCM_MAX_FD`, net/scm.h; the kernel refuses more in one message with `EINVAL`. */
export const maxFrameFds = 253;

/**
 * Descriptors that arrived and that no header has claimed yet. A correct peer never has more than one frame's worth
 * here; a wrong one could send 253 with each byte of a header.
 */
export const maxQueuedFds = 1024;

/**
 * Calls that a service works on at once. A host waits before it sends more, so that cancelling is always possible; a
 * service that is sent more stops reading until one has ended.
 */
export const maxCallsInFlight = 256;

/** Arrays and maps inside each other. Decoding recurses; 5,000 levels exhaust V8's stack. */
export const maxNesting = 64;

/**
 * Values in a body, each key, array, map and scalar counted once. Without it 1 MiB of empty maps becomes 64 MiB of heap
 * in 136 ms (measured); with it, 4 MiB.
 */
export const maxValues = 65_536;

/**
 * Credit of a call for signals at its start, in bytes: what a service may send ahead of a host that does not read.
 * With {@link minSignalCost} it is also 1,024 signals.
 */
export const signalWindowBytes: number = 256 * 1024;

/**
 * What a signal costs of the credit if its frame is smaller: 256 KiB of empty signals would be 10,000. With a window of 64
 * signals both sides took turns, at 160,000 signals a second instead of a million.
 */
export const minSignalCost = 256;

/** Signals of one call that wait for credit in the service. A handler that produces more has to wait for `ready()`. */
export const maxWaitingSignals = 4096;

/** Bytes that wait to be sent before `send` asks the sender to wait, by returning a promise. */
export const highWaterBytes: number = 2 ** 20;

/** Bytes that wait to be sent before `send` refuses: the sender did not wait, and memory is finite. */
export const maxUnsentBytes: number = 64 * 2 ** 20;

/**
 * Bytes that CANCEL, CREDIT, PING and BYE may take beyond it: that too many calls wait must not keep them from being
 * cancelled. All of them together need less, unless a peer asks for answers to its PINGs and does not read them.
 */
export const reservedUnsentBytes: number = 2 ** 20;

/** Bytes of a log line. A longer one is handed on in pieces of this size: a service may never write a newline. */
export const maxLogLineBytes: number = 64 * 1024;

/** Lines of a service's log that are kept for the error that tells of its end. */
export const keptLogLines = 20;

/**
 * Bytes of a JSON document of osbuild's dialect, whether in a packet or a file. osbuild itself has no limit; the longest that
 * it is known to send, lists of input files, have a few MiB. 32 MiB of empty lists become half a GiB of heap.
 */
export const maxDocumentBytes: number = 32 * 2 ** 20;

/** Arrays and objects inside each other in such a document. Python's own limit is near 1,000. */
export const maxDocumentNesting = 512;
