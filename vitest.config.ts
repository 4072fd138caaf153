import { readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

const folders = [
	"tools",
	...readdirSync(`${import.meta.dirname}/packages`).map((name) => `packages/${name}`),
];

/**
 * Tests of this name are for a guest kernel. What else runs there a second time is what stands closest to the kernel.
 */
const guestTests = "test/**/*.guest.test.ts";
const isInGuest = process.env["DEVHOST_TEST_IN_GUEST"] !== undefined;
const inGuestToo = ["packages/loopback"];

export default defineConfig({
	test: {
		projects: folders.map((folder) => ({
			extends: true,
			root: `${import.meta.dirname}/${folder}`,
			test: {
				name: folder.replace("packages/", ""),
				include:
					isInGuest && !inGuestToo.includes(folder)
						? [guestTests]
						: ["test/**/*.test.ts"],
				...(isInGuest ? {} : { exclude: [guestTests] }),
			},
		})),
		// Processes, not threads: tests change directories, count descriptors and send signals.
		pool: "forks",
		// A process takes a hundred times longer to start in a guest.
		testTimeout: isInGuest ? 120_000 : 20_000,
		hookTimeout: isInGuest ? 120_000 : 20_000,
		setupFiles: [`${import.meta.dirname}/tools/src/fail-on-warning.ts`],
		retry: 0,
		reporters: ["default", `${import.meta.dirname}/tools/src/counting-reporter.ts`],
	},
});
