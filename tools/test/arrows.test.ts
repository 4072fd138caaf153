import { test } from "vitest";
import { findArrowProblems } from "../src/arrows.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const manifests = {
	"packages/linux/package.json": { name: "@devhost/linux" },
	"packages/rpc/package.json": {
		name: "@devhost/rpc",
		dependencies: { "@devhost/linux": "workspace:^" },
		devDependencies: { msgpackr: "^2.0.0" },
	},
	"packages/loopback/package.json": {
		name: "@devhost/loopback",
		dependencies: { "@devhost/linux": "workspace:^" },
	},
	"packages/partition/package.json": { name: "@devhost/partition" },
	"packages/osbuild/package.json": {
		name: "@devhost/osbuild",
		dependencies: { "@devhost/loopback": "workspace:^" },
	},
	"packages/appliance/package.json": { name: "@devhost/appliance" },
	"packages/runner/package.json": {
		name: "devhost",
		dependencies: { "@devhost/loopback": "workspace:^" },
	},
};

test("is content with arrows that point the right way", ({ expect }) => {
	const root = temporaryFolder({
		...manifests,
		"packages/rpc/src/msgpack-dialect.ts": `import { Fd } from "@devhost/linux";`,
		"packages/rpc/test/msgpack-dialect.test.ts": `import { pack } from "msgpackr";`,
		"packages/runner/src/modules.ts": `import.meta.resolve("@devhost/loopback/service");`,
		"packages/osbuild/src/a.ts": `import { loopback } from "@devhost/loopback";`,
		"packages/runner/test/run.test.ts": `import { attachLoop } from "@devhost/loopback";`,
		"packages/rpc/bench/a.bench.ts": `import { bench } from "../../../tools/src/benchmark.ts";`,
		"packages/rpc/src/testing.ts": `import { spawn } from "node:child_process";\nimport { Channel } from "@devhost/rpc";`,
	});

	expect(findArrowProblems(root)).toEqual([]);
});

test.for([
	[
		"packages/linux/src/a.ts",
		`import { Client } from "@devhost/rpc";`,
		"@devhost/linux uses @devhost/rpc: arrows point runner → osbuild → services → core → rpc → linux",
	],
	[
		"packages/linux/src/a.ts",
		`export type { Client } from "@devhost/rpc/testing";`,
		"@devhost/linux uses @devhost/rpc: arrows point runner → osbuild → services → core → rpc → linux",
	],
	[
		"packages/loopback/src/a.ts",
		`await import("@devhost/partition");`,
		"@devhost/loopback uses @devhost/partition: services never use each other",
	],
	[
		"packages/loopback/src/a.ts",
		`import { bootGuest } from "@devhost/appliance";`,
		"@devhost/loopback uses @devhost/appliance: arrows point runner → osbuild → services → core → rpc → linux",
	],
	[
		"packages/appliance/src/a.ts",
		`import { attachLoop } from "@devhost/loopback";`,
		"@devhost/appliance uses @devhost/loopback: it may use linux and rpc only",
	],
	[
		"packages/runner/src/a.ts",
		`import { attachLoop } from "@devhost/loopback";`,
		"imports @devhost/loopback: the runner knows services only as executables",
	],
	[
		"packages/rpc/src/msgpack-dialect.ts",
		`import { pack } from "msgpackr/pack";`,
		"imports msgpackr: the wire's msgpack is coded by us; the library is what tests and benchmarks compare it with",
	],
	[
		"packages/rpc/src/client.ts",
		`import { test } from "vitest";`,
		"imports vitest: a test framework is for ./testing and tests",
	],
	[
		"packages/rpc/src/client.ts",
		`import { Fd } from "../../linux/src/fd.ts";`,
		"imports ../../linux/src/fd.ts: leaves its package",
	],
	[
		"packages/linux/src/a.ts",
		`import yaml from "yaml";`,
		"imports yaml: not among the dependencies in package.json",
	],
] as const)("%s: %s", ([file, source, problem], { expect }) => {
	const root = temporaryFolder({ ...manifests, [file]: source });

	expect(findArrowProblems(root)).toContain(`${file}:1: ${problem}`);
});

test("looks at package.json, too", ({ expect }) => {
	const root = temporaryFolder({
		...manifests,
		"packages/linux/package.json": {
			name: "@devhost/linux",
			devDependencies: { "@devhost/rpc": "workspace:*" },
		},
		"packages/rpc/package.json": {
			name: "@devhost/rpc",
			dependencies: { "@devhost/linux": "^1.0.0" },
		},
	});

	expect(findArrowProblems(root)).toEqual([
		"packages/linux/package.json: @devhost/linux uses @devhost/rpc: arrows point runner → osbuild → services → core → rpc → linux",
		"packages/rpc/package.json: @devhost/linux: ^1.0.0, expected workspace:^",
	]);
});
