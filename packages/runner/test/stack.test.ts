import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import { eventsOf, killStarted, Project } from "./devhost.ts";
import { eventComplaints } from "./event-schema.ts";
import { processesIn } from "./leftovers.ts";
import { giveToUser, startAsUser } from "./ordinary-user.ts";

// A guest boots, and several programs are started in it.
vi.setConfig({ testTimeout: 180_000 });

const passphrase = "correct horse battery staple";
const written = "written to a volume in a container";

let project: Project;
beforeEach(() => {
	project = new Project();
});
afterEach(() => {
	killStarted();
	project[Symbol.dispose]();
});

/** Devices one on the other, from the disk to the volume. */
function stack(options: object = {}): Record<string, object> {
	const secret = { file: `${project.folder}/passphrase` };
	return {
		disk: { type: "devhost.loopback", options: { filename: "disk.img", ...options } },
		crypt: {
			type: "devhost.luks2",
			parent: "disk",
			options: { passphrase: secret, ...options },
		},
		root: { type: "devhost.lvm2.lv", parent: "crypt", options: { volume: "root", ...options } },
	};
}

const list = "ls /dev | grep -E '^(loop|dm|mapper)'";
const luksFormat =
	"cryptsetup -q luksFormat --type=luks2 --pbkdf=pbkdf2 --pbkdf-force-iterations=1000 --disable-locks";
const lvm = (command: string): string => `lvm ${command} --devices $disk --driverloaded n`;

describe("devhost run with devices on devices, as an ordinary user", () => {
	test("builds a volume in a container, each step in a stage that sees its devices alone", async ({
		expect,
	}) => {
		const secret = project.write("passphrase", passphrase, 0o600);
		// A container's header takes 16 MiB.
		const images = [project.image("disk.img", 32 << 20), project.image("group.img", 16 << 20)];
		giveToUser(project.folder, secret, ...images);
		const group = { type: "devhost.loopback", options: { filename: "group.img" } };
		const shell = (...commands: readonly string[]): string[] => [
			"sh",
			"-e",
			"-c",
			[list, ...commands].join("\n"),
		];
		const manifest = project.manifest({
			devices: stack(),
			stages: [
				{
					name: "encrypt",
					uses: ["disk"],
					run: shell(`${luksFormat} --key-file=passphrase {devices.disk}`),
				},
				{
					// LVM's own tools ask device-mapper about a container, and a stage has none.
					name: "divide",
					uses: [],
					devices: { group },
					environment: { LVM_SYSTEM_DIR: "/tmp", disk: "{devices.group}" },
					run: shell(
						lvm("pvcreate -q -q $disk"),
						lvm("vgcreate -q -q system $disk"),
						lvm("lvcreate -q -q -an -Zn -Wn -l 2 -n root system"),
					),
				},
				{
					name: "fill",
					uses: ["crypt"],
					run: shell("dd if=group.img of={devices.crypt} bs=1M conv=fsync status=none"),
				},
				{
					name: "write",
					uses: ["root"],
					run: shell(`echo '${written}' > {devices.root}`),
				},
				{
					name: "read",
					uses: [],
					devices: stack({ "read-only": true }),
					run: shell(
						`head -n 1 {devices.root}`,
						"blockdev --getro {devices.crypt} {devices.root}",
					),
				},
			],
		});

		const result = await startAsUser(["run", "--json", "--backend=uml", manifest]).ended;

		const events = eventsOf(result);
		expect(events.at(-1)).toMatchObject({ event: "run-ended", errors: [] });
		expect(result).toMatchObject({ code: 0, stderr: "" });
		expect(events.flatMap(eventComplaints)).toEqual([]);
		const opened = events.filter((event) => event.event === "device-opened");
		const closed = events.filter((event) => event.event === "device-closed");
		expect(opened.map(({ device }) => device).join(" ")).toBe(
			"disk group crypt root disk crypt root",
		);
		expect(closed.map(({ device }) => device).join(" ")).toBe(
			"group root crypt disk root crypt disk",
		);
		const [disk, ownDisk, crypt, root, ...again] = opened.map(({ path }) =>
			path.replace("/dev/", ""),
		);
		const outputOf = (stage: string): string[] => {
			const all = events.flatMap((event) =>
				event.event === "stage-output" && event.stage === stage ? event.text : [],
			);
			return all.join("").trimEnd().split("\n");
		};
		expect(outputOf("encrypt")).toEqual([disk]);
		expect(outputOf("divide")[0]).toBe(ownDisk);
		expect(outputOf("fill")).toEqual([crypt]);
		expect(outputOf("write")).toEqual([root]);
		expect(outputOf("read")).toEqual([...again.toSorted(), written, "1", "1"]);
		expect([crypt, root]).toEqual([
			expect.stringMatching(/^dm-\d+$/),
			expect.stringMatching(/^dm-\d+$/),
		]);
		const bytes = readFileSync(`${project.folder}/disk.img`);
		expect(bytes.subarray(0, 4).toString("latin1")).toBe("LUKS");
		expect(bytes.includes(written)).toBe(false);
		expect(result.stdout).not.toContain(passphrase);
		expect(processesIn(project.folder)).toEqual([]);
	});
});
