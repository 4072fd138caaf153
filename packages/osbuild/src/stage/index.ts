/**
 * What a stage of osbuild talks to while it runs.
 *
 * @packageDocumentation
 */
export { type OsbuildException, StageApi, type StageApiOptions } from "./stage-api.ts";
