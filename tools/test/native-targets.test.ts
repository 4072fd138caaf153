import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { findProgram, nodeHeaders } from "../src/native-targets.ts";

test("finds a program on the search path", ({ expect }) => {
	expect(findProgram("sh", "/nowhere::/bin")).toBe("/bin/sh");
	expect(findProgram("no-such-program", "/bin")).toBeUndefined();
});

test("finds the headers that came with Node", ({ expect, onTestFinished }) => {
	const folder = mkdtempSync(join(tmpdir(), "node-headers-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	mkdirSync(join(folder, "include/node"), { recursive: true });
	writeFileSync(join(folder, "include/node/node_api.h"), "");

	expect(nodeHeaders(join(folder, "bin/node"))).toBe(folder);
});

test("says what to do when Node came without headers", ({ expect }) => {
	expect(() => nodeHeaders("/nowhere/bin/node")).toThrow(
		"/nowhere/bin/node: no include/node/node_api.h beside it. Build with the Node of this repository: npm run build",
	);
});
