import { test } from "vitest";
import {
	addonArguments,
	findProgram,
	helperArguments,
	nativeTargets,
} from "../src/native-targets.ts";

test("finds a program on the search path", ({ expect }) => {
	expect(findProgram("sh", "/nowhere::/bin")).toBe("/bin/sh");
	expect(findProgram("no-such-program", "/bin")).toBeUndefined();
});
