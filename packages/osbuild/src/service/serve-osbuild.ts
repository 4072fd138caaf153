import { exitNow } from "@devhost/linux";
import { isRpcError, serve, type ServiceDefinition } from "@devhost/rpc";
import { speakOsbuild } from "@devhost/rpc/osbuild";
import { say, sayFailure } from "./say.ts";

/**
 * The whole `main` of an executable for osbuild's host: serves it until its end of the socket is closed, then closes, and ends.
 *
 * The exit status is 1 where closing failed or the host broke the protocol, 2 where no host has started it.
 */
export async function serveOsbuild(service: ServiceDefinition): Promise<void> {
	speakOsbuild();
	try {
		await serve(service, { closeTimeoutMs: 300_000 });
	} catch (error) {
		const isAlone = isRpcError(error, "ERR_RPC_DIALECT");
		process.exitCode = isAlone ? 2 : 1;
		if (isAlone) say(`${service.module}: ${error.message}`);
		else sayFailure(error);
	}
	// Its host waits for it.
	exitNow(Number(process.exitCode ?? 0));
}
