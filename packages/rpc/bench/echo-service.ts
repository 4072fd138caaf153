/**
 * The service of the benchmarks: echoes values, blobs and descriptors, and floods with signals. It bundles to one small
 * CommonJS file.
 */
import { reply, serve } from "@devhost/rpc";

void serve({
	module: "devhost.bench.echo",
	version: "0.0.0",
	methods: {
		/** The parameters, as they are. */
		echo: (params) => params,
		/** The blob, as it is: it is recycled once it is sent. */
		"echo-blob": (_params, { blob }) => reply(null, { blob }),
		/** The first descriptor, moved back. */
		"echo-fd": (_params, { fds }) => reply(null, { fds: [fds.take(0)] }),
		/** `count` signals with `value`, as quickly as the host reads them. */
		flood: async (params, call) => {
			const { count, value } = params as { count: number; value: unknown };
			for (let sent = 0; sent < count; sent++) {
				call.signalHost("flood", value);
				if (sent % 64 === 63) await call.ready();
			}
			return count;
		},
	},
});
