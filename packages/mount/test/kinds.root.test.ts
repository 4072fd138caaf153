import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { afterAll, afterEach, beforeAll, test, vi } from "vitest";
import { hasFileSystem, Machine, megabyte } from "./machine.ts";

let machine: Machine;

// A mkfs, two services, a mount.
vi.setConfig({ testTimeout: 10_000 * slowness });

describeAsRoot("types of mounts", () => {
	beforeAll(() => {
		machine = new Machine();
		machine.image("ext4.img", 16 * megabyte, "mkfs.ext4 -q");
		machine.image("boot.img", 16 * megabyte, "mkfs.ext4 -q");
		mkdirSync(machine.path("files/below"), { recursive: true });
		writeFileSync(machine.path("files/hello"), "hello\n");
	});
	afterEach(async ({ expect }) => {
		expect(await machine.mounted()).toEqual([]);
		expect(machine.loops()).toEqual([]);
	});
	afterAll(() => machine[Symbol.asyncDispose]());

	test.for([
		["squashfs", "mksquashfs", ["FILES", "IMAGE", "-quiet", "-no-progress"]],
		["erofs", "mkfs.erofs", ["--quiet", "IMAGE", "FILES"]],
	] as const)("%s", async ([type, program, argv], { expect, skip }) => {
		skip(!hasFileSystem(type), `impossible here: the kernel has no ${type}`);
		const image = `${type}.img`;
		const places: Readonly<Record<string, string>> = {
			FILES: machine.path("files"),
			IMAGE: machine.path(image),
		};
		execFileSync(
			program,
			argv.map((word) => places[word] ?? word),
			{ stdio: "pipe" },
		);

		for (const name of [type, `org.osbuild.${type}`, "auto"]) {
			await using opened = await machine.open({ root: { type: name, image } });
			expect(opened.getMount("root").details).toMatchObject({ type, readOnly: true });
			expect(await machine.run("cat hello; ls; touch hello 2>&1 || true")).toMatch(
				/^hello\nbelow\nhello\n.*Read-only/,
			);
		}
	});

	test("tmpfs has the size and mode that it is given", async ({ expect }) => {
		const options = { size: "1m", mode: "0711" };
		await using opened = await machine.open({
			scratch: { type: "tmpfs", target: "/scratch", options },
		});

		expect(opened.getMount("scratch")).toMatchObject({
			path: "scratch",
			details: { type: "tmpfs" },
		});
		expect(await machine.run("stat -c %a scratch; df --output=size scratch | tail -1")).toMatch(
			/^711\n +1024\n$/,
		);
	});

	test("a bind mount is of the tree, or of another mount", async ({ expect }) => {
		await using _ = await machine.open({
			root: { type: "ext4", image: "ext4.img" },
			tree: {
				type: "bind",
				target: "/tree",
				options: { from: "tree:///files", "read-only": true },
			},
			again: { type: "bind", target: "/again", options: { from: "tree:///files/below" } },
			whole: { type: "bind", target: "/whole", options: { from: "mount://root" } },
		});

		expect(await machine.run("cat tree/hello; touch tree/new 2>&1 || true")).toMatch(
			/^hello\n.*Read-only/,
		);
		await machine.run("touch again/written whole/seen; ls seen");
		// Not what is mounted in it.
		expect(await machine.run("ls whole/tree")).toBe("");
		execFileSync("test", ["-e", machine.path("files/below/written")]);
	});

	test("an overlay shows several as one, and writes to the topmost", async ({ expect, skip }) => {
		skip(
			!hasFileSystem("overlay") && !hasNoDevice("overlay"),
			"impossible here: the kernel has no overlay",
		);
		mkdirSync(machine.path("patches"), { recursive: true });
		const lower = ["tree:///patches", "tree:///files"];
		await using opened = await machine.open({
			root: { type: "tmpfs" },
			low: { type: "overlay", target: "/low", options: { lower } },
			top: { type: "tmpfs", target: "/top" },
		});
		await machine.run("mkdir top/upper top/work; ls low/hello; ! touch low/new 2>/dev/null");
		await using _ = await machine.open({
			over: {
				type: "overlay",
				target: "/over",
				options: {
					lower: ["mount://low"],
					upper: "mount://top/upper",
					work: "mount://top/work",
				},
			},
		});
		expect(opened.getMount("low").details).toEqual({ type: "overlay", readOnly: true });

		await machine.run("echo changed > over/hello");
		expect(await machine.run("cat low/hello over/hello top/upper/hello")).toBe(
			"hello\nchanged\nchanged\n",
		);
	});

	test("upper and work of an overlay are on one file system, or it is said", async ({
		expect,
	}) => {
		const options = { lower: ["tree:///files"], upper: "mount://one", work: "mount://two" };
		const nested = { lower: ["tree:///files/below", "tree:///files"] };
		const loop = await machine.refusal({ type: "overlay", options: nested });
		expect(loop.message).toContain("one of these directories is in another");

		const error = await machine.refusalOf({
			root: { type: "tmpfs" },
			one: { type: "tmpfs", target: "/one" },
			two: { type: "tmpfs", target: "/two" },
			over: { type: "overlay", target: "/over", options },
		});

		expect(error).toMatchObject({ code: "ERR_DEVICE_UNSUPPORTED" });
		expect(error.message).toContain("Upper and work have to be on one file system");
	});

	test("what a bind mount or an overlay names has to be there", async ({ expect }) => {
		symlinkSync("/etc", machine.path("link"));
		for (const [from, what] of [
			["tree:///none", "is missing"],
			["tree:///files/hello", "is no directory"],
			["mount://none/path", "no mount none is open"],
			["tree:///link", "is missing"], // /etc of the tree
		] as const) {
			const bind = await machine.refusal({ type: "bind", options: { from } });
			expect(bind.message).toContain(`${from}: `);
			expect(bind.message).toContain(what);
			expect(bind.pointer).toBe("/from");
		}
		const options = { lower: ["tree:///files", "tree:///none"] };
		expect(await machine.refusal({ type: "overlay", options })).toMatchObject({
			pointer: "/lower/1",
		});
		rmSync(machine.path("link"));
	});

	test("osbuild's bind mount puts all mounts, with those in them, on the tree", async ({
		expect,
	}) => {
		mkdirSync(machine.path("there"));
		for (const source of ["mount://", "mount://root"]) {
			await using opened = await machine.open({
				root: { type: "ext4", image: "ext4.img" },
				boot: { type: "ext4", image: "boot.img", target: "/boot" },
				tree: { type: "org.osbuild.bind", target: "tree://there", options: { source } },
			});
			const there = machine.path("there");

			expect(await machine.run('touch boot/kernel; ls "$1" "$1/boot"', there)).toMatch(
				/boot\n.*kernel/s,
			);
			execFileSync("sh", ["-c", 'test -z "$(ls "$1")"', "sh", there]); // not in the host's namespace
			await opened.close();
		}
		const wrong = await machine.refusal({
			type: "org.osbuild.bind",
			target: "/there",
			options: { source: "mount://" },
		});
		expect(wrong.message).toMatch(/target "\/there", expected tree:\/\//);
	});

	test("osbuild's noop makes a directory and nothing else", async ({ expect }) => {
		await using opened = await machine.open({
			root: { type: "tmpfs" },
			nothing: { type: "org.osbuild.noop", target: "/a/b", options: { whatever: 1 } },
		});

		expect(opened.getMount("nothing").path).toBe("a/b");
		expect(await machine.mounted()).toEqual(["/dev/.mounts"]);
		await machine.run("test -d a/b");
	});

	test("osbuild's names and options mean what they mean there", async ({ expect }) => {
		const options = { readonly: true, norecovery: true };
		await using opened = await machine.open({
			root: { type: "org.osbuild.ext4", image: "ext4.img", options },
		});

		expect(opened.getMount("root").details).toMatchObject({
			type: "ext4",
			readOnly: true,
			options: { ro: true, noload: true },
		});
		expect(await machine.run("touch x 2>&1 || true")).toContain("Read-only");
	});

	test("osbuild's are read-only where their device is, as those of mount(8)", async ({
		expect,
	}) => {
		const [image, deviceReadOnly] = ["ext4.img", true];
		await using opened = await machine.open({
			root: { type: "org.osbuild.ext4", image, deviceReadOnly },
		});

		expect(opened.getMount("root").details).toMatchObject({ type: "ext4", readOnly: true });
		expect(await machine.run("touch x 2>&1 || true")).toContain("Read-only");
	});

	test("a partition of a disk is found by its number", async ({ expect }) => {
		const image = machine.image(
			"parts.img",
			40 * megabyte,
			"printf 'label: gpt\\nsize=8M\\nsize=16M\\n' | sfdisk -q",
		);
		const inner = execFileSync("sfdisk", ["--dump", machine.path(image)], { encoding: "utf8" });
		const start = Number(/start= *(\d+), size= *32768/.exec(inner)?.[1]);
		const offset = `offset=${start * 512}`;
		execFileSync("mkfs.ext4", ["-q", "-F", "-E", offset, machine.path(image), "16M"], {
			stdio: "pipe",
		});

		for (const type of ["ext4", "org.osbuild.ext4", "auto"]) {
			await using opened = await machine.open({ root: { type, image, partition: 2 } });
			const { path } = opened.get("root");
			expect(opened.getMount("root").details).toMatchObject({
				type: "ext4",
				source: `/dev/${path}p2`,
			});
			await machine.run("touch seen");
		}
	});

	test("an image in a mount is opened from there, and closes before it", async ({ expect }) => {
		{
			await using _ = await machine.mount({ type: "ext4", image: "ext4.img" });
			await machine.run("truncate -s 8M nested.img; mkfs.ext4 -q nested.img");
		}
		await using _ = await machine.open({
			outer: { type: "ext4", image: "ext4.img" },
			inner: { type: "ext4", image: "nested.img", in: "outer", target: "/inner" },
		});
		expect(
			await machine.run(
				"echo deep > inner/file; cat inner/file; losetup --list --noheadings --output BACK-FILE | grep -c nested",
			),
		).toBe("deep\n1\n");
	});
});

/** Whether the kernel has a file system that is on no device. */
function hasNoDevice(type: string): boolean {
	return execFileSync("cat", ["/proc/filesystems"], { encoding: "utf8" }).includes(
		`nodev\t${type}\n`,
	);
}
