#!/usr/bin/env node
// bundle ENTRY.ts… [--external NAME]… [--limit-kb 100] [--check]
// Makes dist/ENTRY.cjs of src/ENTRY.ts: see bundle-executables.ts. One that has grown too large is
// told when it is built, and fails the gate, which calls this with --check: that writes nothing.
import { parseArgs } from "node:util";
import { bundleExecutables } from "./bundle-executables.ts";

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		external: { type: "string", multiple: true, default: [] },
		check: { type: "boolean", default: false },
		"limit-kb": { type: "string", default: "100" },
	},
});

try {
	const { problems } = await bundleExecutables({
		packageFolder: process.cwd(),
		entries: positionals,
		external: values.external,
		write: !values.check,
		limitBytes: Number(values["limit-kb"]) * 1000,
	});
	for (const problem of problems) console.error(`bundle: ${problem}`);
	if (values.check && problems.length > 0) process.exitCode = 1;
} catch (error) {
	console.error(`bundle: ${error instanceof Error ? error.message : String(error)}`);
	process.exitCode = 1;
}
