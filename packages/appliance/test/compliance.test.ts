import { afterAll, describe, test } from "vitest";
import { testGuestBackend } from "../src/testing.ts";
import { uml } from "../src/uml.ts";
import { whyNoGuest } from "./machine.ts";

const timeoutMs = 60_000;

describe.skipIf(whyNoGuest !== undefined)(whyNoGuest ?? "compliance", () => {
	testGuestBackend(uml, {
		describe,
		// oxlint-disable-next-line vitest/expect-expect -- the suite asserts
		test: (name, body) => test(name, { timeout: timeoutMs }, body),
		after: (body) => afterAll(body, timeoutMs),
	});
});
