// Linux 6.1 looks for partitions where newer ones do not.
// oxlint-disable-next-line import/no-unassigned-import -- its tests are to run here, too
import "./kernel-partition.root.test.ts";
