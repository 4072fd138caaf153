/**
 * Whether this Node is older than what an executable needs; says so then. In JavaScript that old versions can read, and
 * without imports.
 */
export function isNodeTooOld(program: string): boolean {
	const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
	const isOld = major < 24 || (major === 24 && minor < 11);
	if (isOld) {
		process.stderr.write(
			`${program}: needs Node.js 24.11 or newer, this is ${process.versions.node}\n`,
		);
	}
	return isOld;
}
