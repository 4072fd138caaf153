let roomForOutput: () => Promise<void> | undefined = () => undefined;

/**
 * Says when output of stages is to stay where it is, because whoever is told of it cannot keep up. Of this whole process,
 * as its standard output is.
 *
 * @param room - Asked after every piece of output. What it returns resolves when there is room again; undefined: there is.
 */
export function limitStageOutput(room: () => Promise<void> | undefined): void {
	roomForOutput = room;
}

/** Resolves when further output of stages may be read; undefined: at once. Until then pipes hold it back, and stages wait. */
export function stageOutputRoom(): Promise<void> | undefined {
	return roomForOutput();
}
