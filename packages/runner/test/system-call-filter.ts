/** One system call that the kernel answers itself, without doing it. */
export interface FilteredCall {
	/** Its number on this machine, by architecture. Source: asm/unistd_64.h, asm-generic/unistd.h. */
	readonly number: { readonly x64: number; readonly arm64: number };
	/** The argument that it is recognised by, from 0, and its value: the lower 32 bits are compared. */
	readonly argument: number;
	readonly value: number;
	/** The error number that it fails with; 0: it succeeds. */
	readonly errno: number;
}

/**
 * A seccomp filter: a real kernel that answers as one does that tests cannot have, to one process and its children.
 *
 * Shape: `struct sock_filter[]`, as `bwrap --seccomp FD` takes it. Source: linux/filter.h, linux/seccomp.h, seccomp(2).
 */
export function systemCallFilter({ number, argument, value, errno }: FilteredCall): Uint8Array {
	const own = process.arch === "arm64" ? number.arm64 : number.x64;
	return Buffer.concat([
		instruction(BPF_LD_W_ABS, 0), // nr
		instruction(BPF_JMP_JEQ_K, own, 0, 3),
		instruction(BPF_LD_W_ABS, 16 + 8 * argument), // args[argument]
		instruction(BPF_JMP_JEQ_K, value, 0, 1),
		instruction(BPF_RET_K, SECCOMP_RET_ERRNO | errno),
		instruction(BPF_RET_K, SECCOMP_RET_ALLOW),
	]);
}

/** A command that starts another one beneath a filter: what stands before its own argv. */
export function beneathFilter(filterFile: string): string[] {
	const script = 'exec bwrap --dev-bind / / --cap-add ALL --seccomp 9 -- "$@" 9<"$0"';
	return ["sh", "-c", script, filterFile];
}

function instruction(code: number, k: number, ifTrue = 0, ifFalse = 0): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeUInt16LE(code, 0);
	bytes.writeUInt8(ifTrue, 2);
	bytes.writeUInt8(ifFalse, 3);
	bytes.writeUInt32LE(k, 4);
	return bytes;
}

const BPF_LD_W_ABS = 0x20;
const BPF_JMP_JEQ_K = 0x15;
const BPF_RET_K = 0x06;
const SECCOMP_RET_ERRNO = 0x5_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;
