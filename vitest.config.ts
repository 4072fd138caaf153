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
		retry: 0,
		reporters: ["default", `${import.meta.dirname}/tools/src/counting-reporter.ts`],
	},
});
