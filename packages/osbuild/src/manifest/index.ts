/**
 * Manifests of osbuild, version 2, with osbuild's ids and order.
 *
 * @packageDocumentation
 */
export type {
	OsbuildDevice,
	OsbuildManifest,
	OsbuildMount,
	OsbuildPipeline,
	OsbuildStage,
} from "./manifest.ts";
export { OsbuildManifestError, type OsbuildProblem } from "./problem.ts";
export { isOsbuildManifest, readOsbuildManifest } from "./read-manifest.ts";
