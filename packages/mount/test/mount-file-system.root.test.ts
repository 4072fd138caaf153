import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OutputReader, pipe, setNonBlocking, spawn } from "@devhost/linux";
import { describeAsRoot, slowness } from "@devhost/tools/testing";
import { onTestFinished, test } from "vitest";

describeAsRoot("mountFileSystem", () => {
	test(
		"mounts in the namespace of its process, and leaves nothing there",
		{ timeout: 10_000 * slowness },
		async ({ expect }) => {
			const folder = mkdtempSync(join(tmpdir(), "devhost-mount-"));
			onTestFinished(() => rmSync(folder, { recursive: true }));
			mkdirSync(join(folder, "target"));
			const image = join(folder, "disk.img");
			writeFileSync(image, "");
			truncateSync(image, 2 ** 24);
			execFileSync("mkfs.ext4", ["-q", image]);
			const device = execFileSync("losetup", ["--find", "--show", image], {
				encoding: "utf8",
			}).trim();
			onTestFinished(() => void execFileSync("losetup", ["--detach", device]));

			const [end, writer] = pipe();
			setNonBlocking(end, true);
			using output = new OutputReader(end, 65536);
			const fixture = join(import.meta.dirname, "fixtures/library.ts");
			const child = spawn({
				file: process.execPath,
				argv: ["node", fixture, folder, device],
				environment: { PATH: process.env["PATH"] ?? "" },
				fds: { 1: writer, 2: 2 },
				namespace: "new",
			});
			writer.close();
			expect(await child.exited).toEqual({ code: 0 });

			expect(JSON.parse(new TextDecoder().decode(output.end()))).toEqual({
				type: "ext4",
				list: ["file", "lost+found"],
				after: [],
				readOnly: true,
				content: "content",
				second: "ERR_DEVICE_BUSY",
				mounts: [],
				noTarget: "ERR_DEVICE_FILE",
				noDevice: "ERR_DEVICE_PARENT",
				noBlockDevice: "ERR_DEVICE_FILE",
				cancelled: "ERR_DEVICE_CANCELLED",
			});
		},
	);
});
