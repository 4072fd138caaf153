import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { type Binding, isForMusl, type LoadContext, loadBinding } from "../src/binding.ts";
import { execCheckedPath } from "../src/index.ts";

function context(root: string, change: Partial<LoadContext> = {}): LoadContext {
	const load = (file: string): Binding => ({ file }) as unknown as Binding;
	return {
		platform: "linux",
		arch: "x64",
		libc: () => "musl",
		root: () => root,
		load,
		...change,
	};
}

function folderWith(...files: string[]): string {
	const root = mkdtempSync(join(tmpdir(), "devhost-linux-"));
	for (const file of files) {
		mkdirSync(join(root, file, ".."), { recursive: true });
		writeFileSync(join(root, file), "not a shared object");
	}
	return root;
}

test("what was built here comes before what was shipped", ({ expect }) => {
	const built = "build/Release/devhost_linux.node";
	const shipped = "prebuilds/linux-x64-musl/devhost_linux.node";
	const both = folderWith(built, shipped);
	const one = folderWith(shipped);

	expect(loadBinding(context(both))).toEqual({ file: join(both, built) });
	expect(loadBinding(context(one))).toEqual({ file: join(one, shipped) });
	for (const folder of [both, one]) rmSync(folder, { recursive: true });
});

test("a built file that does not load gives way to the shipped one", ({ expect }) => {
	const root = folderWith(
		"build/Release/devhost_linux.node",
		"prebuilds/linux-x64-musl/devhost_linux.node",
	);
	const load = (file: string): Binding => {
		if (file.includes("build/Release")) throw new Error("invalid ELF header");
		return { file } as unknown as Binding;
	};

	expect(loadBinding(context(root, { load }))).toEqual({
		file: join(root, "prebuilds/linux-x64-musl/devhost_linux.node"),
	});
	rmSync(root, { recursive: true });
});

test("nothing that fits is an error that says what was tried and what to do", ({ expect }) => {
	const root = folderWith("build/Release/devhost_linux.node");
	const load = (): Binding => {
		throw new Error("invalid ELF header");
	};

	expect(() => loadBinding(context(root, { load }))).toThrow(
		expect.objectContaining({
			code: "ERR_LINUX_NO_BINARY",
			message:
				"@devhost/linux: no native file for linux x64 musl loads. Tried:\n" +
				`  ${root}/build/Release/devhost_linux.node: invalid ELF header\n` +
				`  ${root}/prebuilds/linux-x64-musl/devhost_linux.node: missing\n` +
				`Build it with a C compiler, make and python3: npx node-gyp rebuild --directory ${root}`,
		}),
	);
	rmSync(root, { recursive: true });
});

test.for(["darwin", "win32", "freebsd"])(
	"%s is refused before anything is looked for",
	(platform, { expect }) => {
		const root = (): string => {
			throw new Error("must not be asked");
		};

		expect(() => loadBinding(context("", { platform, root }))).toThrow(
			expect.objectContaining({ code: "ERR_LINUX_UNSUPPORTED_PLATFORM" }),
		);
	},
);

test("an executable's libc is that of its loader", ({ expect }) => {
	const root = folderWith("node");
	const musl = join(root, "node");
	writeFileSync(
		musl,
		Buffer.concat([Buffer.alloc(568), Buffer.from("/lib/ld-musl-x86_64.so.1\0")]),
	);

	expect(isForMusl(musl)).toBe(true);
	expect(isForMusl("/bin/sh")).toBe(false);
	rmSync(root, { recursive: true });
});

test("the helper that goes into sandboxes is there", ({ expect }) => {
	expect(existsSync(execCheckedPath())).toBe(true);
});
