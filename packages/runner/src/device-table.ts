import { describeHolder, type Holder } from "@devhost/core";
import { displayText } from "./display-text.ts";
import type { ListedDevice } from "./list-devices.ts";

/** Devices as a table for people: a line each, and what its columns are above them. */
export function deviceTable(devices: readonly ListedDevice[]): string {
	const rows = [headings, ...devices.map(cells)].map((row) => row.map(displayText));
	const widths = headings.map((_, column) =>
		Math.max(...rows.map((row) => (row[column] ?? "").length)),
	);
	return rows
		.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
		.map((line) => `${line.trimEnd()}\n`)
		.join("");
}

const headings = ["RUN", "DEVICE", "TYPE", "NODE", "SIZE", "STATE", "SINCE", "HELD BY"];

function cells(listed: ListedDevice): string[] {
	const { run, device, type, name, sizeBytes, state, sinceMs, holders } = listed;
	return [
		run,
		device,
		type,
		name,
		size(sizeBytes),
		state.replace("-", " "),
		sinceMs === undefined ? "" : localTime(new Date(sinceMs)),
		heldBy(holders),
	];
}

function heldBy(holders: readonly Holder[]): string {
	return holders.map(describeHolder).join(", ");
}

/** In the largest unit of which it is one or more: `20 MiB`, `1.5 GiB`, `512 B`. */
function size(bytes: number): string {
	const power = Math.min(4, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
	const value = bytes / 1024 ** power;
	const digits = Number.isInteger(value) ? 0 : 1;
	return `${value.toFixed(digits)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

/** `2026-11-23 05:22:01`, by the user's clock. */
function localTime(time: Date): string {
	const [year, ...others] = [
		time.getFullYear(),
		time.getMonth() + 1,
		time.getDate(),
		time.getHours(),
		time.getMinutes(),
		time.getSeconds(),
	];
	const [month, day, hours, minutes, seconds] = others.map((part) =>
		part.toString().padStart(2, "0"),
	);
	return `${year}-${month}-${day} ${hours}:${minutes}:${seconds}`;
}
