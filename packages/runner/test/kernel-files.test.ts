import { describe, test } from "vitest";
import { kernelMountsIn } from "../src/kernel-files.ts";

const mountinfo = `
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
24 22 0:22 / /srv/tree/proc rw shared:7 master:1 - proc proc rw
25 22 0:23 / /srv/tree/a\\040b/sys rw - sysfs sysfs rw
26 22 0:24 / /srv/tree/tmp rw - tmpfs tmpfs rw
27 22 0:25 / /srv/trees/proc rw - proc proc rw
28 22 0:26 / /srv/tree/dev rw - devtmpfs udev rw
`;

describe("kernelMountsIn", () => {
	test.for([
		["/srv/tree", ["/srv/tree/proc", "/srv/tree/a b/sys", "/srv/tree/dev"]],
		["/srv/tree/proc", ["/srv/tree/proc"]],
		["/srv/other", []],
		["/", ["/proc", "/srv/tree/proc", "/srv/tree/a b/sys", "/srv/trees/proc", "/srv/tree/dev"]],
	] as const)("finds the kernel's own file systems in %s", ([tree, mounts], { expect }) => {
		expect(kernelMountsIn(tree, mountinfo)).toEqual(mounts);
	});
});
