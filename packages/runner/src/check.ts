import { statSync } from "node:fs";
import {
	closestName,
	hasSecretOptions,
	jsonPointer,
	parseKey,
	resolveGraph,
	type DeviceProblem,
	type DeviceSpec,
	type DeviceType,
	type JsonValue,
} from "@devhost/core";
import type { OsbuildModule } from "@devhost/osbuild/modules";
import { findLoopbackOptionsSchemaProblems } from "./generated/loopback-options.ts";
import { checkFileRanges } from "./check-file-ranges.ts";
import { checkTogether } from "./check-together.ts";
import { allOf, byKey, declaredDevices } from "./declared-devices.ts";
import { pointerSteps } from "./json-path.ts";
import { targetOf } from "./mounts-before.ts";
import { optionsAsWritten, type ManifestDraft } from "./manifest-draft.ts";
import { sharedDevicesOf, sharedLifetimes, type Lifetime } from "./manifest-lifetime.ts";
import { findPlaceholders, type Placeholder } from "./manifest-placeholder.ts";
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
	loadModules,
	isTypeName,
	type DeviceModule,
	type Modules,
} from "./modules.ts";
import type { OsbuildOptions } from "./osbuild-manifest.ts";
import { isOsbuildText, osbuildOptionProblems } from "./osbuild-text.ts";
import { isManifestError, sortProblems, type Problem, type ProblemCode } from "./problem.ts";
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
	/** What of a manifest of osbuild is looked at, where it is one. */
	readonly osbuild?: OsbuildOptions | undefined;
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
	const modules = options.modules ?? (await loadModules({ manifest }));
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
	if (isOsbuildText(text)) return await checkOsbuild({ text, ...source }, options);
	const misplaced = osbuildOptionProblems(source.file, options.osbuild);
	const draft = await inspectManifest(text, source);
	const { manifest, problems } = draft;
	if (manifest === undefined) return sortProblems([...misplaced, ...problems]);
	const modules = await loadModules({ manifest, modules: options.modules });
	const found = await checkDraft(draft, manifest, modules, options.files ?? "now");
	return sortProblems([...misplaced, ...problems, ...found]);
}

async function checkOsbuild(text: ManifestText, options: CheckFileOptions): Promise<Problem[]> {
	const { readOsbuildDraft } = await import("./osbuild-manifest.ts");
	try {
		const { manifest, problems } = await readOsbuildDraft(text, options.osbuild);
		const modules = await loadModules({ manifest, modules: options.modules });
		const found = await checkManifest(manifest, { modules, files: options.files });
		return sortProblems([...problems, ...found]);
	} catch (error) {
		if (isManifestError(error)) return [...error.problems];
		throw error;
	}
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
	const together = checkTogether(manifest, { modules, devices });
	const problems = [...modules.problems, ...check.problems, ...together];
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
	/** Names of the shared devices and mounts. */
	readonly #shared: ReadonlySet<string>;
	/** Their keys. */
	readonly #sharedKeys: ReadonlySet<string>;
	readonly #stageNames = new Map<string, number>();
	#comparisonsLeft = maxComparisons;
	/** Devices whose options, or the type that decides what they mean, were complained of. */
	readonly #badOptions = new Set<DeviceDeclaration>();

	constructor(draft: ManifestDraft, manifest: Manifest, modules: Modules) {
		this.#isSpoiled = draft.isSpoiled;
		this.#manifest = manifest;
		this.#modules = modules;
		this.lifetimes = sharedLifetimes(manifest);
		this.#shared = new Set(allOf(manifest).map(({ name }) => name));
		this.#sharedKeys = new Set(Object.keys(byKey(manifest)));
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
		if (this.#isSpoiled("/devices") || this.#isSpoiled("/mounts")) return;
		this.#checkGraph(allOf(this.#manifest), new Set());
		this.#checkTargets(Object.values(this.#manifest.mounts), []);
		for (const { name, pointer } of Object.values(this.#manifest.mounts)) {
			if (this.#manifest.devices[name] === undefined) continue;
			const { line } = this.#manifest.locate(`/devices${jsonPointer([name])}`, "key");
			const message = `the shared device in line ${line} has this name, too, and uses could not tell them apart: give one of them another name`;
			this.#complain(pointer, "ERR_MANIFEST_DUPLICATE", message, { part: "key" });
		}
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
			if (module.osbuild !== undefined) {
				await this.#checkOsbuild(module.osbuild, device);
				continue;
			}
			if (module.mounts?.[device.type]?.others === true) continue;
			const found = await optionComplaints(module, device, (message) => {
				if (badSchemas.has(module)) return;
				badSchemas.add(module);
				this.#complain(`${device.pointer}/type`, "ERR_MANIFEST_MODULE", message);
			});
			const complaints = await this.#checkSecrets(module, device, found);
			this.#checkOptionsOfType(module, device);
			if (complaints.length > 0) {
				this.#badOptions.add(device);
				this.#explainOptions(module, device, complaints);
			}
		}
	}

	/** Complains of a module of osbuild's that cannot be used, or of what its description says. */
	async #checkOsbuild(module: OsbuildModule, device: DeviceDeclaration): Promise<void> {
		this.#badOptions.add(device); // nothing more is known of them
		const at = `${device.pointer}/type`;
		if (module.complaint !== undefined) {
			this.#complain(at, "ERR_MANIFEST_MODULE", module.complaint);
			return;
		}
		const { osbuildComplaints } = await import("./osbuild-modules.ts");
		try {
			for (const { path, ...complaint } of osbuildComplaints(module, device)) {
				const { message, expected, part } = complaint;
				const pointer = jsonPointer(path);
				if (this.#isSpoiled(pointer)) continue;
				this.#complain(pointer, "ERR_DEVICE_OPTIONS", message, { expected, part });
			}
		} catch (error) {
			const message = `${module.file}: its schema is none: ${(error as Error).message}`;
			this.#complain(at, "ERR_MANIFEST_MODULE", message);
		}
	}

	/** Complains of options that other types of mount have, and of those that this one lacks. */
	#checkOptionsOfType(module: DeviceModule, { type, options, pointer }: DeviceDeclaration): void {
		const { options: known, required = [], others = false } = module.mounts?.[type] ?? {};
		if (others) return;
		for (const name of required) {
			if (Object.hasOwn(options, name)) continue;
			const message = `${name} is missing: ${type} cannot do without`;
			this.#complain(`${pointer}/options`, "ERR_DEVICE_OPTIONS", message, { part: "key" });
		}
		const all = Object.keys((module.options as { properties?: object }).properties ?? {});
		for (const name of Object.keys(options)) {
			// What no type has, the schema complains of.
			if (known === undefined || known.includes(name) || !all.includes(name)) continue;
			const has = known.length === 0 ? "has none" : `has ${known.join(", ")}`;
			const message = `not an option of ${type}, which ${has}`;
			const at = `${pointer}/options${jsonPointer([name])}`;
			this.#complain(at, "ERR_DEVICE_OPTIONS", message, { part: "key" });
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
			if (module.osbuild?.complaint !== undefined) continue; // said already
			if (statSync(module.service, { throwIfNoEntry: false })?.isFile() === true) continue;
			const message = `${module.package} is not complete: there is no service ${module.service}. Install or build it again`;
			this.#complain(`${pointer}/type`, "ERR_MANIFEST_MODULE", message);
		}
	}

	devicesWithGoodOptions(): ReadonlySet<DeviceDeclaration> {
		return new Set(this.#allDevices().filter((device) => !this.#badOptions.has(device)));
	}

	#allDevices(): readonly DeviceDeclaration[] {
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
		if (stage.uses === undefined) return;
		if (this.#isSpoiled("/devices") || this.#isSpoiled("/mounts")) return;
		const seen = new Set<string>();
		stage.uses.forEach((name, index) => {
			const pointer = `${stage.pointer}/uses/${index}`;
			if (this.#isSpoiled(pointer)) return;
			if (seen.has(name)) {
				const message = `${JSON.stringify(name)} is in this list already`;
				this.#complain(pointer, "ERR_MANIFEST_DUPLICATE", message);
			}
			seen.add(name);
			if (this.#shared.has(name)) return;
			const isOwn = stage.devices[name] ?? stage.mounts[name];
			const message =
				isOwn === undefined
					? `${JSON.stringify(name)} is not a shared device or mount${this.#suggest(name, () => [...this.#shared])}`
					: `${JSON.stringify(name)} is of this stage alone, which sees it anyway: leave it out`;
			this.#complain(pointer, "ERR_MANIFEST_DEVICE", message);
		});
	}

	#checkStageDevices(stage: StageDeclaration, index: number): void {
		const own = allOf(stage);
		if (own.length === 0) return;
		// A device of the stage hides a shared one of the same name, which is wrong only where both are open.
		const shared = this.#sharedKeys;
		const hides = own.some(({ key }) => shared.has(key));
		const inSight = hides ? shared.difference(new Set(own.map(({ key }) => key))) : shared;
		this.#checkGraph(own, inSight);
		const isOpen = (key: string): boolean => {
			const lifetime = this.lifetimes.get(key);
			return lifetime !== undefined && index >= lifetime.first && index <= lifetime.last;
		};
		for (const { key, mount, pointer } of own) {
			if (!isOpen(key)) continue;
			const { line } = this.#manifest.locate(
				byKey(this.#manifest)[key]?.pointer ?? "",
				"key",
			);
			const what = mount === undefined ? "device" : "mount";
			const message = `the shared ${what} of this name (line ${line}) is open in this stage, too: give one of them another name`;
			this.#complain(pointer, "ERR_MANIFEST_DUPLICATE", message, { part: "key" });
		}
		const others = Object.values(this.#manifest.mounts).filter(({ key }) => isOpen(key));
		this.#checkTargets(Object.values(stage.mounts), others);
	}

	/** One mount would hide another that is there at the same time. */
	#checkTargets(
		mounts: readonly DeviceDeclaration[],
		others: readonly DeviceDeclaration[],
	): void {
		const taken = new Map(others.map((mount) => [targetOf(mount), mount]));
		for (const mount of mounts) {
			const place = `${mount.pointer}/target`;
			if (this.#isSpoiled(place)) continue;
			const target = targetOf(mount);
			this.#checkTarget(mount, place);
			if (target === undefined) continue;
			const other = taken.get(target);
			taken.set(target, mount);
			if (other === undefined) continue;
			const { line } = this.#manifest.locate(other.pointer, "key");
			const message = `the mount ${JSON.stringify(other.name)} in line ${line} is there already, and one would hide the other`;
			this.#complain(place, "ERR_MANIFEST_DUPLICATE", message);
		}
	}

	#checkTarget({ mount = {} }: DeviceDeclaration, place: string): void {
		const { target } = mount;
		if (target === undefined || !target.split("/").includes("..")) return;
		const message = `${JSON.stringify(target)} has .. in it, which leads nowhere else: write the path without`;
		this.#complain(place, "ERR_MANIFEST_VALUE", message);
	}

	#checkGraph(devices: readonly DeviceDeclaration[], existing: ReadonlySet<string>): void {
		const specs = new Map(devices.map((device) => [device.key, this.#specOf(device)]));
		const kindsHere = new Set(devices.map(({ key }) => parseKey(key).isMount));
		const declared = new Map(devices.map((device) => [device.key, device]));
		const pointer = (key: string): string => declared.get(key)?.pointer ?? "";
		for (const isMount of kindsHere) {
			const types = this.#typesOf(isMount);
			// Nobody hears what is wrong with the types of the other kind: let nobody look for others that are like them.
			const ofThisKind = new Map(
				[...specs].map(([key, spec]) =>
					parseKey(key).isMount === isMount ? [key, spec] : [key, { ...spec, type: "" }],
				),
			);
			const { problems } = resolveGraph(ofThisKind, types, { existing, pointer });
			for (const problem of problems) {
				const { device: key = "" } = problem;
				if (parseKey(key).isMount !== isMount) continue;
				this.#complainOfGraph(problem, specs, pointer(key));
			}
		}
	}

	/** The types of devices, or those of mounts. */
	#typesOf(isMount: boolean): ReadonlyMap<string, DeviceType> {
		const isOne = (type: string): boolean =>
			(this.#modules.forType(type)?.mounts !== undefined) === isMount;
		return new Map([...this.#types].filter(([type]) => isOne(type)));
	}

	#complainOfGraph(
		problem: DeviceProblem,
		specs: ReadonlyMap<string, DeviceSpec>,
		declaration: string,
	): void {
		const { code, device: key = "" } = problem;
		if (code === "ERR_DEVICE_TYPE" && this.#isSaid(key, specs)) return;
		const isMount = parseKey(key).isMount;
		// In terms of the manifest, where a mount's parent is its source, and a device's tree its mount.
		const at = isMount ? problem.pointer.replace(/\/parent$/, "/source") : problem.pointer;
		if (code === "ERR_DEVICE_PARENT" && this.#isSpoiled(at)) return;
		// The sentence begins with the device's name, which the path says, too.
		const sentence = problem.message.replace(/^(?:[\w./-]+|"(?:[^"\\]|\\.)*"): /, "");
		const message = isMount ? inTermsOfMounts(sentence) : sentence;
		const tree = specs.get(key)?.tree;
		if (code === "ERR_DEVICE_PARENT" && tree !== undefined && sentence.includes(`"${tree}"`)) {
			this.#complain(`${declaration}/mount`, code, message);
			return;
		}
		this.#complain(at, code, message, { part: at === declaration ? "key" : "value" });
	}

	/** A device as the graph should see it, without what was complained of already. */
	#specOf(device: DeviceDeclaration): DeviceSpec {
		const { type, parent, parents = [], pointer, tree, after } = device;
		const places = ["/parent", "/source", "/parents"];
		places.push(...parents.map((_, index) => `/parents/${index}`));
		const isSpoiled = places.some((place) => this.#isSpoiled(pointer + place));
		return { type: isSpoiled ? "" : type, parent, parents, tree, after };
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
		for (const placeholder of findPlaceholders(text)) {
			const message = placeholder.complaint ?? this.#whyNotSeen(stage, uses, placeholder);
			if (message === undefined || said.has(message)) continue;
			said.add(message);
			this.#complain(pointer, "ERR_MANIFEST_PLACEHOLDER", message);
		}
	}

	/** @returns `undefined` when the stage has the device or mount, or may have it. */
	#whyNotSeen(
		stage: StageDeclaration,
		uses: ReadonlySet<string> | undefined,
		{ text: written, kind = "devices", name = "" }: Placeholder,
	): string | undefined {
		if (stage[kind][name] !== undefined) return undefined;
		const isShared = this.#manifest[kind][name] !== undefined;
		if (isShared && (uses === undefined || uses.has(name))) return undefined;
		const pointers = [`/${kind}`, `${stage.pointer}/${kind}`, `${stage.pointer}/uses`];
		if (pointers.some((pointer) => this.#isSpoiled(pointer))) return undefined;
		const what = kind === "devices" ? "device" : "mount";
		if (isShared) {
			return `${written}: ${JSON.stringify(name)} is a shared ${what} that this stage does not use: add it to uses`;
		}
		const known = (): string[] => {
			const shared = sharedDevicesOf(this.#manifest, stage)
				.filter(({ mount }) => (mount !== undefined) === (kind === "mounts"))
				.map((device) => device.name);
			return [...Object.keys(stage[kind]), ...shared];
		};
		return `${written}: ${JSON.stringify(name)} is not a ${what} of this stage${this.#suggest(name, known)}`;
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

function inTermsOfMounts(sentence: string): string {
	return sentence
		.replace("needs a parent, and has none", "needs a source, and has none")
		.replace(/has no parent, but (.*) is given as one/, "has no source, but $1 is given as one")
		.replace("its parent ", "its source ")
		.replace("not a name for a device", "not a name for a mount")
		.replace(
			"a type of device, which looks like devhost.loopback",
			"a type of mount, such as ext4",
		);
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
	"@devhost/partition": async () =>
		(await import("./generated/partition-options.ts")).findPartitionOptionsSchemaProblems,
	"@devhost/mount": async () =>
		(await import("./generated/mount-options.ts")).findMountOptionsSchemaProblems,
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
