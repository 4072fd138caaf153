#!/usr/bin/env node
// Without a static import: what follows is newer JavaScript than this file, which an older Node can still read.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 11)) {
	process.stderr.write(
		`devhost: needs Node.js 24.11 or newer, this is ${process.versions.node}\n`,
	);
	process.exitCode = 2;
} else {
	void import("./cli/main.ts").then(async ({ exitNow, main }) => {
		// All output is written, and what a library may still have in flight is nothing to wait for.
		exitNow(await main(process.argv.slice(2)));
	});
}
