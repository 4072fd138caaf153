import { busyMessage, DeviceBusy, DeviceError } from "@devhost/core";
import type { CommandError } from "@devhost/core/command";
import { cryptsetupError, type FailedOpening } from "./cryptsetup-error.ts";
import type { LuksSys } from "./luks.ts";
import type { OpenParent } from "./open-files.ts";
import type { Secret } from "./secret.ts";

/** What is known when cryptsetup has failed. */
export interface FailedCommand extends Pick<FailedOpening, "header" | "options" | "subject"> {
	readonly parent: OpenParent;
	readonly command: { readonly file: string };
	readonly secret: Secret | undefined;
}

/** The program, and what it means when it fails. */
export class Cryptsetup {
	readonly #sys: LuksSys;
	/** Asked for once, and only when something has failed: a process costs as much as unlocking does. */
	#version: Promise<string | undefined> | undefined;

	constructor(sys: LuksSys) {
		this.#sys = sys;
	}

	/** Why it failed, as far as it says so. Nothing of the secret is told but where its first line ends. */
	async explain(error: CommandError, failed: FailedCommand): Promise<DeviceError> {
		const { subject, parent, secret, options } = failed;
		if (/in use \(already mapped or mounted\)/.test(error.stderr)) {
			// Who only has it open, as the service of the parent, stands in nobody's way.
			const holders = (await this.#sys.holders(parent.node)).filter(
				({ kind }) => kind !== "process",
			);
			const message = busyMessage(`${subject}: ${parent.path}`, holders);
			return new DeviceBusy(message, holders, { cause: error });
		}
		const lineEnd =
			secret === undefined || options.unlocking.by !== "passphrase"
				? undefined
				: this.#sys.bytesToInnerLineEnd(secret.fd);
		const known = cryptsetupError(error, {
			...failed,
			parentPath: parent.path,
			availableBytes: this.#sys.availableBytes(),
			lineEndBytes: lineEnd,
		});
		return known === error ? await this.#unlessTooOld(error, failed) : known;
	}

	/** What an old cryptsetup says has many forms: only when nothing else explains a failure is it asked how old it is. */
	async #unlessTooOld(
		error: CommandError,
		{ subject, command }: FailedCommand,
	): Promise<DeviceError> {
		this.#version ??= this.#sys.cryptsetupVersion(command.file);
		const version = await this.#version;
		const unknown = /^(-\S+): unknown option$/m.exec(error.stderr)?.[1];
		if (version !== undefined && unknown === undefined && !isOlder(version, oldest)) {
			return error;
		}
		const is = `${command.file} is ${version === undefined ? "no cryptsetup" : version}`;
		const lacks = unknown === undefined ? "" : ` and has no ${unknown}`;
		return new DeviceError(
			"ERR_DEVICE_TOOL",
			`${subject}: ${is}${lacks}: install cryptsetup ${oldest} or later`,
			{ cause: error, details: { ...error.details, version } },
		);
	}
}

/** The first with plugins for tokens, whose options are given: docs/v2.4.0-ReleaseNotes. */
const oldest = "2.4.0";

function isOlder(version: string, than: string): boolean {
	const wanted = than.split(".").map(Number);
	const given = version.split(".").map(Number);
	for (const [index, number] of wanted.entries()) {
		const difference = (given[index] ?? 0) - number;
		if (difference !== 0) return difference < 0;
	}
	return false;
}
