import { isPresent, type BlockIdentity } from "@devhost/core";
import { DeviceMapper, type HeldMapping, isSysError } from "@devhost/linux";

/**
 * A mapping of a module, held by us with its removal armed: when we are killed, and its service with us or not, the kernel takes it
 * down as soon as nobody uses it. Its service itself would leave it behind.
 */
export class MappingHold {
	readonly #mapper: DeviceMapper;
	readonly #held: HeldMapping;
	readonly #identity: BlockIdentity;

	private constructor(mapper: DeviceMapper, held: HeldMapping, identity: BlockIdentity) {
		this.#mapper = mapper;
		this.#held = held;
		this.#identity = identity;
	}

	/** @throws SysError */
	static async take(identity: BlockIdentity): Promise<MappingHold> {
		using acquired = new DisposableStack();
		const mapper = acquired.use(DeviceMapper.open());
		const held = await mapper.hold({ node: identity.node }, { readOnly: true });
		acquired.move();
		return new MappingHold(mapper, held, identity);
	}

	/** Lets go of it, so that its service can take it down as it is used to. */
	async release(): Promise<void> {
		await using _ = this.#held;
		try {
			await this.#mapper.cancelDeferredRemoval({ node: this.#identity.node });
		} catch (error) {
			// It is gone, or going: its service will say so.
			if (!isSysError(error)) throw error;
		}
	}

	/** Has the kernel take it down when nobody uses it any more, where its service did not; and ends this hold. */
	async removeLater(): Promise<void> {
		using _ = this.#mapper;
		if (!isPresent(this.#identity)) return;
		try {
			await this.#mapper.removeDeferred({ node: this.#identity.node });
		} catch (error) {
			// `ENXIO`: it has gone by itself.
			if (!isSysError(error, "ENXIO")) throw error;
		}
	}
}
