/**
 * Manifests of osbuild, version 2, with osbuild's ids and order.
 *
 * @packageDocumentation
 */
export type {
	OsbuildDevice,
	OsbuildInput,
	OsbuildManifest,
	OsbuildMount,
	OsbuildPipeline,
	OsbuildStage,
} from "./manifest.ts";
export { OsbuildManifestError, type OsbuildProblem, pathOf } from "./problem.ts";
export { readOsbuildManifest } from "./read-manifest.ts";
export { type OsbuildStageInfo, readStageInfo, stageProgram } from "./stage-info.ts";
