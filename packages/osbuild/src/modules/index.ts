/**
 * osbuild's device and mount modules, in a host of ours.
 *
 * @packageDocumentation
 */
export { readOsbuildModules } from "./find-modules.ts";
export { type ModuleHost, ModuleServices } from "./module-services.ts";
export type { DescribedModule, OsbuildModule } from "./osbuild-module.ts";
