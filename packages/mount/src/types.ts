import manifest from "../mount.json" with { type: "json" };

/** What `mount.json` says of a type of mount. */
export interface MountType {
	/** Whether it has a source device. */
	readonly source: "required" | "none" | "optional";
	/** The options that it takes. */
	readonly options: readonly string[];
	/** Those that it has to have. */
	readonly required?: readonly string[];
	/** Takes every option, and looks at none of them. */
	readonly others?: true;
	/** Those that it takes only with another one. */
	readonly requires?: Readonly<Record<string, string>>;
	/** The option that says that nothing is written; true where nothing ever is. */
	readonly readOnly?: string | true;
	/** What the kernel calls the file system. */
	readonly fileSystem?: string;
}

/** The types, by their names in manifests. */
export const mountTypes: Readonly<Record<string, MountType>> = manifest.types as Record<
	string,
	MountType
>;

/** What the kernel calls the file system of a device of a type; undefined for the others. */
export function kernelTypeOf(type: string): KernelType | undefined {
	const { fileSystem = "" } = mountTypes[type] ?? {};
	return isKernelType(fileSystem) ? fileSystem : undefined;
}

/** File systems on a device, by the kernel's names. */
export const kernelTypes = [
	"ext4",
	"xfs",
	"btrfs",
	"vfat",
	"erofs",
	"squashfs",
	"iso9660",
	"f2fs",
] as const;

/** One of {@link kernelTypes}. */
export type KernelType = (typeof kernelTypes)[number];

/** Whether a name is that of a file system which this package mounts. */
export function isKernelType(name: string): name is KernelType {
	return (kernelTypes as readonly string[]).includes(name);
}

/** The JSON Schema of a type's options. */
export function schemaOf(type: MountType): object {
	if (type.others === true) return { type: "object" };
	const { properties, ...rest } = manifest.options;
	const own = Object.entries(properties).filter(([name]) => type.options.includes(name));
	return {
		...rest,
		...(type.required === undefined ? {} : { required: type.required }),
		properties: Object.fromEntries(own),
	};
}
