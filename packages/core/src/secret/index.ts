/**
 * Secrets: where manifests say that they are, and how they are read. Loaded only where there are any.
 *
 * @packageDocumentation
 */
export { readSecret, type ReadSecretOptions } from "./read-secret.ts";
export { maxSecretBytes } from "./bytes.ts";
export {
	type Secret,
	secretComplaint,
	type SecretComplaint,
	type SecretReference,
} from "./complaint.ts";
export { openAgain, sealedMemory } from "./memory.ts";
export { findSecretOptions, type SecretOption } from "./options.ts";
export { SecretReader } from "./reader.ts";
export type { SecretRequest, SecretSource } from "./source.ts";
