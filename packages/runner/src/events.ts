import type { DeviceNumber } from "@devhost/linux";
import type { Problem } from "./problem.ts";
import type { OutputStream } from "./stage-output.ts";

/** What went wrong, as plain data: in events, and in lines of `--json`. */
export interface ErrorReport {
	/** Stable: branch on it. `ERR_UNKNOWN` for an error that nobody foresaw. */
	readonly code: string;
	/** One sentence. */
	readonly message: string;
	readonly stage?: string;
	readonly device?: string;
	/** Exit status of the stage's command. */
	readonly exitCode?: number;
	/** Signal that ended a process. */
	readonly signal?: string;
	/** The last output of the process that it is about. */
	readonly output?: string;
	/** JSON pointer into the options of the device. */
	readonly pointer?: string;
	/** Where in the manifest, when that is what is wrong. */
	readonly place?: {
		readonly file: string;
		/** From 1; 0 when it is the file as a whole. */
		readonly line: number;
		/** From 1; 0 when it is the file as a whole. */
		readonly column: number;
		/** JSON pointer (RFC 6901). */
		readonly pointer: string;
	};
	/** Further facts, such as who holds a busy device. */
	readonly details?: Readonly<Record<string, unknown>>;
	/** What led to it, nearest first. */
	readonly causes?: readonly { readonly code?: string; readonly message: string }[];
}

/** What happens during a run, in order. Durations are in milliseconds. */
export type RunEvent =
	| {
			readonly event: "run-started";
			/** The run's id, as in the tags of its devices. */
			readonly run: string;
			readonly manifest: string;
			readonly tree: string;
			readonly stages: readonly string[];
	  }
	| {
			/** A guest kernel is up, in which everything that follows happens. */
			readonly event: "guest-started";
			readonly backend: string;
			/** The release of its kernel: `6.1.176`. */
			readonly kernel: string;
			readonly durationMs: number;
	  }
	| { readonly event: "service-started"; readonly service: string }
	| {
			readonly event: "device-opened";
			readonly device: string;
			readonly type: string;
			/** Of its declaration, as osbuild computes it. */
			readonly id?: string;
			/** The stage that it is of; absent for a shared device. */
			readonly stage?: string;
			/** Where stages find it. */
			readonly path: string;
			readonly node: DeviceNumber;
			/** Further facts, as its type gives them: `{ sizeBytes: 20971520, … }`. */
			readonly details?: Readonly<Record<string, unknown>>;
			readonly durationMs: number;
	  }
	| {
			readonly event: "device-closed";
			readonly device: string;
			readonly durationMs: number;
	  }
	| {
			readonly event: "mounted";
			readonly mount: string;
			readonly type: string;
			/** Of its declaration, as osbuild computes it. */
			readonly id?: string;
			/** The stage that it is of; absent for a shared mount. */
			readonly stage?: string;
			/** Where stages find it. */
			readonly path: string;
			/** Further facts, as its type gives them. */
			readonly details?: Readonly<Record<string, unknown>>;
			readonly durationMs: number;
	  }
	| {
			readonly event: "unmounted";
			readonly mount: string;
			readonly durationMs: number;
	  }
	| {
			readonly event: "stage-started";
			readonly stage: string;
			/** From 1. */
			readonly number: number;
			readonly count: number;
			/** The command, placeholders filled in. */
			readonly command: readonly string[];
			/** Of a stage of osbuild, as osbuild computes it. */
			readonly id?: string;
	  }
	| {
			/** A piece of output, as it came: a line may come in several, and several in one. */
			readonly event: "stage-output";
			readonly stage: string;
			readonly stream: OutputStream;
			/** Bytes that are not UTF-8 are `\xNN`. */
			readonly text: string;
	  }
	| {
			readonly event: "stage-ended";
			readonly stage: string;
			readonly success: boolean;
			readonly durationMs: number;
			/** What a stage of osbuild said of itself (`osbuild.api.metadata`), where it said something. */
			readonly metadata?: unknown;
			/** Why it failed. */
			readonly error?: ErrorReport;
	  }
	| {
			/** What a service process says. */
			readonly event: "log";
			readonly service: string;
			readonly text: string;
	  }
	| { readonly event: "warning"; readonly code: string; readonly message: string }
	| {
			/** The last one of a run. */
			readonly event: "run-ended";
			readonly success: boolean;
			/** Of the process `devhost run`. */
			readonly exitCode: number;
			readonly durationMs: number;
			/** First cause first; empty after success. */
			readonly errors: readonly ErrorReport[];
	  };

/** Something that is wrong with a manifest, or that kept it from being looked at. */
export interface ReportedProblem extends Omit<Problem, "code"> {
	readonly code: string;
}

/** What the command line reports: a run, or what is wrong with a manifest. */
export type ReportEvent =
	| RunEvent
	/** One for each thing that is wrong. */
	| { readonly event: "problem"; readonly problem: ReportedProblem }
	/** The last one of a check. */
	| {
			readonly event: "check-ended";
			/** As it was named; empty when none was. */
			readonly manifest: string;
			readonly success: boolean;
			/** Of the process `devhost check`. */
			readonly exitCode: number;
	  };
