import { hasSecretOptions } from "@devhost/core";
import { declaredDevices } from "./declared-devices.ts";
import type { Manifest } from "./manifest.ts";
import type { Modules } from "./modules.ts";

/** Whether a manifest has devices of a type with options for secrets, or stages that read one. Loads nothing that deals with them. */
export function mayHaveSecrets(manifest: Manifest, modules: Modules): boolean {
	if (manifest.stages.some(({ stdin }) => typeof stdin === "object")) return true;
	return declaredDevices(manifest).some(({ device }) => {
		const schema = modules.forType(device.type)?.options;
		return schema !== undefined && hasSecretOptions(schema);
	});
}
