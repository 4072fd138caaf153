import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { bootGuest } from "../src/boot-guest.ts";
import { outputOf } from "../src/testing.ts";
import { whyNoGuest } from "./machine.ts";

const timeout = 120_000;

// The guest's kernel is told of faults that no process had yet, and not asked about some that it had: native/quick-faults.h.
describe.skipIf(whyNoGuest !== undefined)(whyNoGuest ?? "memory in a guest", () => {
	test("is what it is on this machine, fault by fault", { timeout }, async ({ expect }) => {
		const folder = mkdtempSync(join(tmpdir(), "devhost-memory-"));
		try {
			const program = join(folder, "memory");
			const source = join(import.meta.dirname, "fixtures/memory.c");
			execFileSync("cc", ["-O1", "-pthread", "-o", program, source]);
			const native = execFileSync(program, { encoding: "utf8" });
			await using guest = await bootGuest();
			const results = await Promise.all([
				outputOf(guest, [program]),
				outputOf(guest, [program]),
			]);
			for (const { exit, stdout } of results) {
				expect({ exit, stdout: stdout.toString() }).toEqual({
					exit: expect.objectContaining({ code: 0 }),
					stdout: native,
				});
			}
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	});

	test(
		"is another program's once that has replaced the file",
		{ timeout },
		async ({ expect }) => {
			const folder = mkdtempSync(join(tmpdir(), "devhost-memory-"));
			try {
				const program = join(folder, "program");
				await using guest = await bootGuest({ writable: [folder] });
				const said: string[] = [];
				for (const name of ["printf", "echo"]) {
					execFileSync("cp", ["--remove-destination", `/usr/bin/${name}`, program]);
					const { stdout } = await outputOf(guest, [program, "a\\n"]);
					said.push(stdout.toString());
				}
				expect(said).toEqual(["a\n", "a\\n\n"]);
			} finally {
				rmSync(folder, { recursive: true, force: true });
			}
		},
	);
});
