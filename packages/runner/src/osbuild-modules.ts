import type { JsonValue } from "@devhost/core";
import { type OsbuildModule, readOsbuildModules } from "@devhost/osbuild/modules";
import { optionsAsWritten } from "./manifest-draft.ts";
import type { DeviceDeclaration } from "./manifest.ts";
import { pointerSteps } from "./json-path.ts";
import type { DeviceModule, MountType } from "./modules.ts";
import { type ExplainedComplaint, explainSchemaComplaints } from "./schema-problems.ts";
import { validateDraft4 } from "./validate-options.ts";

/** Modules of osbuild's at a path, as ours. */
export function readOsbuild(path: string, name: string): DeviceModule[] {
	return readOsbuildModules(path).map((osbuild) => {
		const { type, program, options } = osbuild;
		return {
			package: name,
			types: [type],
			...(osbuild.kind === "mount" && { mounts: { [type]: mountType(osbuild) } }),
			// Their descriptions do not say.
			parent: "optional",
			service: program,
			options,
			file: program,
			isBuiltIn: false,
			needs: [],
			tools: [],
			osbuild,
		};
	});
}

function mountType({ source, options }: OsbuildModule): MountType {
	const { properties } = options as { readonly properties?: object };
	return { source, options: Object.keys(properties ?? {}), others: true };
}

/** What a module's own schema says of a device's options, or of all of a mount. */
export function osbuildComplaints(
	{ type, mount, hasTarget, ...module }: OsbuildModule,
	device: DeviceDeclaration,
): ExplainedComplaint[] {
	const options = optionsAsWritten(device);
	if (mount === undefined) {
		return explainSchemaComplaints(validateDraft4(module.options, device.options), {
			schema: module.options,
			value: options ?? new Map<string, JsonValue>(),
			base: pointerSteps(`${device.pointer}/options`),
		});
	}
	const { name, parent, mount: { target, partition } = {} } = device;
	// Our manifests have a target for each: one that is not asked where says that it is in the tree.
	const isPlain = hasTarget || target !== "tree://";
	const plain = {
		name,
		type,
		...(parent !== undefined && { source: parent }),
		...(target !== undefined && isPlain && { target }),
		...(partition !== undefined && { partition }),
	};
	const hasOptions = options !== undefined;
	const found = validateDraft4(mount, {
		...plain,
		...(hasOptions && { options: device.options }),
	});
	const value = new Map<string, JsonValue>(Object.entries(plain) as [string, JsonValue][]);
	if (hasOptions) value.set("options", options);
	return explainSchemaComplaints(
		// Whether it has a source is a matter of the graph, which says so, too.
		found.filter(({ instancePath, params }) => {
			const key = params["missingProperty"] ?? params["additionalProperty"];
			return instancePath !== "" || key !== "source";
		}),
		{ schema: mount, value, base: pointerSteps(device.pointer) },
	);
}
