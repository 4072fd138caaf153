// Linux 6.1 looks for partitions where newer ones do not, and has parsers.
// oxlint-disable-next-line import/no-unassigned-import -- its tests are to run here, too
import "./partition.root.test.ts";
