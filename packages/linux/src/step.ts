/** A step that a child takes before it executes its program, as native/process.c numbers them. */
export const stepKinds = {
	unshare: 0,
	setns: 1,
	mount: 2,
	mkdir: 3,
	cloneMount: 4,
	attach: 5,
	open: 6,
	mknod: 7,
	symlink: 8,
	chdir: 9,
	setsid: 10,
	parentDeathSignal: 11,
	capabilityBound: 12,
	reserveFds: 13,
} as const;

/** Numbers and strings of one step; what they mean is said beside the kinds in native/process.c. */
export interface Step {
	readonly kind: keyof typeof stepKinds;
	readonly numbers?: readonly number[];
	readonly strings?: readonly (string | undefined)[];
	/** For the error: the system call that this step is. */
	readonly syscall: string;
	/** For the error. */
	readonly path?: string;
}

/** Steps in the form that the addon takes. */
export function encodeSteps(steps: readonly Step[]): {
	numbers: Int32Array;
	strings: (string | null)[];
} {
	const numbers = new Int32Array(steps.length * 4);
	const strings: (string | null)[] = [];
	for (const [index, step] of steps.entries()) {
		numbers[index * 4] = stepKinds[step.kind];
		for (let i = 0; i < 3; i++) numbers[index * 4 + 1 + i] = step.numbers?.[i] ?? 0;
		for (let i = 0; i < 4; i++) strings.push(step.strings?.[i] ?? null);
	}
	return { numbers, strings };
}
