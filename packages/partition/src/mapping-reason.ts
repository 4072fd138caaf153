import { DeviceError, isDeviceError } from "@devhost/core";

/** Says why there is to be a mapping, where there cannot be one. Anything else comes back as it is. */
export function withReason(
	error: unknown,
	{
		name,
		path,
		number,
	}: { readonly name: string; readonly path: string; readonly number: number },
): unknown {
	if (!isDeviceError(error, "ERR_DEVICE_UNSUPPORTED")) return error;
	const why = path.startsWith("loop")
		? `partition ${number}, above 255, is opened by a mapping`
		: `a partition of ${path}, which is no loop device, is opened by a mapping`;
	const rest = error.message.startsWith(`${name}: `)
		? error.message.slice(name.length + 2)
		: error.message;
	return new DeviceError(error.code, `${name}: ${why}, and ${rest}`, {
		cause: error,
		details: error.details,
	});
}
