import { writeSync } from "node:fs";
import { test } from "vitest";
import { OutputReader, pipe, setNonBlocking, spawn } from "../src/index.ts";
import { descriptorCount } from "@devhost/tools/testing";

function outputPipe(maxBytes: number): [OutputReader, number, Disposable] {
	const [reader, writer] = pipe();
	setNonBlocking(reader, true);
	return [new OutputReader(reader, maxBytes), writer.fd, writer];
}

test("what was written last is there, although others have the pipe open", ({ expect }) => {
	const before = descriptorCount();
	const [reader, fd, writer] = outputPipe(100);
	using _ = writer;

	writeSync(fd, "one");
	writeSync(fd, "two");

	expect(Buffer.from(reader.end()).toString()).toBe("onetwo");
	expect(descriptorCount()).toBe(before + 1);
});

test("a program that writes a megabyte does not wait, and its last bytes are kept", async ({
	expect,
}) => {
	const [reader, fd, writer] = outputPipe(1000);
	const script =
		"i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789012345678; i=$((i+1)); done; echo end";
	const child = spawn({
		file: "/bin/sh",
		argv: ["sh", "-c", script],
		environment: {},
		fds: { 1: fd },
	});
	writer[Symbol.dispose]();

	await child.exited;
	const text = Buffer.from(reader.end()).toString();

	expect(text).toHaveLength(1000);
	expect(text.endsWith("678\nend\n")).toBe(true);
	expect(reader.droppedBytes).toBeGreaterThan(900_000);
});
