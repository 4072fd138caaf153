import { readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

const folders = [
	"tools",
	...readdirSync(`${import.meta.dirname}/packages`).map((name) => `packages/${name}`),
];

export default defineConfig({
	test: {
		projects: folders.map((folder) => ({
			extends: true,
			root: `${import.meta.dirname}/${folder}`,
			test: { name: folder.replace("packages/", "") },
		})),
		include: ["test/**/*.test.ts"],
		// Processes, not threads: tests change directories, count descriptors and send signals.
		pool: "forks",
		testTimeout: 5_000,
		setupFiles: [`${import.meta.dirname}/tools/src/fail-on-warning.ts`],
		// Two machines' worth of patience is no substitute for a test that says what it waits for.
		retry: 0,
	},
});
