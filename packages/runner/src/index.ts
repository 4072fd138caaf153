/**
 * Runs stages that see only the devices their manifest declares.
 *
 * @packageDocumentation
 */
export {
	isRunError,
	RunError,
	type RunErrorCode,
	type RunErrorOptions,
	StageError,
} from "./error.ts";
export type { ErrorReport, RunEvent } from "./events.ts";
export { exitCodes } from "./exit-code.ts";
export {
	type Host,
	type HostOptions,
	loopback,
	luks2,
	lvm2,
	type MountSpec,
	openHost,
	partition,
} from "./host.ts";
export {
	type DeviceDeclaration,
	type Manifest,
	type ManifestSource,
	type ManifestText,
	parseManifest,
	readManifest,
	type StageDeclaration,
} from "./manifest.ts";
export type { OsbuildOptions } from "./osbuild-manifest.ts";
export {
	formatProblem,
	isManifestError,
	ManifestError,
	type ManifestErrorCode,
	type Problem,
	type ProblemCode,
} from "./problem.ts";
export { run, RunFailure, type RunOptions, type RunResult, type StageResult } from "./run.ts";
export type { RunSource } from "./run-source.ts";
export type { OutputStream } from "./stage-output.ts";
