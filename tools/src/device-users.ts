import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";

/** A device that somebody is to use. */
export interface UsedDevice {
	/** Its node, which may be removed meanwhile. */
	readonly path: string;
	/** A node that stays. */
	readonly sparePath: string;
	/** Where file systems on it may be mounted: made when it is missing. */
	readonly mountPoint: string;
	/** As the kernel calls it: `loop3`. */
	readonly name: string;
}

/** Somebody who uses a device until told otherwise, or until this process ends. */
export interface DeviceUser {
	/** How a message has to name it: source of an expression. */
	readonly named: string;
	letGo(): Promise<void>;
}

/** A way to use a device. */
interface Use {
	/** A shell's: prints a line when it has begun, and ends with its descriptor 3. */
	readonly script: string;
	/** @default false */
	readonly inOwnNamespace?: boolean;
	/** See {@link DeviceUser.named}. `said`: the line that was printed. */
	readonly named: (
		user: { readonly pid: number; readonly said: string },
		device: UsedDevice,
	) => string;
}

const untilTold = "read -r end <&3 || true";

function processWith(pid: string | number, { name }: UsedDevice): string {
	return `pid ${pid} \\(sh\\) with /(\\S+/)?${name}( \\(deleted\\))? open`;
}

/** Everything that keeps a block device from going, by what it is. */
const uses = {
	"a process that has it open": {
		script: `exec 5<"$DEVICE"; echo; ${untilTold}`,
		named: ({ pid }, device) => processWith(pid, device),
	},
	"a process that is stopped": {
		script:
			`exec 5<"$DEVICE"; (until grep -q "State:.T" /proc/$$/status; do sleep 0.01; done; echo) 5<&- & ` +
			`kill -STOP $$; ${untilTold}`,
		named: ({ pid }, device) => processWith(pid, device),
	},
	"a daemon whose parent has ended": {
		script: `setsid sh -c 'exec 5<"$DEVICE"; echo $$; ${untilTold}' &`,
		named: ({ said }, device) => processWith(said, device),
	},
	"a mount here": {
		script: `mke2fs -qF "$DEVICE"; mount -t ext2 "$DEVICE" "$PLACE"; trap 'umount "$PLACE"' EXIT; echo; ${untilTold}`,
		named: (_, { mountPoint }) =>
			`a mount at ${mountPoint} in ${namespaceOf("self")} \\(of pid \\d+, \\S+\\)`,
	},
	"a mount in another namespace": {
		script: `mke2fs -qF "$DEVICE"; mount -t ext2 "$DEVICE" "$PLACE"; echo; ${untilTold}`,
		inOwnNamespace: true,
		named: ({ pid }, { mountPoint }) =>
			`a mount at ${mountPoint} in ${namespaceOf(pid)} \\(of pid ${pid}, sh\\)`,
	},
	swap: {
		script: `mkswap -q "$DEVICE"; swapon "$DEVICE"; trap 'swapoff "$SPARE"' EXIT; echo; ${untilTold}`,
		named: (_, { name }) => `swap space /(\\S+/)?${name}( \\(deleted\\))?`,
	},
	"another mapping": {
		script:
			`dmsetup create upper-$$ --table "0 8 linear $DEVICE 0"; trap 'dmsetup remove upper-$$' EXIT; ` +
			`echo "dm-$(dmsetup info -c --noheadings -o minor upper-$$)"; ${untilTold}`,
		named: ({ said }) => `device ${said}`,
	},
	"another loop device": {
		script: `L=$(losetup -f --show "$DEVICE"); trap 'losetup -d "$L"' EXIT; echo "\${L##*/}"; ${untilTold}`,
		named: ({ said }) => `device ${said}`,
	},
} satisfies Record<string, Use>;

/** What somebody may be who uses a device. */
export type DeviceUseName = keyof typeof uses;

/** Everything that keeps a block device from going. */
export const deviceUses: readonly DeviceUseName[] = Object.keys(uses) as DeviceUseName[];

/** Has a program use a device of a megabyte or more, and returns when it does. */
export async function useDevice(name: DeviceUseName, device: UsedDevice): Promise<DeviceUser> {
	const { script, inOwnNamespace = false, named }: Use = uses[name];
	mkdirSync(device.mountPoint, { recursive: true });
	const enter = inOwnNamespace ? ["--mount"] : [];
	const child = spawn("unshare", [...enter, "sh", "-ec", script], {
		env: {
			PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
			DM_DISABLE_UDEV: "1",
			DEVICE: device.path,
			SPARE: device.sparePath,
			PLACE: device.mountPoint,
		},
		// Not by its standard input, which Node closes when it ends, and a daemon goes on.
		stdio: ["ignore", "pipe", "inherit", "pipe"],
	});
	// Also that of a daemon.
	const closed = once(child, "close");
	const { pid, stdout, stdio } = child;
	if (pid === undefined || stdout === null) throw new Error(`${name}: it has not begun`);
	const next = await createInterface({ input: stdout })[Symbol.asyncIterator]().next();
	if (next.done === true) throw new Error(`${name}: it has ended`);
	return {
		named: named({ pid, said: next.value }, device),
		async letGo() {
			child.kill("SIGCONT");
			(stdio[3] as Writable).end();
			await closed;
		},
	};
}

/** As an expression. */
function namespaceOf(pid: number | "self"): string {
	return readlinkSync(`/proc/${pid}/ns/mnt`).replace(/[[\]]/g, "\\$&");
}
