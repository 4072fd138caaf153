import { execFileSync } from "node:child_process";
import {
	closeSync,
	existsSync,
	lstatSync,
	openSync,
	readdirSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describeAsRoot } from "@devhost/tools/testing";
import { backingFile, loopsOf, megabyte, type Place, sysfsNumber } from "../service/place.ts";
import { difference, pathOf, refusal, schemaOf, type Tested } from "./difference.ts";

const loopback = "org.osbuild.loopback";

describeAsRoot("loop devices", () => {
	const outside = (place: Place): string => {
		const path = join(place.folder, "outside.img");
		writeFileSync(path, Buffer.alloc(megabyte));
		return path;
	};

	difference("loopback-outside", {
		async devhost({ side, place, expect }) {
			outside(place);
			const { answer } = await side.open(loopback, { filename: "../outside.img" });
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_FILE: /));
		},
		async osbuild({ side, place, expect }) {
			const image = outside(place);
			const { answer } = await side.open(loopback, { filename: "../outside.img" });
			expect(backingFile(pathOf(answer))).toBe(image);
		},
	});

	difference("loopback-link-outside", {
		async devhost({ side, place, expect }) {
			symlinkSync(outside(place), join(place.tree, "link.img"));
			const { answer } = await side.open(loopback, { filename: "link.img" });
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_FILE: /));
		},
		async osbuild({ side, place, expect }) {
			const image = outside(place);
			symlinkSync(image, join(place.tree, "link.img"));
			const { answer } = await side.open(loopback, { filename: "link.img" });
			expect(backingFile(pathOf(answer))).toBe(image);
		},
	});

	const beyond = { filename: "image.img", start: 1024, size: 2048 };

	difference("loopback-range", {
		async devhost({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, beyond);
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_OUT_OF_RANGE: /));
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, beyond);
			expect(sysfsNumber(`${pathOf(answer)}/size`)).toBe(1024);
		},
	});

	difference("loopback-empty", {
		async devhost({ side, place, expect }) {
			place.image("image.img", 0);
			const { answer } = await side.open(loopback, { filename: "image.img" });
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_/));
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", 0);
			const { answer } = await side.open(loopback, { filename: "image.img" });
			expect(sysfsNumber(`${pathOf(answer)}/size`)).toBe(0);
		},
	});

	difference("loopback-tail", {
		async devhost({ side, place, expect }) {
			place.image("image.img", megabyte + 100);
			const { answer } = await side.open(loopback, { filename: "image.img" });
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_UNALIGNED: /));
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte + 100);
			const { answer } = await side.open(loopback, { filename: "image.img" });
			expect(sysfsNumber(`${pathOf(answer)}/size`)).toBe(2048);
		},
	});

	for (const [id, sectorBytes] of [
		["loopback-sector-size", 1000],
		["loopback-sector-size-zero", 0],
		["loopback-sector-size-large", 8192],
	] as const) {
		const options = { filename: "image.img", "sector-size": sectorBytes };
		difference(id, {
			async devhost({ side, place, expect }) {
				place.image("image.img", megabyte);
				const { answer } = await side.open(loopback, options);
				expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_OPTIONS: .*sector-size/));
			},
			async osbuild({ side, place, expect }) {
				place.image("image.img", megabyte);
				const { answer } = await side.open(loopback, options);
				// Kernels take what they have: 6.15 and later up to 64 KiB.
				const given = sysfsNumber(`${pathOf(answer)}/queue/logical_block_size`);
				expect(sectorBytes === 8192 ? [512, 8192] : [512]).toContain(given);
			},
		});
	}

	const asFloat = ({ place }: Tested, start: string): string => {
		place.image("image.img", megabyte);
		const args = JSON.stringify(place.open({ filename: "image.img", start: 0 }));
		const text = args.replace('"start":0', `"start":${start}`);
		return `{"type": "method", "data": {"name": "open", "args": ${text}}}`;
	};

	difference("loopback-float", {
		async devhost(tested) {
			const host = await tested.side.start(`devices/${loopback}`);
			await host.send(asFloat(tested, "2.0"));
			const { document } = await host.receive();
			tested.expect(document).toMatchObject({ type: "reply" });
			const { path } = (document as { data: { reply: { path: string } } }).data.reply;
			tested.expect(sysfsNumber(`${path}/loop/offset`)).toBe(1024);
		},
		async osbuild(tested) {
			const host = await tested.side.start(`devices/${loopback}`);
			await host.send(asFloat(tested, "2.0"));
			const { document } = await host.receive();
			tested.expect(document).toMatchObject({ data: { name: "TypeError" } });
		},
	});

	difference("loopback-read-only-file", {
		async devhost({ side, place, expect }) {
			const image = place.image("image.img", megabyte);
			execFileSync("chattr", ["+i", image]);
			const { answer } = await side.open(loopback, {
				filename: "image.img",
				"read-only": true,
			});
			execFileSync("chattr", ["-i", image]);
			expect(answer).toMatchObject({ type: "reply" });
		},
		async osbuild({ side, place, expect }) {
			const image = place.image("image.img", megabyte);
			execFileSync("chattr", ["+i", image]);
			const { answer } = await side.open(loopback, {
				filename: "image.img",
				"read-only": true,
			});
			execFileSync("chattr", ["-i", image]);
			expect(answer).toMatchObject({ name: "PermissionError" });
		},
	});

	difference("loopback-parent", {
		async devhost({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, { filename: "image.img" }, "loop0");
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_PARENT: /));
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, { filename: "image.img" }, "loop0");
			expect(answer).toMatchObject({ type: "reply" });
		},
	});

	difference("loopback-twice", {
		async devhost({ side, place, expect }) {
			const image = place.image("image.img", megabyte);
			const { host } = await side.open(loopback, { filename: "image.img" });
			const answer = await host.call("open", place.open({ filename: "image.img" }));
			expect(answer).toMatchObject(refusal(expect, /^ERR_DEVICE_NAME: /));
			expect(loopsOf(image)).toHaveLength(1);
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { host, answer } = await side.open(loopback, { filename: "image.img" });
			const second = await host.call("open", place.open({ filename: "image.img" }));
			expect(second).toMatchObject({ type: "reply" });
			expect(second.reply).not.toEqual(answer.reply);
		},
	});

	difference("loopback-again", {
		async devhost({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { host } = await side.open(loopback, { filename: "image.img" });
			await host.call("close");
			const answer = await host.call("open", place.open({ filename: "image.img" }));
			expect(answer).toMatchObject({ type: "reply" });
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { host } = await side.open(loopback, { filename: "image.img" });
			await host.call("close");
			const answer = await host.call("open", place.open({ filename: "image.img" }));
			expect(answer).toMatchObject(refusal(expect, /LoopControl closed/));
		},
	});

	difference("loopback-direct-io", {
		async devhost({ side, place, expect, skip }) {
			const image = place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, {
				filename: "image.img",
				"direct-io": true,
			});
			skip(/O_DIRECT|direct/.test(answer.value ?? ""), "impossible here: no direct I/O");
			expect(sysfsNumber(`${pathOf(answer)}/loop/dio`)).toBe(1);
			expect(loopsOf(image)).toHaveLength(1);
		},
		osbuild({ expect }) {
			const { properties } = schemaOf(`devices/${loopback}`);
			expect(Object.keys(properties)).not.toContain("direct-io");
		},
	});

	const partitioned = (place: Place): void => {
		const image = place.image("disk.img", 16 * megabyte);
		execFileSync("sfdisk", ["--quiet", image], { input: "label: gpt\nsize=4MiB\nsize=4MiB\n" });
	};

	difference("loopback-partitions", {
		async devhost({ side, place, expect }) {
			partitioned(place);
			const { answer } = await side.open(loopback, { filename: "disk.img", partscan: true });
			const path = pathOf(answer);
			expect(readdirSync(place.dev)).toEqual([path, `${path}p1`, `${path}p2`]);
		},
		async osbuild({ side, place, expect, skip }) {
			partitioned(place);
			const { answer } = await side.open(loopback, { filename: "disk.img", partscan: true });
			const path = pathOf(answer);
			const known = existsSync(`/sys/block/${path}/${path}p1`);
			skip(known, "impossible here: the kernel reads partition tables");
			expect(readdirSync(place.dev)).toEqual([path]);
		},
	});

	/** Nodes with the names of all loop devices, and of another device. */
	const stale = (place: Place): void => {
		const loops = readdirSync("/sys/block").filter((name) => name.startsWith("loop"));
		// The next free one may have to be made.
		const paths = [...loops, `loop${loops.length}`].map((name) => join(place.dev, name));
		const script = 'for path; do mknod "$path" c 1 3; done';
		execFileSync("sh", ["-ec", script, "sh", ...paths]);
	};

	difference("loopback-stale-node", {
		async devhost({ side, place, expect }) {
			stale(place);
			place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, { filename: "image.img" });
			const { path, node } = answer.reply as { path: string; node: { minor: number } };
			expect(numberOf(join(place.dev, path))).toEqual([7, node.minor]);
		},
		async osbuild({ side, place, expect }) {
			stale(place);
			place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, { filename: "image.img" });
			expect(numberOf(join(place.dev, pathOf(answer)))).toEqual([1, 3]);
		},
	});

	difference("loopback-node-left", {
		async devhost({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { host } = await side.open(loopback, { filename: "image.img" });
			await host.stop();
			expect(readdirSync(place.dev)).toEqual([]);
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { host, answer } = await side.open(loopback, { filename: "image.img" });
			await host.stop();
			expect(readdirSync(place.dev)).toEqual([pathOf(answer)]);
		},
	});

	const locks = (): string[] => {
		const folder = "/run/osbuild/locks/udev";
		return existsSync(folder) ? readdirSync(folder) : [];
	};

	difference("loopback-udev-lock", {
		async devhost({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, { filename: "image.img" });
			const { minor } = (answer.reply as { node: { minor: number } }).node;
			expect(locks()).not.toContain(`device-7:${minor}`);
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { answer } = await side.open(loopback, { filename: "image.img" });
			const { minor } = (answer.reply as { node: { minor: number } }).node;
			expect(locks()).toContain(`device-7:${minor}`);
		},
	});

	/** Somebody else's descriptor of the device. */
	const hold = (path: string): Disposable => {
		const fd = openSync(path, "r");
		return { [Symbol.dispose]: () => closeSync(fd) };
	};

	difference("close-busy", {
		async devhost({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { host, answer } = await side.open(loopback, { filename: "image.img" });
			using _held = hold(join(place.dev, pathOf(answer)));
			const closed = await host.call("close");
			expect(closed).toMatchObject(refusal(expect, /^ERR_DEVICE_BUSY: .*node/));
			expect((await host.stop()).status).toBe(0); // It has answered, and does not fail again.
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { host, answer } = await side.open(loopback, { filename: "image.img" });
			using _held = hold(join(place.dev, pathOf(answer)));
			const closed = await host.call("close");
			expect(closed).toMatchObject({ value: "waiting for loop device timed out" });
		},
	});

	difference("service-hangup", {
		async devhost({ side, place, expect }) {
			const image = place.image("image.img", megabyte);
			const { host } = await side.open(loopback, { filename: "image.img" });
			await host.signal(1);
			expect(await host.call("close")).toMatchObject({ type: "reply" });
			expect(loopsOf(image)).toEqual([]);
		},
		async osbuild({ side, place, expect }) {
			place.image("image.img", megabyte);
			const { host } = await side.open(loopback, { filename: "image.img" });
			await host.signal(1);
			expect(await host.stop()).toMatchObject({ status: -1 });
		},
	});

	const nested = (depth: number): string => {
		const args = `${"[".repeat(depth)}${"]".repeat(depth)}`;
		return `{"type": "method", "data": {"name": "none", "args": ${args}}}`;
	};

	difference("protocol-nesting", {
		async devhost({ side, expect }) {
			const host = await side.start(`devices/${loopback}`);
			await host.send(nested(600));
			expect(await host.receive()).toEqual({ end: "end" });
			expect(await host.stop()).toMatchObject({ status: 1 });
		},
		async osbuild({ side, expect }) {
			const host = await side.start(`devices/${loopback}`);
			await host.send(nested(600));
			expect((await host.receive()).document).toMatchObject({
				data: { value: "Unknown method" },
			});
		},
	});

	difference("protocol-size", {
		async devhost({ side, expect }) {
			const host = await side.start(`devices/${loopback}`);
			const answer = await host.call("none", undefined, { long: 33 * megabyte });
			expect(answer).toMatchObject({ end: "end" });
			expect(await host.stop()).toMatchObject({
				status: 1,
				output: expect.stringMatching(/^ERR_RPC_LIMIT: /) as string,
			});
		},
		async osbuild({ side, expect }) {
			const host = await side.start(`devices/${loopback}`);
			const answer = await host.call("none", undefined, { long: 33 * megabyte });
			expect(answer).toMatchObject({ value: "Unknown method" });
		},
	});
});

function numberOf(path: string): [major: number, minor: number] {
	const { rdev } = lstatSync(path);
	return [(rdev >> 8) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00)];
}
