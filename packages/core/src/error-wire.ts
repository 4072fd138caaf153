import { isDeviceError, type DeviceBusy, type DeviceError } from "./error.ts";
import type { ErrorData, RemoteFailure } from "./wire.ts";

/**
 * A device error in the form that `@devhost/rpc` sends: `data` travels beside code, name and message. Anything else, such as a driver's mistake, comes back as it is.
 *
 * @param device - The device's name in the graph, if the error does not know it.
 */
export function toWireError(error: unknown, device: string | undefined): unknown {
	if (!isDeviceError(error)) return error;
	const { name, code, message, stack } = error;
	const wire = new Error(message, { cause: error });
	if (stack !== undefined) wire.stack = stack;
	return Object.assign(wire, { name, code, data: errorData(error, error.device ?? device) });
}

function errorData(error: DeviceError, device: string | undefined): ErrorData {
	// Another copy of this package may have made it, in a version that lacks fields.
	const fields: Partial<DeviceBusy> = error;
	const { pointer, problems = [], details = {}, closeFailures = [], holders = [] } = fields;
	return {
		...(device === undefined ? {} : { device }),
		...(pointer === undefined ? {} : { pointer }),
		...(problems.length === 0 ? {} : { problems }),
		...(Object.keys(details).length === 0 ? {} : { details }),
		...(holders.length === 0 ? {} : { holders }),
		...(closeFailures.length === 0 ? {} : { closeFailures: closeFailures.map(remoteFailure) }),
	};
}

function remoteFailure(error: DeviceError): RemoteFailure {
	return { code: error.code, message: error.message, data: errorData(error, error.device) };
}
