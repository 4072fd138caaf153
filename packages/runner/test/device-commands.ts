import type { CollectionEvent, FoundDevice, ListEvent } from "../src/device-events.ts";
import { type CliResult, devhost } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";

type Options = Parameters<typeof devhost>[1];

/** Runs `devhost gc --json` with further arguments. */
export async function gc(
	args: readonly string[] = [],
	options: Options = {},
): Promise<CliResult & { readonly events: readonly CollectionEvent[] }> {
	const result = await devhost(["gc", "--json", ...args], options);
	return { ...result, events: lines(result) as CollectionEvent[] };
}

/** Runs `devhost ls --json` with further arguments. */
export async function ls(
	args: readonly string[] = [],
	options: Options = {},
): Promise<
	CliResult & { readonly events: readonly ListEvent[]; readonly devices: readonly FoundDevice[] }
> {
	const result = await devhost(["ls", "--json", ...args], options);
	const events = lines(result) as ListEvent[];
	const devices = events.flatMap((event) =>
		event.event === "device-found" ? [event.device] : [],
	);
	return { ...result, events, devices };
}

/** What was said of devices, as `orphan-removed loop3 root`. */
export function saidOf(
	events: readonly CollectionEvent[],
	isMeant: (device: FoundDevice) => boolean = () => true,
): string[] {
	return events.flatMap((event) =>
		"device" in event && isMeant(event.device)
			? [`${event.event} ${event.device.name} ${event.device.device}`]
			: [],
	);
}

/** Lines of JSON, each of which is what the schema says. */
function lines({ code, stdout, stderr }: CliResult): unknown[] {
	// Neither of them exits with it: Node does, for an error that nobody has caught.
	if (code === 1) throw new Error(stderr);
	const events = stdout
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line) as unknown);
	const complaints = events.flatMap(eventComplaints);
	if (complaints.length > 0) throw new Error(complaints.join("\n"));
	return events;
}
