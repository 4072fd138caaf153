// Makes a file with a file system in its second MiB and after, by the library: no manifest, no stages. Needs root.
//
//   node format-image.ts disk.img
import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { loopback, openHost } from "devhost";

const [name = "disk.img"] = process.argv.slice(2);
const file = resolve(name);
const image = openSync(file, "w");
ftruncateSync(image, 64 * 2 ** 20);
closeSync(image);

// Both are closed at the end of this file, the devices first; what was written is in the file then.
await using host = openHost({ tree: dirname(file) });
await using devices = await host.open({
	// The range from 1 MiB on, in sectors of 512 bytes.
	root: loopback({ filename: basename(file), start: 2048 }),
});
const node = host.pathOf(devices.get("root"));
execFileSync("mkfs.ext4", ["-q", "-L", "root", node], { stdio: "inherit" });
console.log(`${name}: a file system from byte ${2048 * 512} on`);
