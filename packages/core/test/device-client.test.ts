import { describe, test } from "vitest";
import { callOpen, type DeviceServiceClient } from "../src/device-client.ts";

const request = { name: "disk", type: "test.odd", options: undefined, parents: [] };

function answering(value: unknown): DeviceServiceClient {
	return { call: async () => ({ value, [Symbol.dispose]() {} }) };
}

describe("an answer that is no device", () => {
	const node = { major: 7, minor: 0 };
	test.for([
		[undefined, "nothing"],
		[null, "null"],
		["loop0", '"loop0"'],
		[{ path: "loop0" }, '{"path":"loop0"}'],
		[{ path: "", node }, '{"path":"","node":{"major":7,"minor":0}}'],
		[{ path: "/dev/sda", node }, '"/dev/sda"'],
		[{ path: "../sda", node }, '"../sda"'],
		[{ path: "a/./b", node }, '"a/./b"'],
		[{ path: "loop0\0", node }, String.raw`"loop0\u0000"`],
		[{ path: "loop0", node: { major: 7, minor: -1 } }, '"minor":-1'],
		[{ path: "loop0", node: { major: 7, minor: 2n ** 60n } }, '"minor":"1152921504606846976"'],
		[{ path: "loop0", node, details: "none" }, '"details":"none"'],
	] as const)("is refused and shown: %s", async ([answer, shown], { expect }) => {
		await expect(callOpen(answering(answer), request, {})).rejects.toMatchObject({
			code: "ERR_DEVICE_SERVICE",
			device: "disk",
			message: expect.stringMatching(
				/^disk: the service of test\.odd answered .*, which is not a device$/,
			),
		});
		await expect(callOpen(answering(answer), request, {})).rejects.toThrow(shown);
	});
});
