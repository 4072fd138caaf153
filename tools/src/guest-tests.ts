#!/usr/bin/env node
// guest-tests FOLDER [ARGUMENT…]   runs the tests that are for guests in one guest, booted by whoever calls this
//
// FOLDER is the caller's: for counts.json, and for what tests make. Further arguments are vitest's.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { env, execPath, exit } from "node:process";
import type * as appliance from "../../packages/appliance/dist/index.js";
import { repositoryRoot } from "./repository.ts";

type Appliance = typeof appliance;

const [folder = "", ...further] = process.argv.slice(2);
// By its path: a dependency would make a circle, since it is built with the tools.
const { bootGuest } = (await import(
	join(repositoryRoot, "packages/appliance/dist/index.js")
)) as Appliance;

const home = join(folder, "home");
mkdirSync(home);
await using guest = await bootGuest({ memoryBytes: 4 * 2 ** 30, writable: [folder] });
const vitest = join(repositoryRoot, "node_modules/vitest/vitest.mjs");
// The caller cannot make device nodes in its own folder, also not as root of a guest: tests have a place of the guest's.
const inScratch = [
	"sh",
	"-c",
	'mkdir "$TMPDIR" && mount -t tmpfs tests "$TMPDIR" && exec "$@"',
	"sh",
];
// The caller may not be allowed to write to the repository, nor is the guest: no bundled configuration there.
const argv = [...inScratch, execPath, vitest, "run", "--configLoader", "native", ...further];
const { code = 1 } = await guest.run(argv, {
	cwd: repositoryRoot,
	environment: {
		PATH: env["PATH"] ?? "",
		HOME: home,
		TMPDIR: "/run/devhost-tests",
		DEVHOST_TEST_COUNTS: join(folder, "counts.json"),
		DEVHOST_TEST_IN_GUEST: "yes",
		...(env["CI"] !== undefined && { CI: env["CI"] }),
		...(env["OSBUILD_CHECKOUT"] !== undefined && { OSBUILD_CHECKOUT: env["OSBUILD_CHECKOUT"] }),
		...(env["DEVHOST_KILL_MATRIX"] !== undefined && {
			DEVHOST_KILL_MATRIX: env["DEVHOST_KILL_MATRIX"],
		}),
	},
	onStdout: (bytes) => void process.stdout.write(bytes),
	onStderr: (bytes) => void process.stderr.write(bytes),
});
await guest.powerOff();
exit(code);
