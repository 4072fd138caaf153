import { DeviceError } from "./error.ts";

export function isNothing(value: unknown): value is null | undefined {
	return value === undefined || value === null;
}

export function list(value: unknown, what: string): readonly unknown[] {
	if (Array.isArray(value)) return value;
	throw broken(`${what} of open are not a list`);
}

export function object(value: unknown, what: string): Record<string, unknown> {
	if (typeof value === "object" && value !== null && !Array.isArray(value)) {
		return value as Record<string, unknown>;
	}
	throw broken(`${what} is not an object`);
}

export function isIndex(value: unknown): value is number {
	return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

export function broken(message: string): DeviceError {
	return new DeviceError("ERR_DEVICE_SERVICE", message);
}
