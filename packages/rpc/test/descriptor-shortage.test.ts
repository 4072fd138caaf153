import { closeSync, openSync } from "node:fs";
import { isOpenFd } from "@devhost/linux";
import { describe, test } from "vitest";
import { Client } from "../src/client.ts";
import { ServiceManager } from "../src/service-manager.ts";
import { CALL, channelPair, Mailbox, ScriptedPeer } from "../src/testing.ts";
import { descriptorCount, textFile } from "./descriptors.ts";

/** Opens all descriptors that this process may have, but for `left` of them, as long as `action` runs. */
function withOnly<T>(left: number, action: () => T): T {
	const taken: number[] = [];
	try {
		for (;;) taken.push(openSync("/dev/null", "r"));
	} catch {
		for (const fd of taken.splice(0, left)) closeSync(fd);
	}
	try {
		return action();
	} finally {
		for (const fd of taken) closeSync(fd);
	}
}

describe("a process that has no descriptors left", { timeout: 20_000 }, () => {
	test.for([0, 1, 2, 3, 4])(
		"starts no service, and leaks none of its last %i",
		(left, { expect }) => {
			const before = descriptorCount();
			const manager = new ServiceManager();
			const start = (): unknown =>
				manager.start({ name: "x", file: "/bin/true", argv: ["true"] });

			expect(() => withOnly(left, start)).toThrow(
				expect.objectContaining({
					code: "ERR_RPC_SERVICE_START",
					message:
						"service x: /bin/true: this process has no descriptor left for it (see ulimit -n)",
				}),
			);

			expect(descriptorCount()).toBe(before);
		},
	);

	test("cannot receive any: the channel ends, and keeps none of them", async ({ expect }) => {
		const before = descriptorCount();
		const inbox = new Mailbox();
		const [left, right] = channelPair(new Mailbox(), inbox);
		const file = textFile("x");
		void left.send({ type: CALL, value: ["x"], fds: Array.from({ length: 10 }, () => file) });

		// The event loop has to run meanwhile.
		const taken: number[] = [];
		try {
			for (;;) taken.push(openSync("/dev/null", "r"));
		} catch {
			for (const fd of taken.splice(0, 3)) closeSync(fd);
		}
		const error = await inbox.end;
		for (const fd of taken) closeSync(fd);

		expect(error).toMatchObject({
			code: "ERR_RPC_PROTOCOL",
			message: expect.stringContaining("MSG_CTRUNC"),
		});
		left.close();
		right.close();
		file.close();
		expect(descriptorCount()).toBe(before);
	});

	test("cannot keep those of a call that has to wait: the call fails", async ({ expect }) => {
		const { peer, socket } = ScriptedPeer.pair();
		const client = new Client(socket);
		using file = textFile("x");

		const call = withOnly(1, () => client.call("x", null, { fds: [file, file] }));

		await expect(call).rejects.toMatchObject({ code: "EMFILE" });
		expect(isOpenFd(file.fd)).toBe(true);
		client.disconnect();
		peer.close();
	});
});
