import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, test } from "vitest";
import { whyNoGuest } from "./machine.ts";

const nobody = 65_534;
const reason =
	whyNoGuest ?? (process.getuid?.() === 0 ? undefined : "needs root to become somebody else");

describe.skipIf(reason !== undefined)(reason ?? "an ordinary user without a home", () => {
	test(
		"boots a guest that has that user's rights and no more",
		{ timeout: 60_000 },
		async ({ expect, onTestFinished }) => {
			const folder = mkdtempSync(join(tmpdir(), "devhost-guest-user-"));
			onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
			chownSync(folder, nobody, nobody);
			chmodSync(folder, 0o700);

			const { stdout } = await promisify(execFile)(
				process.execPath,
				[join(import.meta.dirname, "fixtures/as-user.ts"), folder],
				{
					uid: nobody,
					gid: nobody,
					cwd: "/",
					env: { PATH: process.env["PATH"], HOME: "/nonexistent" },
				},
			);

			expect(JSON.parse(stdout)).toEqual({
				refused: "ApplianceError: /root: may not be read and written by this user, EACCES",
				uid: nobody,
				home: "/nonexistent",
				input: "for the owner's eyes",
				made: { exit: { code: 0 }, stdout: "0\n", stderr: "" },
				owner: nobody,
				magic: 0xef53,
				secret: "",
			});
		},
	);
});
