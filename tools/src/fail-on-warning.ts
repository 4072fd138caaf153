// Loaded by vitest before every test file.

/** Any warning of Node (a leaked listener, a deprecation, an experimental feature) fails the run. */
process.on("warning", (warning) => {
	// Thrown from here it is an uncaught exception, which vitest reports with the file that was running.
	throw new Error(`Node warned: ${warning.name}: ${warning.message}`, { cause: warning });
});
