import { test } from "vitest";
import { parseArguments } from "../src/cli/parse-arguments.ts";

const specs = {
	help: { type: "flag", short: "h" },
	"keep-going": { type: "flag" },
	timeout: { type: "value", short: "t" },
	module: { type: "values" },
} as const;

test.for([
	[["--timeout", "5", "file"], { timeout: "5" }, ["file"]],
	[["--timeout=5", "-h"], { timeout: "5", help: true }, []],
	[["-t5", "a", "b"], { timeout: "5" }, ["a", "b"]],
	[["--timeout", "1", "--timeout", "2"], { timeout: "2" }, []],
	[["--module", "a", "--module=b"], { module: ["a", "b"] }, []],
	[["--", "--help"], {}, ["--help"]],
	[["-"], {}, ["-"]],
	[[], {}, []],
] as const)("parseArguments reads %j", ([args, options, positionals], { expect }) => {
	const parsed = parseArguments(args, specs);

	expect({ ...parsed.options }).toEqual(options);
	expect(parsed.positionals).toEqual(positionals);
});

test.for([
	[["--keep-gong"], "unknown option --keep-gong, did you mean --keep-going?"],
	[["--xyzzy"], "unknown option --xyzzy"],
	[["-x"], "unknown option -x"],
	[["--constructor"], "unknown option --constructor"],
	[["--help=yes"], '--help takes no value, but has "yes"'],
	[["--timeout"], "--timeout needs a value"],
	[["--timeout", "--help"], "--timeout needs a value"],
] as const)("parseArguments refuses %j", ([args, message], { expect }) => {
	expect(() => parseArguments(args, specs)).toThrow(
		expect.objectContaining({ code: "ERR_RUN_USAGE", message }),
	);
});
