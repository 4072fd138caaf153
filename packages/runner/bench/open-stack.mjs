// open-stack.mjs FOLDER: opens and closes a volume in a container on a file once, by the library, and prints how many
// milliseconds that took, the starting and stopping of the services included.
import { join } from "node:path";
import { argv } from "node:process";
import { loopback, luks2, lvm2, openHost } from "../dist/index.js";

const [, , folder = ""] = argv;
const startMs = performance.now();
{
	await using host = openHost({ tree: folder });
	await using _ = await host.open({
		disk: loopback({ filename: "disk.img" }),
		crypt: luks2("disk", { passphrase: { file: join(folder, "passphrase") } }),
		top: lvm2("crypt", { volume: "root" }),
	});
}
console.log(performance.now() - startMs);
