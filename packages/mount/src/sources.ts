import type { DeviceNumber } from "@devhost/linux";

/** A device that is mounted, or is about to be. */
interface Entry {
	/** Mounts of it that are ours. */
	mountCount: number;
	/** Somebody else had it mounted already when the first of ours came: it will not go with the last of ours. */
	isForeign: boolean;
	/** Resolves when whoever looks at it is through. */
	turn: Promise<void>;
	waiting: number;
}

/**
 * Which devices are mounted by this process. A device can be mounted several times, as btrfs is by its subvolumes: it is free
 * again after the last.
 */
export class Sources {
	readonly #entries = new Map<string, Entry>();

	/** Waits until nobody else is about to mount the device: a look whether it is in use would be in the way of a mount. */
	async enter(node: DeviceNumber): Promise<Turn> {
		const key = `${node.major}:${node.minor}`;
		const known = this.#entries.get(key);
		const entry = known ?? {
			mountCount: 0,
			isForeign: false,
			turn: Promise.resolve(),
			waiting: 0,
		};
		this.#entries.set(key, entry);
		const { promise, resolve } = Promise.withResolvers<void>();
		const before = entry.turn;
		entry.turn = promise;
		entry.waiting++;
		await before;
		const forget = (): void => {
			if (entry.mountCount === 0 && entry.waiting === 0) this.#entries.delete(key);
		};
		return {
			look(isClaimed) {
				if (entry.mountCount === 0) entry.isForeign = isClaimed();
			},
			use() {
				entry.mountCount++;
				let isOver = false;
				return {
					get isLast() {
						return entry.mountCount === 1 && !entry.isForeign;
					},
					[Symbol.dispose]() {
						if (isOver) return;
						isOver = true;
						entry.mountCount--;
						forget();
					},
				};
			},
			[Symbol.dispose]() {
				entry.waiting--;
				resolve();
				forget();
			},
		};
	}
}

/** The time in which nobody else of this process mounts the device. */
export interface Turn extends Disposable {
	/** Looks, before the first mount of ours, whether somebody else uses it. */
	look(isClaimed: () => boolean): void;
	/** Counts a mount of it, until that is disposed of. */
	use(): SourceUse;
}

/** A mount of a device. */
export interface SourceUse extends Disposable {
	/** Whether nothing should use the device when this mount is gone. */
	readonly isLast: boolean;
}
