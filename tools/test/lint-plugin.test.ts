import { join } from "node:path";
import { test } from "vitest";
import { repositoryRoot } from "../src/repository.ts";
import { runCommand } from "../src/run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const configuration = {
	jsPlugins: [join(repositoryRoot, "tools/src/lint-plugin.ts")],
	categories: { correctness: "off" },
	rules: {
		"devhost/no-interpolated-command": "error",
		"devhost/suppression-has-reason": "error",
	},
};

test.for([
	["spawn(`${tool}-x`, []);", "No interpolated string where a command is started"],
	['child.execSync("rm " + file);', "No interpolated string where a command is started"],
	["// @ts-expect-error\nf();", "A suppression needs its reason"],
	["// oxlint-disable-next-line no-eval\nf();", "A suppression needs its reason"],
] as const)("complains about %j", async ([source, message], { expect }) => {
	expect(await lint(source)).toContain(message);
});

test.for([
	'spawn("mkfs.ext4", ["-q", `/dev/${name}`]);',
	"pattern.exec(`${a}`);",
	"// @ts-expect-error -- the type of a published package is wrong\nf();",
	"// oxlint-disable-next-line no-eval -- the point of this test\nf();",
] as const)("is content with %j", async (source, { expect }) => {
	expect(await lint(source)).toContain("Found 0 warnings and 0 errors");
});

async function lint(source: string): Promise<string> {
	const folder = temporaryFolder({ ".oxlintrc.json": configuration, "a.ts": source });
	const oxlint = join(repositoryRoot, "node_modules/.bin/oxlint");
	return (await runCommand(oxlint, ["-c", ".oxlintrc.json", "a.ts"], { cwd: folder })).output;
}
