import { describe, test } from "vitest";
import { deviceId, mountId, parseJson } from "../src/index.ts";

const sliced = deviceId(
	"org.osbuild.loopback",
	parseJson('{"filename":"disk.img","start":2048,"size":65536,"lock":true}'),
);
const whole = deviceId(
	"org.osbuild.loopback",
	parseJson('{"filename":"disk.img","partscan":true}'),
);

// Computed by osbuild itself.
describe("mountId", () => {
	test.for([
		{
			type: "some-name",
			parts: { deviceId: "some-id", partition: 1, target: "/", options: { opt1: 1 } },
			id: "15066da9ff760a60f1d1a360de2ad584cc0c97d6f6034e3258b3275ba3da6bb2",
		},
		{
			type: "org.osbuild.ext4",
			parts: { deviceId: sliced, target: "/", options: {} },
			id: "d33e76bd4574f5c045afaccf5e9d76b52a170e89432c9dd28dd453d4a279558b",
		},
		{
			type: "org.osbuild.noop",
			parts: { deviceId: sliced, target: "/boot", options: {} },
			id: "f1f0055e5798cf463324562afa662b2d35d46f217557a811f1ebd7aeedcb677f",
		},
		{
			type: "org.osbuild.ext4",
			parts: { deviceId: whole, partition: 1, target: "/", options: { readonly: true } },
			id: "888e6fba2ddfb1e83461be1b2fda7109c5595370bf90f106c804999782ea3ca0",
		},
		{
			type: "org.osbuild.ext4",
			parts: { deviceId: whole, partition: 0, target: "/", options: {} },
			id: "ede8824c04c65b2d64436321edce8743dc33f328da3faf5d5943998a757e778d",
		},
		{
			type: "org.osbuild.ostree.deployment",
			parts: { options: { deployment: { default: true } } },
			id: "23b44ace8b93ab551608503a8a8d255d750ead29c64fc50a3e5215905cb81cb7",
		},
		{
			type: "org.osbuild.ostree.deployment",
			parts: {},
			id: "f3e6f96953d4cd4c452e3e2d76ffb27afe7954eb54b5509dbff92155f2ae69d3",
		},
	])("is osbuild's: $id", ({ type, parts, id }, { expect }) => {
		expect(mountId(type, parts)).toBe(id);
	});
});
