#!/usr/bin/env node
// bundle ENTRY.ts… [--external NAME]… [--limit-kb 100]
// Makes dist/ENTRY.cjs of src/ENTRY.ts: see bundle-executables.ts.
import { parseArgs } from "node:util";
import { bundleExecutables } from "./bundle-executables.ts";

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		external: { type: "string", multiple: true, default: [] },
		"limit-kb": { type: "string", default: "100" },
	},
});

try {
	const { problems } = await bundleExecutables({
		packageFolder: process.cwd(),
		entries: positionals,
		external: values.external,
		limitBytes: Number(values["limit-kb"]) * 1000,
	});
	for (const problem of problems) console.error(`bundle: ${problem}`);
	if (problems.length > 0) process.exitCode = 1;
} catch (error) {
	console.error(`bundle: ${error instanceof Error ? error.message : String(error)}`);
	process.exitCode = 1;
}
