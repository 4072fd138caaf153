/** What `devhost --help` says. */
export const help = `devhost: runs stages that see only the devices their manifest declares

  devhost run FILE      open the devices, run the stages, close everything
  devhost check FILE    find everything that is wrong with a manifest, open nothing
  devhost doctor        what this machine has for it, what is missing, and what installs that
  devhost ls            which devices are open now, of which run, and who uses them
  devhost gc            remove devices that nobody owns any more

  -h, --help            this, or the options of a command: devhost run --help
      --version         the version
`;

/** What `devhost run --help` says. */
export const runHelp = `devhost run [OPTION]... FILE

Opens the devices that a manifest (YAML or JSON) declares, runs its stages, each in a sandbox that sees only its devices,
and closes everything. Needs bubblewrap, and root or a guest kernel: devhost doctor tells.

FILE may be -, for standard input.

      --as FILE         the manifest is FILE, for messages and relative paths, wherever it is read from
      --backend NAME    native: this machine's kernel, as root; uml: a guest kernel, as anybody;
                        auto (default): the first of them that works for the manifest
      --guest-memory SIZE, --guest-timeout SECONDS, --guest-kernel FILE, --guest-modules DIRECTORY
                        the guest's memory (2G), how long it may take to boot (60), its kernel and modules
      --json            events as lines of JSON on standard output
      --keep-going      go on with the next stage when one fails
      --timeout SECONDS end the run when it is not done by then
      --module PACKAGE  a package with further types of devices, or its path, or that of osbuild's
                        modules or one of them; may come again
      --root DIRECTORY  what stages see as /, read-only (default: this machine's)
      --sandbox KIND    bubblewrap (default), or none: no isolation at all
  -v, --verbose         also what services say, and when devices close
  -q, --quiet           only warnings and errors
  -h, --help            this

osbuild's manifests (JSON, version 2): one pipeline is run, each stage an executable of osbuild.

      --libdir DIRECTORY         osbuild's modules (/usr/lib/osbuild)
      --pipeline NAME            which (default: the only one that builds no other)
      --stage N                  that stage alone, from 0, or its type (default: all of them)
      --tree DIRECTORY           what the pipeline makes (default: tree, beside the manifest)
      --input PIPELINE=DIRECTORY the tree of another pipeline, for stages that have it as an input;
                                 may come again

Ctrl-C asks the stage to end, closes the devices and exits with 130; a second one does not wait for the stage.

Exit status: 0 done, 1 a stage failed, 2 wrong usage or manifest, 3 a device or the sandbox could not be set up,
4 closing failed after good stages, 5 what it printed could not be written,
129, 130, 143 interrupted by SIGHUP, SIGINT, SIGTERM.
`;

/** What `devhost check --help` says. */
export const checkHelp = `devhost check [OPTION]... FILE

Finds everything that is wrong with a manifest: its form, its devices and their options, files, ranges, stages. Opens
nothing, and needs no root.

      --json            problems as lines of JSON on standard output
      --module PACKAGE  a package with further types of devices, or its path, or that of osbuild's
                        modules or one of them; may come again
  -q, --quiet           only what is wrong
  -h, --help            this

For osbuild's manifests also --libdir, --pipeline, --stage, --tree and --input, as for devhost run.

Exit status: 0 nothing is wrong, 2 something is, or the usage.
`;

/** What `devhost doctor --help` says. */
export const doctorHelp = `devhost doctor [OPTION]...

Tries what devhost run can work with on this machine, for this user: its own kernel, and a guest kernel. Says what is there,
what is missing, and the command that installs it.

      --fix             gets the guest kernel by the distribution's own package, without root, if that is what is missing
      --json            the same as a line of JSON on standard output
  -h, --help            this

Exit status: 0 devhost run works here, 3 it does not, 2 wrong usage.
`;

/** What `devhost ls --help` says. */
export const lsHelp = `devhost ls [OPTION]...

Shows the devices that devhost has open on this machine, of every run and every user, and who uses them. Changes nothing.
As an ordinary user it says what only root can see. Those of runs in a guest are in the guest.

  in use     its run goes on, or somebody else uses it
  closing    its run is over; it goes when those who use it let go
  orphan     its run is over, and nobody uses it: devhost gc removes it
  unknown    this user may not see enough

      --json            the same as lines of JSON on standard output
  -h, --help            this

Exit status: 0 done, 2 wrong usage, 3 this machine could not be looked at.
`;

/** What `devhost gc --help` says. */
export const gcHelp = `devhost gc [OPTION]...

Removes devices that carry the tag of a run which is over and that nobody uses, what stands on others first; nothing else. Says
which are kept because somebody uses them. Takes a second or two when there are any: what may be an orphan is looked at twice.
However a run ends, it leaves none: this is for what a fault of the kernel, or somebody who changed a device, has left. Needs root.

      --dry-run         removes nothing, says what it would remove
      --json            the same as lines of JSON on standard output
  -h, --help            this

Exit status: 0 no orphan is left, 2 wrong usage, 3 not root, or not everything could be looked at, 4 an orphan is still there.
`;
