import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { OsbuildAnswer, OsbuildHost } from "@devhost/tools/testing";
import { type ExpectStatic, test } from "vitest";
import { checkout } from "../service/checkout.ts";
import { executable, Place } from "../service/place.ts";

/** One of the two that are compared. */
export class Side {
	readonly place: Place = new Place();
	readonly #own: boolean;

	constructor(own: boolean) {
		this.#own = own;
	}

	/** Starts a device's or a mount's service: `devices/org.osbuild.loopback`. */
	start(
		module: string,
		id: string = "device/disk",
		environment: Record<string, string> = {},
	): Promise<OsbuildHost> {
		if (this.#own)
			return this.place.start(programs[module] ?? mountOf(module), id, environment);
		// As osbuild's host has it.
		const python = { PYTHONPATH: checkout, PYTHONUNBUFFERED: "1" };
		return this.place.start([`${checkout}/${module}`], id, { ...python, ...environment });
	}

	/** Starts one and opens. */
	async open(
		module: string,
		options: object,
		parent: string | null = null,
	): Promise<{ readonly host: OsbuildHost; readonly answer: OsbuildAnswer }> {
		const host = await this.start(`devices/${module}`);
		return { host, answer: await host.call("open", this.place.open(options, parent)) };
	}

	/** Starts one and mounts. */
	async mount(
		module: string,
		source: string | null,
		target: string,
		options: object = {},
	): Promise<{ readonly host: OsbuildHost; readonly answer: OsbuildAnswer }> {
		const host = await this.start(`mounts/${module}`, "mount/root");
		return {
			host,
			answer: await host.call("mount", this.place.mount(source, target, options)),
		};
	}
}

const programs: Readonly<Record<string, readonly string[]>> = {
	"devices/org.osbuild.loopback": [executable("loopback")],
	"devices/org.osbuild.luks2": [executable("luks2")],
	"devices/org.osbuild.lvm2.lv": [executable("lvm2")],
};

function mountOf(module: string): readonly string[] {
	return [executable("mount"), basename(module)];
}

/** What a test of one side gets. */
export interface Tested {
	readonly side: Side;
	readonly place: Place;
	readonly expect: ExpectStatic;
	readonly skip: (condition: boolean, note: string) => void;
}

/**
 * A row of docs/osbuild-differences.md: what each of the two really does. osbuild's own is asked where `OSBUILD_CHECKOUT` says that it is.
 *
 * @param id - The row's.
 */
export function difference(
	id: string,
	sides: {
		devhost(tested: Tested): Promise<void> | void;
		osbuild(tested: Tested): Promise<void> | void;
	},
): void {
	for (const own of [true, false]) {
		test(
			`${id}: ${own ? "devhost" : "osbuild"}`,
			{ timeout: 120_000 },
			async ({ expect, skip }) => {
				expect.hasAssertions();
				skip(!own && checkout === "", "impossible here: no OSBUILD_CHECKOUT");
				const side = new Side(own);
				const tested = { side, place: side.place, expect, skip };
				await (own ? sides.devhost(tested) : sides.osbuild(tested));
			},
		);
	}
}

/** An exception whose text is like this. */
export function refusal(expect: ExpectStatic, text: RegExp): object {
	return { type: "exception", value: expect.stringMatching(text) as string };
}

/** osbuild's own schema of a module's options. */
export function schemaOf(module: string): {
	readonly properties: Readonly<Record<string, object>>;
} {
	const described = JSON.parse(readFileSync(`${checkout}/${module}.meta.json`, "utf8")) as {
		schema?: { properties: Record<string, object> };
		schema_2?: { properties: { options: { properties: Record<string, object> } } };
	};
	return described.schema ?? described.schema_2?.properties.options ?? { properties: {} };
}

/** The path in the answer. */
export function pathOf({ reply, value }: OsbuildAnswer): string {
	if (typeof reply === "string") return reply;
	const { path } = (reply ?? {}) as { path?: string };
	if (path === undefined) throw new Error(`no path: ${value}`);
	return path;
}
