import { readFileSync } from "node:fs";
import { test } from "vitest";

/** What a module of this package loads at run time, itself included: `error.ts`, `@devhost/linux`. */
function loadedBy(module: string, loaded: Set<string> = new Set()): Set<string> {
	if (loaded.has(module)) return loaded;
	loaded.add(module);
	const source = readFileSync(new URL(`../src/${module}`, import.meta.url), "utf8");
	for (const [, clause = "", from = ""] of source.matchAll(
		/^(?:im|ex)port ([^;]*?)from "([^"]+)";$/gm,
	)) {
		if (clause.startsWith("type ")) continue;
		if (from.startsWith("./")) loadedBy(from.slice(2), loaded);
		else loaded.add(from);
	}
	return loaded;
}

// Each module costs a service's start, and a bundle its size.
test("a service loads what a service needs, and no more", ({ expect }) => {
	expect([...loadedBy("run-device-service.ts")].toSorted()).toEqual([
		"@devhost/linux",
		"@devhost/rpc",
		"attach-failures.ts",
		"cause-first.ts",
		"close-failure.ts",
		"device-service.ts",
		"each-device.ts",
		"error-wire.ts",
		"error.ts",
		"held-devices.ts",
		"holder.ts",
		"mount-key.ts",
		"node:fs",
		"parents.ts",
		"run-device-service.ts",
		"secret-schema.ts",
		"system-error.ts",
		"wire-params.ts",
	]);
});

test("the manager loads neither the addon nor the protocol", ({ expect }) => {
	const loaded = [...loadedBy("device-manager.ts")];

	expect(loaded.filter((module) => !module.endsWith(".ts"))).toEqual([]);
	expect(loaded).not.toContain("json-reader.ts");
});

test("the compliance suite depends on this package and Node only", ({ expect }) => {
	const loaded = [...loadedBy("testing.ts")].filter((module) => !module.endsWith(".ts"));

	expect(loaded.toSorted()).toEqual(["node:assert/strict", "node:fs", "node:util"]);
});
