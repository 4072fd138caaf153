/**
 * osbuild's dialect: JSON over `SOCK_SEQPACKET`. Who wants to speak it says so once; nobody else loads it.
 *
 * @packageDocumentation
 */
import { setDialect } from "./dialect.ts";
import { OsbuildWire } from "./osbuild-dialect.ts";

export { encodeDocument, receiveDocument, type ReceivedDocument } from "./osbuild-dialect.ts";

/**
 * Lets clients, services and channels of this process speak osbuild's dialect on sockets of type `SOCK_SEQPACKET`.
 *
 * @example
 * ```ts
 * import { serve } from "@devhost/rpc";
 * import { speakOsbuild } from "@devhost/rpc/osbuild";
 *
 * speakOsbuild();
 * await serve({
 * 	module: "example.echo",
 * 	version: "1.0.0",
 * 	methods: { echo: (args) => args },
 * });
 * ```
 */
export function speakOsbuild(): void {
	setDialect("seqpacket", OsbuildWire);
}
