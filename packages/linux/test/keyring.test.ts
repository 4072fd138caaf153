import { randomUUID } from "node:crypto";
import { describe, test } from "vitest";
import {
	addKey,
	isSysError,
	KEY_SPEC_PROCESS_KEYRING,
	readKey,
	requestKey,
	searchKeyring,
	unlinkKey,
} from "../src/index.ts";

/** Why there are no keyrings, as in most containers; undefined where there are. */
function obstacle(): string | undefined {
	try {
		const probe = addKey("user", randomUUID(), Buffer.from("x"), KEY_SPEC_PROCESS_KEYRING);
		unlinkKey(probe, KEY_SPEC_PROCESS_KEYRING);
		return undefined;
	} catch (error) {
		return `impossible here: no keyrings (${String(error)})`;
	}
}

const missing = obstacle();

describe.skipIf(missing !== undefined)(missing ?? "keyrings", () => {
	const errorOf = (action: () => unknown): string | undefined => {
		try {
			action();
			return undefined;
		} catch (error) {
			return isSysError(error) ? error.code : String(error);
		}
	};

	test("a key is found by its description, read whole, and gone when it is taken out", ({
		expect,
	}) => {
		const name = `devhost:test:${randomUUID()}`;
		const payload = Buffer.from([0, 10, 255, 13, 0]);
		const key = addKey("user", name, payload, KEY_SPEC_PROCESS_KEYRING);
		const into = new Uint8Array(16);

		expect(requestKey("user", name)).toBe(key);
		expect(searchKeyring(KEY_SPEC_PROCESS_KEYRING, "user", name)).toBe(key);
		expect(readKey(key, into)).toBe(5);
		expect(into.subarray(0, 5)).toEqual(new Uint8Array(payload));
		expect(readKey(key, new Uint8Array(2))).toBe(5);

		unlinkKey(key, KEY_SPEC_PROCESS_KEYRING);
		expect(errorOf(() => requestKey("user", name))).toBe("ENOKEY");
	});

	test("what is not there has a code", ({ expect }) => {
		const name = randomUUID();

		expect(errorOf(() => requestKey("user", name))).toBe("ENOKEY");
		expect(errorOf(() => requestKey("user", `${name}\0`))).toBe("EINVAL");
		expect(errorOf(() => requestKey("no-such-type", name))).toBe("ENOKEY");
		expect(errorOf(() => searchKeyring(1, "user", name))).toBe("ENOKEY");
	});
});
