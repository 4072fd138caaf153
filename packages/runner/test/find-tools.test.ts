import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { findTools } from "../src/find-tools.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "devhost-test-"));
	for (const name of ["bwrap", "unshare"]) writeFileSync(join(folder, name), "", { mode: 0o755 });
	mkdirSync(join(folder, "empty"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("finds programs along a path, and nothing beside the working directory", ({ expect }) => {
	const tools = { bwrap: `${folder}/bwrap`, unshare: `${folder}/unshare` };

	expect(findTools(`.::${folder}/empty:${folder}`)).toEqual(tools);
	expect(() => findTools(`${folder}/empty:.`)).toThrow(
		expect.objectContaining({
			code: "ERR_SANDBOX_MISSING",
			message: expect.stringContaining(`bubblewrap: no bwrap in ${folder}/empty. `) as string,
		}) as Error,
	);
});

test.for(["", ".", ":"])("looks in the usual places without a path (%j)", (path, { expect }) => {
	// Whether it is there depends on the machine; where it was looked for does not.
	let said: string;
	try {
		said = findTools(path).bwrap;
	} catch (error) {
		said = (error as Error).message;
	}

	expect(said).toMatch(
		/^\/(?:usr\/)?(?:local\/)?s?bin\/bwrap$|no bwrap in \/usr\/local\/sbin:.*, as PATH names no directory\. /,
	);
});
