import { describe, test } from "vitest";
import { bwrapArguments, type SandboxPlan } from "../src/bwrap-arguments.ts";

const plan: SandboxPlan = {
	root: "/",
	tree: "/work/tree",
	devices: "/dev/.stage",
	execChecked: "/opt/exec-checked",
	capabilities: (1n << 0n) | (1n << 7n),
	argumentsFile: "/dev/.arguments.json",
	kernelFiles: {
		readOnly: ["/proc/irq"],
		emptyFiles: ["/proc/kcore"],
		emptyFolders: ["/sys/firmware"],
	},
	kernelMounts: ["/work/tree/proc"],
	mounts: [{ from: "/dev/.mounts/boot", to: "/run/devhost/mounts/boot" }],
};

describe("bwrapArguments", () => {
	test("asks for every namespace, a read-only root and nothing of the host's /dev", ({
		expect,
	}) => {
		expect(bwrapArguments(plan).join(" ")).toBe(
			"--unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try " +
				"--hostname devhost --new-session --die-with-parent --ro-bind / / --proc /proc " +
				"--ro-bind /proc/sys /proc/sys --ro-bind-try /proc/irq /proc/irq " +
				"--dev-bind /dev/null /proc/kcore --perms 0555 --tmpfs /sys/firmware " +
				"--dev-bind /dev/.stage /dev --perms 1777 --tmpfs /dev/shm " +
				"--perms 1777 --tmpfs /tmp --perms 1777 --tmpfs /var/tmp " +
				"--tmpfs /run --dir /run/devhost/mounts --bind /dev/.mounts/boot /run/devhost/mounts/boot --bind /work/tree /run/devhost/tree " +
				"--ro-bind-try /work/tree/proc /run/devhost/tree/proc " +
				"--ro-bind /opt/exec-checked /run/devhost/exec-checked " +
				"--ro-bind /dev/.arguments.json /run/devhost/arguments.json --chdir /run/devhost/tree " +
				"--cap-drop ALL --cap-add CAP_CHOWN --cap-add CAP_SETUID " +
				"--clearenv",
		);
	});

	test("gives a build tree the kernel's /sys, after the root that it stands on", ({ expect }) => {
		const args = bwrapArguments({ ...plan, root: "/srv/build tree" });

		const text = args.join("\n");
		expect(text).toContain("--ro-bind\n/srv/build tree\n/\n--ro-bind\n/sys\n/sys\n");
	});

	test.for([
		["the devices", { devices: "/dev\0--bind\0/\0/" }],
		["the tree", { tree: "/a\0b" }],
		["the root", { root: "/a\0b" }],
	] as const)("refuses a NUL in %s, which would begin an option", ([, change], { expect }) => {
		expect(() => bwrapArguments({ ...plan, ...change })).toThrow(TypeError);
	});
});
