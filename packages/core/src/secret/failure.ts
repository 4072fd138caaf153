/** Why a secret could not be read, as the second half of a sentence. Never holds anything of a secret. */
export class SecretFailure extends Error {
	override readonly name = "SecretFailure";
}
