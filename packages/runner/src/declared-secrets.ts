import { hasSecretOptions } from "@devhost/core";
import { findSecretOptions, type Secret } from "@devhost/core/secret";
import { declaredDevices } from "./declared-devices.ts";
import type { Manifest, StageDeclaration } from "./manifest.ts";
import type { Modules } from "./modules.ts";
import { formatProblem } from "./problem.ts";

/** A secret of a manifest's device or stage, or where it is. */
export interface DeclaredSecret {
	/** Whose it is, as messages say: the device's name, `stage NAME`. */
	readonly owner: string;
	/** JSON pointer into the device's options, or the stage. */
	readonly pointer: string;
	/** JSON pointer into the manifest. */
	readonly place: string;
	readonly secret: Secret;
}

/**
 * The secrets of a manifest in which nothing is wrong, in the order of the text.
 */
export function declaredSecrets(manifest: Manifest, modules: Modules): DeclaredSecret[] {
	const ofDevices = [...declaredDevices(manifest)].flatMap(({ device }): DeclaredSecret[] => {
		const schema = modules.forType(device.type)?.options;
		if (schema === undefined || !hasSecretOptions(schema)) return [];
		return findSecretOptions(schema, device.options).map(({ pointer, value }) => ({
			owner: device.name,
			pointer,
			place: `${device.pointer}/options${pointer}`,
			secret: value as Secret,
		}));
	});
	return [...ofDevices, ...manifest.stages.flatMap((stage) => stageSecret(stage) ?? [])];
}

/** The secret that a stage reads from its standard input, if that is one. */
export function stageSecret({
	name,
	stdin,
	pointer,
}: StageDeclaration): DeclaredSecret | undefined {
	if (stdin === undefined || typeof stdin === "string") return undefined;
	const [owner, place] = [`stage ${name}`, `${pointer}/stdin`];
	return { owner, pointer: "/stdin", place, secret: stdin };
}

/** Names of environment variables that hold secrets, which commands that print others are not given. */
export function secretVariables(secrets: readonly DeclaredSecret[]): Set<string> {
	return new Set(
		secrets.flatMap(({ secret }) =>
			typeof secret !== "string" && "env" in secret ? [secret.env] : [],
		),
	);
}

/** What to say of secrets that stand in the manifest themselves; undefined where none does. */
export function literalWarning(
	manifest: Manifest,
	secrets: readonly DeclaredSecret[],
): string | undefined {
	const places = secrets.filter(({ secret }) => typeof secret === "string");
	const [first, ...others] = places.map(({ place }) =>
		manifest.problemAt(place, { code: "ERR_DEVICE_OPTIONS", message: "" }),
	);
	if (first === undefined) return undefined;
	const message =
		"a secret that stands in the manifest is known to whoever reads that; " +
		"{ file: PATH } or another reference says where it is instead";
	const also = others.length === 0 ? "" : `. So are ${others.map(({ path }) => path).join(", ")}`;
	return `${formatProblem({ ...first, message })}${also}`;
}
