/** Why no guest can run on this machine; undefined where one can. Its beginning is what continuous integration knows. */
export const whyNoGuest: string | undefined =
	process.arch === "x64"
		? undefined
		: `impossible here: User Mode Linux is for x86, this is ${process.arch}`;
