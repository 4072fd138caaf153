// Lint rules of this repository's own, for oxlint.

interface Node {
	readonly type: string;
	readonly [key: string]: unknown;
}
interface Comment {
	readonly value: string;
}
interface RuleContext {
	readonly sourceCode: { getAllComments(): readonly Comment[] };
	report(problem: { message: string; node: Node | Comment }): void;
}
interface Rule {
	create(context: RuleContext): Record<string, (node: Node) => void>;
}

const starters = new Set(["exec", "execSync", "execFile", "execFileSync", "spawn", "spawnSync"]);

/** What a command is called and how its arguments look is fixed text; values are elements of their own in its argv. */
const noInterpolatedCommand: Rule = {
	create(context) {
		return {
			CallExpression(node) {
				const [command] = node["arguments"] as readonly Node[];
				if (!starters.has(calledName(node["callee"] as Node)) || command === undefined)
					return;
				if (isPutTogether(command)) {
					context.report({
						message:
							"No interpolated string where a command is started: give it as elements of argv.",
						node: command,
					});
				}
			},
		};
	},
};

function calledName(callee: Node): string {
	const isMember = callee.type === "MemberExpression";
	const { name } = (isMember ? callee["property"] : callee) as { name?: unknown };
	// Regular expressions have an exec, too.
	return typeof name !== "string" || (isMember && name === "exec") ? "" : name;
}

function isPutTogether(node: Node): boolean {
	if (node.type === "TemplateLiteral") return (node["expressions"] as readonly Node[]).length > 0;
	return node.type === "BinaryExpression" && node["operator"] === "+";
}

const suppression =
	/^\s*(?:oxlint|eslint)-(?:disable|enable)\S*|^\s*@ts-(?:ignore|expect-error|nocheck)/;

/** A suppression says why it is there: `// oxlint-disable-next-line no-control-regex -- names may hold any byte`. */
const suppressionHasReason: Rule = {
	create(context) {
		return {
			Program() {
				for (const comment of context.sourceCode.getAllComments()) {
					const found = suppression.exec(comment.value)?.[0];
					if (found === undefined || found.trim().endsWith("enable")) continue;
					if (!/\s--\s+\S/.test(comment.value)) {
						context.report({
							message: 'A suppression needs its reason: "-- reason".',
							node: comment,
						});
					}
				}
			},
		};
	},
};

export default {
	meta: { name: "devhost" },
	rules: {
		"no-interpolated-command": noInterpolatedCommand,
		"suppression-has-reason": suppressionHasReason,
	},
};
