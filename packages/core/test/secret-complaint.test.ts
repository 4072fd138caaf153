import { describe, test } from "vitest";
import { secretComplaint } from "../src/secret/index.ts";

describe("what stands at an option for a secret", () => {
	test.for([
		"",
		"a passphrase",
		{ env: "PASSPHRASE" },
		{ file: "../secrets/root", trim: true },
		{ fd: 0 },
		{ command: ["pass", "show", ""], timeout: 0.5, trim: false },
		{ credential: "root.key" },
		{ keyring: "devhost: root" },
		{ prompt: "Passphrase of root" },
	])("%j is right", (value, { expect }) => {
		expect(secretComplaint(value)).toBeUndefined();
	});

	const all =
		"a string, or an object with one of env, file, fd, command, credential, keyring, prompt";
	test.for([
		[null, "", `null, expected ${all}`],
		[5, "", `a number, expected ${all}: put it in quotes`],
		[["hunter2"], "", `a list, expected ${all}`],
		[{}, "", `an empty object, expected ${all}`],
		// {hunter2} without quotes, in YAML.
		[{ hunter2: null }, "", `an object without any of these, expected ${all}`],
		[{ flie: "x" }, "", `an object without any of these, expected ${all}: did you mean file?`],
		[{ env: "A", file: "b" }, "", "env and file together, expected one source of the secret"],
		[
			{ env: "A", hunter2: 1 },
			"",
			"a key that means nothing here, expected env, and perhaps trim",
		],
		[
			{ env: "A", timeout: 1 },
			"",
			"a key that means nothing here, expected env, and perhaps trim",
		],
		[
			{ prompt: "A", trim: true },
			"",
			"a key that means nothing here, expected prompt, and perhaps trim",
		],
		[{ env: "A", trim: "hunter2" }, "/trim", "a string, expected true or false"],
		[{ env: "" }, "/env", "a string, expected the name of an environment variable"],
		[{ fd: "hunter2" }, "/fd", "a string, expected the number of a descriptor"],
		[{ fd: -1 }, "/fd", "a number, expected the number of a descriptor"],
		[
			{ command: "pass" },
			"/command",
			"a string, expected a program and its arguments, a list of strings",
		],
		[
			{ command: [] },
			"/command",
			"a list, expected a program and its arguments, a list of strings",
		],
		[{ command: [""] }, "/command/0", "an empty string, expected the name of a program"],
		[
			{ command: ["a\0"] },
			"/command",
			"a list, expected a program and its arguments, a list of strings",
		],
		[
			{ command: ["a"], timeout: 0 },
			"/timeout",
			"a number, expected a number of seconds, more than 0",
		],
		[
			{ credential: "../a" },
			"/credential",
			"a string, expected the name of a credential, without slashes",
		],
		[
			{ credential: ".." },
			"/credential",
			"a string, expected the name of a credential, without slashes",
		],
		[{ keyring: "" }, "/keyring", "a string, expected the description of a key"],
		[
			{ prompt: "a\u001b[2J" },
			"/prompt",
			"a string, expected a text without control characters",
		],
		["a\ud800b", "", "half of a surrogate pair, expected text that has a form in UTF-8"],
	] as const)("%j is wrong", ([value, pointer, message], { expect }) => {
		expect(secretComplaint(value)).toMatchObject({ pointer, message });
	});
});
