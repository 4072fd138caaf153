/**
 * Where devices are opened and stages run: `native` on this machine's kernel, which needs root; `uml` in a guest kernel, User
 * Mode Linux, which does not; `auto` on the first of them that works for the manifest.
 */
export type BackendName = (typeof backendNames)[number];

/** Every {@link BackendName}. */
export const backendNames = ["auto", "native", "uml"] as const;

/** The guest that a run boots where this machine's kernel does not do. */
export interface GuestOptions {
	/** Its memory in bytes, taken from this machine as it is used. @default 2 GiB */
	readonly memoryBytes?: number | undefined;
	/** Milliseconds that booting may take. @default 60,000 */
	readonly bootTimeoutMs?: number | undefined;
	/** Path of its kernel. @default looked for */
	readonly kernel?: string | undefined;
	/** The folder of its modules, with `modules.dep`. @default looked for, by the kernel's release */
	readonly modules?: string | undefined;
}
