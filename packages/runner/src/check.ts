import { statSync } from "node:fs";
import {
	closestName,
	hasSecretOptions,
	jsonPointer,
	resolveGraph,
	type DeviceSpec,
	type DeviceType,
	type JsonValue,
} from "@devhost/core";
import { findLoopbackOptionsSchemaProblems } from "./generated/loopback-options.ts";
import { checkFileRanges } from "./check-file-ranges.ts";
import { declaredDevices } from "./declared-devices.ts";
import { pointerSteps } from "./json-path.ts";
import { optionsAsWritten, type ManifestDraft } from "./manifest-draft.ts";
import { sharedDevicesOf, sharedLifetimes, type Lifetime } from "./manifest-lifetime.ts";
import { findPlaceholders } from "./manifest-placeholder.ts";
import { readManifestText } from "./manifest-text.ts";
import {
	inspectManifest,
	type DeviceDeclaration,
	type Manifest,
	type ManifestText,
	type StageDeclaration,
} from "./manifest.ts";
import {
	deviceTypes,
	findModules,
	isTypeName,
	type DeviceModule,
	type Modules,
} from "./modules.ts";
import { sortProblems, type Problem, type ProblemCode } from "./problem.ts";
import { explainSchemaComplaints, type SchemaComplaint } from "./schema-problems.ts";

/** How {@link checkManifest} looks at a manifest. */
export interface CheckOptions {
	/** Which types of devices there are. @default those that come with devhost, and the manifest's own */
	readonly modules?: Modules | undefined;
	/**
	 * What is said of files in the tree.
	 *
	 * - `now`: as they are. A range outside of a file is a problem, even if an earlier stage could make the file larger.
	 * - `certain`: only what no stage can mend, because it is wrong before the first one runs.
	 *
	 * A file that is missing is a problem only where no earlier stage could make it.
	 *
	 * @default "now"
	 */
	readonly files?: "now" | "certain" | undefined;
}

/** What {@link checkManifestFile} looks at besides the file. */
export interface CheckFileOptions extends Omit<CheckOptions, "modules"> {
	/** Packages with further types of devices: names, or paths relative to the working directory. */
	readonly modules?: readonly string[] | undefined;
}

/**
 * Finds everything that is wrong with the meaning of a manifest, at once. Opens no device, starts no service.
 *
 * @returns In the order of the text; empty when all is well.
 */
export async function checkManifest(
	manifest: Manifest,
	options: CheckOptions = {},
): Promise<Problem[]> {
	const modules = options.modules ?? findModules({ manifest });
	const draft = { manifest, problems: [], isSpoiled: () => false };
	return sortProblems(await checkDraft(draft, manifest, modules, options.files ?? "now"));
}

/**
 * Reads a manifest and finds everything that is wrong with its form and its meaning, at once. Opens nothing.
 *
 * @returns In the order of the text; empty when all is well.
 * @throws {@link ManifestError} when there is no text to look at: `ERR_MANIFEST_READ`, `ERR_MANIFEST_ENCODING`.
 */
export async function checkManifestFile(
	file: string,
	options: CheckFileOptions = {},
): Promise<Problem[]> {
	return await checkManifestText({ text: readManifestText(file), file }, options);
}

/** As {@link checkManifestFile}, where the text has been read already. */
export async function checkManifestText(
	{ text, ...source }: ManifestText,
	options: CheckFileOptions = {},
): Promise<Problem[]> {
	const draft = await inspectManifest(text, source);
	const { manifest, problems } = draft;
	if (manifest === undefined) return sortProblems(problems);
	const modules = findModules({ manifest, modules: options.modules });
	const found = await checkDraft(draft, manifest, modules, options.files ?? "now");
	return sortProblems([...problems, ...found]);
}

async function checkDraft(
	draft: ManifestDraft,
	manifest: Manifest,
	modules: Modules,
	files: "now" | "certain",
): Promise<Problem[]> {
	const check = new Check(draft, manifest, modules);
	check.checkTree();
	check.checkShared();
	manifest.stages.forEach((stage, index) => check.checkStage(stage, index));
	await check.checkOptions();
	await check.checkStageSecrets();
	check.checkServices();
	const devices = check.devicesWithGoodOptions();
	const problems = [...modules.problems, ...check.problems];
	if (check.hasTree) {
		problems.push(
			...checkFileRanges(manifest, { modules, devices, lifetimes: check.lifetimes, files }),
		);
	}
	return problems;
}

/** How many names are compared to find what was meant: that of the hundredth wrong one in a thousand is of no use. */
const maxComparisons = 100_000;

/** One look at one manifest. */
class Check {
	readonly problems: Problem[] = [];
	readonly lifetimes: ReadonlyMap<string, Lifetime>;
	hasTree = false;
	readonly #isSpoiled: (pointer: string) => boolean;
	readonly #manifest: Manifest;
	readonly #modules: Modules;
	readonly #types: ReadonlyMap<string, DeviceType>;
	/** Names of the shared devices. */
	readonly #shared: ReadonlySet<string>;
	readonly #stageNames = new Map<string, number>();
	#comparisonsLeft = maxComparisons;
	/** Devices whose options, or the type that decides what they mean, were complained of. */
	readonly #badOptions = new Set<DeviceDeclaration>();

	constructor(draft: ManifestDraft, manifest: Manifest, modules: Modules) {
		this.#isSpoiled = draft.isSpoiled;
		this.#manifest = manifest;
		this.#modules = modules;
		this.lifetimes = sharedLifetimes(manifest);
		this.#shared = new Set(Object.keys(manifest.devices));
		this.#types = deviceTypes(modules);
	}

	checkTree(): void {
		if (this.#isSpoiled("/tree")) return;
		const { tree } = this.#manifest;
		const complain = (message: string): void =>
			this.#complain("/tree", "ERR_MANIFEST_TREE", message, { expected: "a directory" });
		try {
			const kind = statSync(tree, { throwIfNoEntry: false });
			if (kind === undefined) complain(`no such directory: ${tree}`);
			else if (!kind.isDirectory()) complain(`${tree} is not a directory`);
			else this.hasTree = true;
		} catch (error) {
			complain(`${tree}: ${(error as Error).message}`);
		}
	}

	checkShared(): void {
		if (this.#isSpoiled("/devices")) return;
		this.#checkGraph(Object.values(this.#manifest.devices), "/devices", new Set());
	}

	checkStage(stage: StageDeclaration, index: number): void {
		if (this.#isSpoiled(stage.pointer)) return;
		this.#checkStageName(stage, index);
		this.#checkUses(stage);
		this.#checkStageDevices(stage, index);
		this.#checkCommand(stage);
		this.#checkPlaceholders(stage);
	}

	/** Checks every device's options against the schema of its module. */
	async checkOptions(): Promise<void> {
		const badSchemas = new Set<DeviceModule>();
		for (const device of this.#allDevices()) {
			const module = this.#modules.forType(device.type);
			const pointer = `${device.pointer}/options`;
			if (module === undefined || this.#isSpoiled(pointer)) {
				this.#badOptions.add(device);
				continue;
			}
			const found = await optionComplaints(module, device, (message) => {
				if (badSchemas.has(module)) return;
				badSchemas.add(module);
				this.#complain(`${device.pointer}/type`, "ERR_MANIFEST_MODULE", message);
			});
			const complaints = await this.#checkSecrets(module, device, found);
			if (complaints.length > 0) {
				this.#badOptions.add(device);
				this.#explainOptions(module, device, complaints);
			}
		}
	}

	/** Complains of secrets, without showing any, and returns what else there is to complain of. */
	async #checkSecrets(
		module: DeviceModule,
		device: DeviceDeclaration,
		found: readonly SchemaComplaint[],
	): Promise<readonly SchemaComplaint[]> {
		if (!hasSecretOptions(module.options)) return found;
		const { findSecretProblems } = await import("./secret-problems.ts");
		const { problems, complaints } = findSecretProblems(module.options, device.options, found);
		for (const { pointer, message, expected } of problems) {
			this.#badOptions.add(device);
			const at = `${device.pointer}/options${pointer}`;
			if (!this.#isSpoiled(at)) {
				this.#complain(at, "ERR_DEVICE_OPTIONS", message, { expected });
			}
		}
		return complaints;
	}

	/** Complains of standard inputs that are meant to be secrets. Reads none. */
	async checkStageSecrets(): Promise<void> {
		for (const { stdin, pointer } of this.#manifest.stages) {
			const at = `${pointer}/stdin`;
			if (typeof stdin !== "object" || this.#isSpoiled(at)) continue;
			const { secretComplaint } = await import("@devhost/core/secret");
			const wrong = secretComplaint(stdin);
			if (wrong === undefined) continue;
			const { message, expected } = wrong;
			this.#complain(at + wrong.pointer, "ERR_MANIFEST_VALUE", message, { expected });
		}
	}

	/** A module whose executable is not there could never be started. */
	checkServices(): void {
		const seen = new Set<DeviceModule>();
		for (const { type, pointer } of this.#allDevices()) {
			const module = this.#modules.forType(type);
			if (module === undefined || seen.has(module)) continue;
			seen.add(module);
			if (statSync(module.service, { throwIfNoEntry: false })?.isFile() === true) continue;
			const message = `${module.package} is not complete: there is no service ${module.service}. Install or build it again`;
			this.#complain(`${pointer}/type`, "ERR_MANIFEST_MODULE", message);
		}
	}

	devicesWithGoodOptions(): ReadonlySet<DeviceDeclaration> {
		return new Set([...this.#allDevices()].filter((device) => !this.#badOptions.has(device)));
	}

	#allDevices(): IteratorObject<DeviceDeclaration> {
		return declaredDevices(this.#manifest).map(({ device }) => device);
	}

	#checkStageName({ name, pointer }: StageDeclaration, index: number): void {
		if (this.#isSpoiled(`${pointer}/name`)) return;
		const first = this.#stageNames.get(name);
		if (first === undefined) {
			this.#stageNames.set(name, index);
			return;
		}
		const { line } = this.#manifest.locate(`/stages/${first}/name`);
		const message = `${JSON.stringify(name)} is the name of the stage in line ${line} already`;
		this.#complain(`${pointer}/name`, "ERR_MANIFEST_DUPLICATE", message);
	}

	#checkUses(stage: StageDeclaration): void {
		if (stage.uses === undefined || this.#isSpoiled("/devices")) return;
		const { devices } = this.#manifest;
		const seen = new Set<string>();
		stage.uses.forEach((name, index) => {
			const pointer = `${stage.pointer}/uses/${index}`;
			if (this.#isSpoiled(pointer)) return;
			if (seen.has(name)) {
				const message = `${JSON.stringify(name)} is in this list already`;
				this.#complain(pointer, "ERR_MANIFEST_DUPLICATE", message);
			}
			seen.add(name);
			if (devices[name] !== undefined) return;
			const message =
				stage.devices[name] === undefined
					? `${JSON.stringify(name)} is not a shared device${this.#suggest(name, () => [...this.#shared])}`
					: `${JSON.stringify(name)} is a device of this stage alone, which it sees anyway: leave it out`;
			this.#complain(pointer, "ERR_MANIFEST_DEVICE", message);
		});
	}

	#checkStageDevices(stage: StageDeclaration, index: number): void {
		const own = Object.values(stage.devices);
		if (own.length === 0) return;
		// A device of the stage hides a shared one of the same name, which is wrong only where both are open.
		const hidden = new Set(own.map(({ name }) => name)).intersection(this.#shared);
		const others = hidden.size === 0 ? this.#shared : this.#shared.difference(hidden);
		this.#checkGraph(own, `${stage.pointer}/devices`, others);
		for (const { name, pointer } of own) {
			const lifetime = this.lifetimes.get(name);
			if (lifetime === undefined || index < lifetime.first || index > lifetime.last) continue;
			const { line } = this.#manifest.locate(`/devices${jsonPointer([name])}`, "key");
			const message = `the shared device of this name (line ${line}) is open in this stage, too: give one of them another name`;
			this.#complain(pointer, "ERR_MANIFEST_DUPLICATE", message, { part: "key" });
		}
	}

	#checkGraph(
		devices: readonly DeviceDeclaration[],
		base: string,
		existing: ReadonlySet<string>,
	): void {
		const specs = new Map(devices.map((device) => [device.name, this.#specOf(device)]));
		const pointer = (name: string): string => base + jsonPointer([name]);
		const { problems } = resolveGraph(specs, this.#types, { existing, pointer });
		for (const problem of problems) {
			if (problem.code === "ERR_DEVICE_PARENT" && this.#isSpoiled(problem.pointer)) continue;
			if (problem.code === "ERR_DEVICE_TYPE" && this.#isSaid(problem.device, specs)) continue;
			// The sentence begins with the device's name, which the path says, too.
			const message = problem.message.replace(/^(?:[\w.-]+|"(?:[^"\\]|\\.)*"): /, "");
			const isDevice =
				problem.device !== undefined && problem.pointer === pointer(problem.device);
			const part = isDevice ? "key" : "value";
			this.#complain(problem.pointer, problem.code, message, { part });
		}
	}

	/** A device as the graph should see it, without what was complained of already. */
	#specOf(device: DeviceDeclaration): DeviceSpec {
		const { type, parent, parents = [], pointer } = device;
		const places = ["/parent", "/parents", ...parents.map((_, index) => `/parents/${index}`)];
		const isSpoiled = places.some((place) => this.#isSpoiled(pointer + place));
		return { type: isSpoiled ? "" : type, parent, parents };
	}

	/**
	 * Whether an unknown type was complained of already: it may be of the wrong form, and where a module is not found, the
	 * types that it serves are unknown.
	 */
	#isSaid(name: string | undefined, specs: ReadonlyMap<string, DeviceSpec>): boolean {
		const type = name === undefined ? undefined : specs.get(name)?.type;
		if (type === undefined || type === "") return true;
		if (this.#modules.problems.length === 0 || !isTypeName(type)) return false;
		return closestName(type, this.#modules.types) === undefined;
	}

	#checkCommand({ run, pointer }: StageDeclaration): void {
		if (run[0] !== "" || this.#isSpoiled(`${pointer}/run/0`)) return;
		const expected = "the name of a program";
		const message = `an empty string, expected ${expected}`;
		this.#complain(`${pointer}/run/0`, "ERR_MANIFEST_VALUE", message, { expected });
	}

	#checkPlaceholders(stage: StageDeclaration): void {
		const { pointer, run, stdin, environment = {} } = stage;
		const uses = stage.uses === undefined ? undefined : new Set(stage.uses);
		const check = (at: string, text: string): void => this.#checkText(stage, uses, at, text);
		run.forEach((text, index) => check(`${pointer}/run/${index}`, text));
		if (typeof stdin === "string") check(`${pointer}/stdin`, stdin);
		for (const [name, text] of Object.entries(environment)) {
			check(`${pointer}/environment${jsonPointer([name])}`, text);
		}
	}

	#checkText(
		stage: StageDeclaration,
		uses: ReadonlySet<string> | undefined,
		pointer: string,
		text: string,
	): void {
		if (!text.includes("{") || this.#isSpoiled(pointer)) return;
		const said = new Set<string>();
		for (const { device, complaint, text: written } of findPlaceholders(text)) {
			const message = complaint ?? this.#whyNoDevice(stage, uses, device ?? "", written);
			if (message === undefined || said.has(message)) continue;
			said.add(message);
			this.#complain(pointer, "ERR_MANIFEST_PLACEHOLDER", message);
		}
	}

	/** @returns `undefined` when the stage has the device, or may have it. */
	#whyNoDevice(
		stage: StageDeclaration,
		uses: ReadonlySet<string> | undefined,
		name: string,
		written: string,
	): string | undefined {
		if (stage.devices[name] !== undefined) return undefined;
		const isShared = this.#manifest.devices[name] !== undefined;
		if (isShared && (uses === undefined || uses.has(name))) return undefined;
		const pointers = ["/devices", `${stage.pointer}/devices`, `${stage.pointer}/uses`];
		if (pointers.some((pointer) => this.#isSpoiled(pointer))) return undefined;
		if (isShared) {
			return `${written}: ${JSON.stringify(name)} is a shared device that this stage does not use: add it to uses`;
		}
		const known = (): string[] => {
			const visible = sharedDevicesOf(this.#manifest, stage).map((device) => device.name);
			return [...Object.keys(stage.devices), ...visible];
		};
		return `${written}: ${JSON.stringify(name)} is not a device of this stage${this.#suggest(name, known)}`;
	}

	#suggest(name: string, known: () => readonly string[]): string {
		if (this.#comparisonsLeft < 0) return "";
		const candidates = known();
		if (candidates.length === 0) return ": there is none";
		this.#comparisonsLeft -= candidates.length;
		const near = name === "" ? undefined : closestName(name, candidates);
		if (near !== undefined) return `, did you mean ${JSON.stringify(near)}?`;
		return candidates.length > 12 ? "" : `, expected one of ${candidates.join(", ")}`;
	}

	#explainOptions(
		module: DeviceModule,
		device: DeviceDeclaration,
		complaints: readonly SchemaComplaint[],
	): void {
		const pointer = `${device.pointer}/options`;
		const base = pointerSteps(pointer);
		const value = optionsAsWritten(device) ?? noOptions;
		for (const complaint of explainSchemaComplaints(complaints, {
			schema: module.options,
			value,
			base,
		})) {
			const at = jsonPointer(complaint.path);
			if (at !== pointer && this.#isSpoiled(at)) continue;
			const { message, expected, part } = complaint;
			this.#complain(at, "ERR_DEVICE_OPTIONS", message, { expected, part });
		}
	}

	#complain(
		pointer: string,
		code: ProblemCode,
		message: string,
		{ expected, part }: { expected?: string | undefined; part?: "key" | "value" } = {},
	): void {
		const problem = { code, message, ...(expected === undefined ? {} : { expected }) };
		this.problems.push(this.#manifest.problemAt(pointer, problem, part));
	}
}

const noOptions: JsonValue = new Map<string, JsonValue>();

type OptionsValidator = (value: unknown) => readonly SchemaComplaint[];

/** Validators that were generated when devhost was built, by package. Those that few manifests need are loaded by them. */
const generatedValidators: Readonly<
	Record<string, () => OptionsValidator | Promise<OptionsValidator>>
> = {
	"@devhost/loopback": () => findLoopbackOptionsSchemaProblems,
	"@devhost/luks2": async () =>
		(await import("./generated/luks2-options.ts")).findLuks2OptionsSchemaProblems,
	"@devhost/lvm2": async () =>
		(await import("./generated/lvm2-options.ts")).findLvm2OptionsSchemaProblems,
};

/**
 * What a module's schema says of a device's options.
 *
 * A generated validator is as old as devhost, and its module may be newer. So it may only agree; when it does not, the module's own
 * schema decides.
 */
async function optionComplaints(
	module: DeviceModule,
	device: DeviceDeclaration,
	complain: (message: string) => void,
): Promise<readonly SchemaComplaint[]> {
	const { options } = device;
	const generated = module.isBuiltIn ? generatedValidators[module.package] : undefined;
	if (generated !== undefined) {
		const validator = generated();
		const find = validator instanceof Promise ? await validator : validator;
		if (find(options).length === 0) return [];
	}
	try {
		const { validateOptions } = await import("./validate-options.ts");
		return validateOptions(module.options, options);
	} catch (error) {
		complain(`${module.file}: options is not a JSON Schema: ${(error as Error).message}`);
		return [];
	}
}
