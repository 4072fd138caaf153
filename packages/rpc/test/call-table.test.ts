import fc from "fast-check";
import { test } from "vitest";
import { CallTable, type NumberedCall } from "../src/call-table.ts";
import { maxCallsInFlight } from "../src/limits.ts";

test("a call table holds what a map would", ({ expect }) => {
	// Few different places, so that many ids want the same one, also around the end of the table.
	const id = fc.nat(3).chain((low) => fc.nat(40).map((high) => (high * 512 + low - 2) >>> 0));
	const step = fc.record({ adds: fc.boolean(), id });

	fc.assert(
		fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
			const table = new CallTable<NumberedCall>();
			const map = new Map<number, NumberedCall>();
			for (const { adds, id } of steps) {
				const call = map.get(id);
				expect(table.get(id)).toBe(call);
				if (adds && call === undefined) {
					const added = { id };
					table.add(added);
					map.set(id, added);
				} else if (!adds && call !== undefined) {
					table.delete(call);
					map.delete(id);
				}
				expect(table.size).toBe(map.size);
			}
			expect(new Set(table.values())).toEqual(new Set(map.values()));
			for (const [id, call] of map) expect(table.get(id)).toBe(call);
		}),
	);
});

test("a call table has room for one call more than may be in flight, whatever their ids", ({
	expect,
}) => {
	const table = new CallTable<NumberedCall>();
	const calls = Array.from({ length: maxCallsInFlight + 1 }, (_, i) => ({ id: i << 16 }));

	for (const call of calls) table.add(call);

	expect(table.get(5)).toBeUndefined();
	expect(table.values()).toHaveLength(calls.length);
	for (const call of calls) table.delete(call);
	expect([table.size, table.values()]).toEqual([0, []]);
});
