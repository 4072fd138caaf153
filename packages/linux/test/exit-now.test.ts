import { spawnSync } from "node:child_process";
import { test } from "vitest";

test("exitNow ends the process with this code, whatever still runs, and calls no listener", ({
	expect,
}) => {
	const module = new URL("../dist/index.js", import.meta.url).href;
	const script = `
		import { writeSync } from "node:fs";
		import { exitNow } from ${JSON.stringify(module)};
		process.on("exit", () => writeSync(1, "listener"));
		setInterval(() => {}, 1000);
		writeSync(1, "said");
		exitNow(7);
		writeSync(1, "after");
	`;

	const { status, stdout } = spawnSync(
		process.execPath,
		["--input-type=module", "--eval", script],
		{ encoding: "utf8" },
	);

	expect(stdout).toBe("said");
	expect(status).toBe(7);
});
