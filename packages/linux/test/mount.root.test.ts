import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import {
	createMount,
	type CreateMountOptions,
	KernelLog,
	mountId,
	MountError,
	OutputReader,
	pipe,
	setNonBlocking,
	spawn,
	syncfs,
} from "../src/index.ts";
import { describeAsRoot, descriptorCount, slowness } from "@devhost/tools/testing";

/** Runs the fixture in a mount namespace of its own, at a folder in which nothing else is. */
async function inNamespace(folder: string): Promise<unknown> {
	const [end, writer] = pipe();
	setNonBlocking(end, true);
	using output = new OutputReader(end, 65536);
	const child = spawn({
		file: process.execPath,
		argv: ["node", join(import.meta.dirname, "fixtures/mounts.ts"), folder],
		environment: {},
		fds: { 1: writer, 2: 2 },
		namespace: "new",
	});
	writer.close();
	if ((await child.exited).code !== 0) throw new Error("the fixture failed");
	return JSON.parse(new TextDecoder().decode(output.end()));
}

async function refusalOf(options: Partial<CreateMountOptions>): Promise<MountError> {
	try {
		using _ = await createMount({ type: "tmpfs", options: {}, attributes: 0, ...options });
	} catch (error) {
		if (error instanceof MountError) return error;
		throw error;
	}
	throw new Error("it was mounted");
}

describeAsRoot("mounts by descriptor", () => {
	test(
		"are made, moved, bound and taken away, in a namespace of their own",
		{ timeout: 5000 * slowness },
		async ({ expect }) => {
			const folder = mkdtempSync(join(tmpdir(), "devhost-linux-"));

			const said = await inNamespace(folder);

			rmdirSync(folder); // nothing is mounted there here
			expect(said).toEqual({
				line: expect.stringMatching(
					new RegExp(
						String.raw` / ${folder} rw,nodev,relatime - tmpfs none rw,size=1024k,mode=711`,
					),
				),
				// It is moved from where it is, which is beneath itself.
				movedTwice: "ELOOP",
				moved: true,
				shared: true,
				private: false,
				bound: "content",
				boundWrite: "EROFS",
				notAMount: "EINVAL",
				mountedBeneath: "EBUSY",
				link: "EINVAL",
				gone: true,
			});
		},
	);

	test("say which option is wrong, in the file system's words", async ({ expect }) => {
		const before = descriptorCount();

		const unknown = await refusalOf({ options: { size: "1M", colour: "red" } });
		expect(unknown).toMatchObject({ code: "EINVAL", syscall: "fsconfig", option: "colour" });
		expect(unknown.log).toEqual(["e tmpfs: Unknown parameter 'colour'"]);

		const value = await refusalOf({ options: { mode: "abc" } });
		expect(value).toMatchObject({ code: "EINVAL", syscall: "fsconfig", option: "mode" });
		expect(value.log).toEqual([expect.stringMatching(/^e tmpfs: Bad value for 'mode'/)]);

		const flag = await refusalOf({ options: { size: true } });
		expect(flag).toMatchObject({ code: "EINVAL", option: "size" });

		expect(descriptorCount()).toBe(before);
	});

	test("say what is not there", async ({ expect }) => {
		const type = await refusalOf({ type: "no-such-type" });
		expect(type).toMatchObject({
			code: "ENODEV",
			syscall: "fsopen",
			option: undefined,
			log: [],
		});

		const source = await refusalOf({ type: "ext4", options: { source: "/nonexistent" } });
		expect(source).toMatchObject({ code: "ENOENT", syscall: "fsmount", option: undefined });
		expect(source.message).toBe("fsmount: ENOENT");
	});

	test("go with their descriptor", async ({ expect }) => {
		const mount = await createMount({ type: "tmpfs", options: {}, attributes: 0 });
		expect(mountId(mount)).toBeGreaterThan(0);
		await expect(syncfs(mount)).rejects.toMatchObject({ code: "EBADF" }); // only for paths, as O_PATH
		mount.close();
		expect(() => mountId(mount)).toThrow("closed or taken already");
	});

	test("the kernel's log is read from where it was opened", async ({ expect }) => {
		// A name of this test's alone: others make the kernel talk meanwhile.
		const lowerdir = `/nonexistent-${process.pid}`;
		const ours = (log: KernelLog) => log.read().filter((text) => text.includes(lowerdir));
		using before = KernelLog.open();
		await refusalOf({ type: "overlay", options: { lowerdir } });
		using after = KernelLog.open();

		expect(ours(before)).toEqual([expect.stringMatching(/^overlayfs: failed to resolve/)]);
		expect(ours(before)).toEqual([]);
		expect(ours(after)).toEqual([]);
	});
});
