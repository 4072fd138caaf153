/**
 * The service of the benchmarks: echoes values, blobs and descriptors, and floods with signals. It bundles to one small
 * CommonJS file.
 */
import type { Fd } from "@devhost/linux";
import { reply, serve } from "@devhost/rpc";

void serve({
	module: "devhost.bench.echo",
	version: "0.0.0",
	methods: {
		/** The parameters, with the blob and the descriptors that came along: moved back. */
		echo: (params, { blob, fds }) => {
			if (blob === undefined && fds.length === 0) return params;
			const moved: Fd[] = [];
			for (let i = 0; i < fds.length; i++) moved.push(fds.take(i));
			return reply(params, { blob, fds: moved });
		},
		/** `count` signals with a string of `bytes`, as quickly as the host reads them. */
		flood: async (params, call) => {
			const { count, bytes } = params as { count: number; bytes: number };
			const text = "x".repeat(bytes);
			for (let sent = 0; sent < count; sent++) {
				call.signalHost("flood", text);
				if (sent % 512 === 511) await call.ready();
			}
			return count;
		},
	},
});
