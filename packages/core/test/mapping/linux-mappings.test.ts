import { test } from "vitest";
import { linuxMappings, openCommand, openTable } from "../../src/mapping/index.ts";

const request = {
	run: "run",
	name: "root",
	subject: "root",
	devices: 0,
	readOnly: false,
	table: [{ startSectors: 0, lengthSectors: 8, type: "zero", parameters: "" }],
};
const command = { file: "/bin/true", argv: ["true"], environment: {} };

test.for([
	["/dev/null", "DM_LIST_DEVICES: ENOTTY"],
	["/no/such/control", "openat2: ENOENT"],
] as const)(
	"a kernel without device-mapper is told as such: %s",
	async ([control, why], { expect }) => {
		const sys = linuxMappings({ control });

		sys.prepare(); // tells nobody
		for (const opening of [
			openTable(sys, request),
			openCommand(sys, { ...request, command, top: "top" }),
		]) {
			await expect(opening).rejects.toMatchObject({
				code: "ERR_DEVICE_UNSUPPORTED",
				message:
					"root: there is no device-mapper here. Load the kernel's module (modprobe dm-mod), or use a kernel that has it: " +
					`devhost run --backend uml brings one (${why})`,
			});
		}
	},
);
