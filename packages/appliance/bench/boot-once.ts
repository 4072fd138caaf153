/** Boots a guest and prints how many milliseconds it took, from the start of this process to a command's first output. */
import { bootGuest } from "../src/index.ts";

const guest = await bootGuest();
let firstMs = 0;
await guest.run(["echo", "up"], {
	onStdout: () => {
		// The process began before the clock of this one did by what Node's own start took.
		firstMs = performance.now();
	},
});
await guest.powerOff();
console.log(firstMs.toFixed(1));
