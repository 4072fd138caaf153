import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { describeAsRoot } from "@devhost/tools/testing";
import { executable, megabyte, mountsIn, type Place } from "../service/place.ts";
import { difference, refusal, schemaOf } from "./difference.ts";

/** A loop device with a new file system on it. */
async function device(
	place: Place,
	{
		maker = ["mkfs.ext4", "-q"],
		sizeBytes = 16 * megabyte,
		prepare = () => {},
	}: {
		readonly maker?: readonly string[];
		readonly sizeBytes?: number;
		/** Changes the image. */
		readonly prepare?: (image: string) => void;
	} = {},
): Promise<string> {
	const image = place.image("root.img", sizeBytes);
	const [program = "", ...argv] = maker;
	execFileSync(program, [...argv, image], { stdio: "pipe" });
	prepare(image);
	const host = await place.start([executable("loopback")], "device/disk");
	const { reply } = await host.call("open", place.open({ filename: "root.img" }));
	return join(place.dev, (reply as { path: string }).path);
}

const ext4 = "org.osbuild.ext4";

describeAsRoot("mounts", () => {
	difference("mount-target-dots", {
		async devhost({ side, place, expect }) {
			const { answer } = await side.mount(ext4, await device(place), "/../beside");
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_FILE: /));
			expect(existsSync(join(place.folder, "beside"))).toBe(false);
		},
		async osbuild({ side, place, expect }) {
			const { answer } = await side.mount(ext4, await device(place), "/../beside");
			expect(answer).toMatchObject({ type: "reply" });
			expect(mountsIn(join(place.folder, "beside"))).toHaveLength(1);
		},
	});

	/** A directory of mounts with a link that leads out of it, as an image may have. */
	const linked = (place: Place): void => {
		mkdirSync(place.root);
		mkdirSync(join(place.folder, "host"));
		symlinkSync(join(place.folder, "host"), join(place.root, "boot"));
	};

	difference("mount-target-link", {
		async devhost({ side, place, expect }) {
			linked(place);
			const { answer } = await side.mount(ext4, await device(place), "/boot");
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_FILE: /));
			expect(mountsIn(join(place.folder, "host"))).toEqual([]);
		},
		async osbuild({ side, place, expect }) {
			linked(place);
			const { host, answer } = await side.mount(ext4, await device(place), "/boot");
			expect(answer).toMatchObject({ type: "reply" });
			const { status } = await host.stop();
			// It is still there: the path is a link, and no mount.
			expect(mountsIn(join(place.folder, "host"))).toHaveLength(1);
			execFileSync("umount", [join(place.folder, "host")]);
			expect(status).toBe(0);
		},
	});

	difference("mount-target-relative", {
		async devhost({ side, place, expect }) {
			const { answer } = await side.mount(ext4, await device(place), "boot");
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_FILE: .*absolute/));
		},
		async osbuild({ side, place, expect }) {
			const { answer } = await side.mount(ext4, await device(place), "boot");
			expect(answer).toMatchObject({ reply: join(place.root, "boot") });
		},
	});

	difference("mount-flags", {
		async devhost({ side, place, expect }) {
			await side.mount(ext4, await device(place), "/");
			expect(mountsIn(place.root)[0]).toMatch(/ ext4 rw,nosuid,nodev[, ]/);
		},
		async osbuild({ side, place, expect }) {
			await side.mount(ext4, await device(place), "/");
			expect(mountsIn(place.root)[0]).not.toMatch(/nosuid|nodev/);
		},
	});

	/** As a crash leaves it. */
	const unclean = {
		prepare(image: string): void {
			execFileSync("debugfs", ["-w", "-R", "feature +needs_recovery", image], {
				stdio: "pipe",
			});
		},
	};

	difference("mount-journal", {
		async devhost({ side, place, expect }) {
			const source = await device(place, unclean);
			const { answer } = await side.mount(ext4, source, "/", { readonly: true });
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_REQUIREMENT: /));
		},
		async osbuild({ side, place, expect }) {
			const source = await device(place, unclean);
			const { answer } = await side.mount(ext4, source, "/", { readonly: true });
			expect(answer).toMatchObject({ type: "reply" });
			// The mark is gone: it was written to.
			expect(
				execFileSync("dumpe2fs", ["-h", source], { stdio: "pipe" }).toString(),
			).not.toContain("needs_recovery");
		},
	});

	const btrfs = { maker: ["mkfs.btrfs", "-q"], sizeBytes: 128 * megabyte };

	difference("mount-option-comma", {
		async devhost({ side, place, expect }) {
			const { answer } = await side.mount(
				"org.osbuild.btrfs",
				await device(place, btrfs),
				"/",
				{
					subvol: "/,noatime",
				},
			);
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_OPTIONS: .*subvol/));
		},
		async osbuild({ side, place, expect }) {
			const { answer } = await side.mount(
				"org.osbuild.btrfs",
				await device(place, btrfs),
				"/",
				{
					subvol: "/,noatime",
				},
			);
			expect(answer).toMatchObject({ type: "reply" });
			expect(mountsIn(place.root)[0]).toContain("noatime");
		},
	});

	difference("mount-compress", {
		async devhost({ side, place, expect }) {
			const { answer } = await side.mount(
				"org.osbuild.btrfs",
				await device(place, btrfs),
				"/",
				{
					compress: "yes",
				},
			);
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_OPTIONS: .*compress/));
		},
		osbuild({ expect }) {
			expect(schemaOf("mounts/org.osbuild.btrfs").properties["compress"]).toEqual({
				type: "string",
			});
		},
	});

	difference("mount-twice", {
		async devhost({ side, place, expect }) {
			const source = await device(place);
			const { host } = await side.mount(ext4, source, "/");
			const second = await host.call("mount", place.mount(source, "/boot"));
			expect(second).toMatchObject(refusal(expect, /^ERR_DEVICE_NAME: /));
			await host.stop();
			expect(mountsIn(place.root)).toEqual([]);
		},
		async osbuild({ side, place, expect }) {
			const source = await device(place);
			const { host } = await side.mount(ext4, source, "/");
			const second = await host.call("mount", place.mount(source, "/boot"));
			expect(second).toMatchObject({ type: "reply" });
			await host.stop();
			expect(mountsIn(place.root)).toHaveLength(1);
			execFileSync("umount", [place.root]);
		},
	});

	/** A process that stays in a directory until its standard input ends. */
	const stayIn = async (folder: string): Promise<{ leave(): Promise<void> }> => {
		const child = spawn("sh", ["-c", 'cd "$1" && echo in && cat', "sh", folder], {
			stdio: ["pipe", "pipe", "inherit"],
		});
		await once(child.stdout, "data");
		return {
			async leave() {
				child.stdin.end();
				await once(child, "close");
			},
		};
	};

	difference("mount-busy", {
		async devhost({ side, place, expect }) {
			const { host } = await side.mount(ext4, await device(place), "/");
			const guest = await stayIn(place.root);
			const { status, output } = await host.stop();
			await guest.leave();
			expect(status).toBe(1);
			expect(output).toMatch(/\nERR_DEVICE_BUSY: .*\bcat\b/);
			execFileSync("umount", [place.root]);
		},
		async osbuild({ side, place, expect }) {
			const { host } = await side.mount(ext4, await device(place), "/");
			const guest = await stayIn(place.root);
			const { status, output } = await host.stop();
			await guest.leave();
			expect(status).toBe(1);
			expect(output).toContain("target is busy");
			expect(output).not.toMatch(/\bcat\b/);
			execFileSync("umount", [place.root]);
		},
	});

	const bound = (place: Place): void => {
		mkdirSync(join(place.root, "data/inner"), { recursive: true });
		writeFileSync(join(place.root, "data/outer-file"), "");
		writeFileSync(join(place.root, "data/inner/inner-file"), "");
		mkdirSync(join(place.tree, "sub/inner"), { recursive: true });
	};
	const bind = "org.osbuild.bind";

	difference("mount-bind-path", {
		async devhost({ side, place, expect }) {
			bound(place);
			const { answer } = await side.mount(bind, null, "tree://", {
				source: "mount://data/inner",
			});
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_OPTIONS: .*source/));
		},
		async osbuild({ side, place, expect }) {
			bound(place);
			const { host, answer } = await side.mount(bind, null, "tree://", {
				source: "mount://data/inner",
			});
			expect(answer).toMatchObject({ type: "reply" });
			expect(existsSync(join(place.tree, "outer-file"))).toBe(true);
			await host.stop();
		},
	});

	difference("mount-bind-source", {
		async devhost({ side, place, expect }) {
			bound(place);
			const { answer } = await side.mount(bind, null, "tree://", { source: "tree://sub" });
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_OPTIONS: .*source/));
		},
		async osbuild({ side, place, expect }) {
			bound(place);
			const { host, answer } = await side.mount(bind, null, "tree://", {
				source: "tree://sub",
			});
			expect(answer).toMatchObject({ type: "reply" });
			await host.stop();
		},
	});

	difference("mount-bind-target", {
		async devhost({ side, place, expect }) {
			bound(place);
			const { host } = await side.mount(bind, null, "tree://sub/inner", {
				source: "mount://data",
			});
			expect(existsSync(join(place.tree, "sub/inner/outer-file"))).toBe(true);
			expect(await host.stop()).toMatchObject({ status: 0 });
		},
		async osbuild({ side, place, expect }) {
			bound(place);
			const { host } = await side.mount(bind, null, "tree://sub/inner", {
				source: "mount://data",
			});
			expect(existsSync(join(place.tree, "sub/outer-file"))).toBe(true);
			await host.stop();
		},
	});

	difference("mount-bind-shared", {
		async devhost({ side, place, expect }) {
			await side.mount(ext4, await device(place), "/data");
			const { host } = await side.mount(bind, null, "tree://", { source: "mount://" });
			expect(await host.stop()).toMatchObject({ status: 0 });
			expect(mountsIn(join(place.root, "data"))).toHaveLength(1);
		},
		async osbuild({ side, place, expect }) {
			await side.mount(ext4, await device(place), "/data");
			const { host } = await side.mount(bind, null, "tree://", { source: "mount://" });
			expect(await host.stop()).toMatchObject({ status: 0 });
			expect(mountsIn(join(place.root, "data"))).toEqual([]);
		},
	});

	for (const [id, type] of [
		["mount-ostree", "org.osbuild.ostree.deployment"],
		["mount-ddi", "org.osbuild.ddi"],
	] as const) {
		difference(id, {
			async devhost({ side, place, expect }) {
				const { answer } = await side.mount(type, null, "/");
				expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_TYPE: /));
				expect(mountsIn(place.root)).toEqual([]);
			},
			osbuild({ expect }) {
				expect(Object.keys(schemaOf(`mounts/${type}`).properties)).not.toEqual([]);
			},
		});
	}
});
