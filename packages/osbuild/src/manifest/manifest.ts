import type { JsonValue } from "@devhost/core";

/** A manifest of osbuild, version 2, as far as stages and what is opened for them go. */
export interface OsbuildManifest {
	/** In the order of the text. */
	readonly pipelines: readonly OsbuildPipeline[];
}

/** A pipeline: the stages that make one tree. */
export interface OsbuildPipeline {
	readonly name: string;
	/** The pipeline that makes the tree in which its stages run, by name; undefined: the machine's own root. */
	readonly build: string | undefined;
	/** Of its last stage; null of a pipeline without stages. */
	readonly id: string | null;
	readonly stages: readonly OsbuildStage[];
	/** Where it stands: `.pipelines[0]`. */
	readonly path: string;
	/** The same, part by part. */
	readonly parts: readonly (string | number)[];
}

/** A stage: a program, and what is opened for it. */
export interface OsbuildStage {
	/** Name of its executable: `org.osbuild.mkfs.ext4`. */
	readonly type: string;
	/** As osbuild computes it. Devices have no part in it. */
	readonly id: string;
	readonly options: JsonValue;
	/** Seconds since 1970; undefined where the pipeline says nothing. */
	readonly sourceEpoch: JsonValue | undefined;
	/** In the order in which osbuild opens them: parents first. */
	readonly devices: readonly OsbuildDevice[];
	/** In the order in which osbuild mounts them. */
	readonly mounts: readonly OsbuildMount[];
	/** What it is given from sources and other pipelines. */
	readonly inputs: readonly OsbuildInput[];
	/** Where it stands: `.pipelines[0].stages[1]`. */
	readonly path: string;
	/** The same, part by part. */
	readonly parts: readonly (string | number)[];
}

/** Something that a stage is given. */
export interface OsbuildInput {
	/** Any text. */
	readonly name: string;
	readonly type: string;
	/** Where it comes from: `org.osbuild.pipeline` or `org.osbuild.source`. */
	readonly origin: string;
	/** The pipelines that it refers to, by name. */
	readonly pipelines: readonly string[];
	/** Where it stands, part by part. */
	readonly parts: readonly (string | number)[];
}

/** A device of a stage. */
export interface OsbuildDevice {
	/** Any text: `-`, `` and `a/../b`, too. */
	readonly name: string;
	readonly type: string;
	readonly parent: string | undefined;
	/** Undefined where there are none. */
	readonly options: JsonValue | undefined;
	/** As osbuild computes it. */
	readonly id: string;
	/** Where it stands: `.pipelines[0].stages[1].devices.device`. */
	readonly path: string;
	/** The same, part by part. */
	readonly parts: readonly (string | number)[];
}

/** A mount of a stage. */
export interface OsbuildMount {
	/** Any text. */
	readonly name: string;
	readonly type: string;
	/** Name of the device that is mounted. */
	readonly source: string | undefined;
	readonly partition: JsonValue | undefined;
	readonly target: string | undefined;
	/** An empty object where there are none. */
	readonly options: JsonValue;
	/** As osbuild computes it. */
	readonly id: string;
	/** Where it stands: `.pipelines[0].stages[1].mounts[0]`. */
	readonly path: string;
	/** The same, part by part. */
	readonly parts: readonly (string | number)[];
}
