/*
 * loop-open-close: what opening and closing loop devices costs when a C program does it.
 *
 * The limit that the benchmark compares with. For each FILE, one after another, as a careful program
 * would: LOOP_CTL_GET_FREE, open, LOOP_CONFIGURE, a node in DIRECTORY. Then for each, last first:
 * BLKFLSBUF, LOOP_CLR_FD, remove the node, close, verify that the device is unbound, fsync of the file.
 *
 *   loop-open-close ROUNDS DIRECTORY FILE...
 *
 * Prints the median over the second half of the rounds, in microseconds, of opening and closing all files.
 * Exits 1 on any error; AUTOCLEAR leaves nothing bound then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

struct device {
	const char *file_name;
	char node[4096];
	int number;
	int loop;
	int file;
};

static char tag[LO_NAME_SIZE];

static void fail(const char *what, const char *path)
{
	fprintf(stderr, "loop-open-close: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static double now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void open_device(struct device *device, int control, const char *directory)
{
	char path[64];
	struct stat status;

	device->file = open(device->file_name, O_RDWR | O_CLOEXEC);
	if (device->file < 0)
		fail("open", device->file_name);

	/* Another program may take the number between the two calls: EBUSY, take the next one. */
	for (int attempt = 0;; attempt++) {
		device->number = ioctl(control, LOOP_CTL_GET_FREE);
		if (device->number < 0)
			fail("LOOP_CTL_GET_FREE", "/dev/loop-control");
		snprintf(path, sizeof path, "/dev/loop%d", device->number);
		device->loop = open(path, O_RDWR | O_CLOEXEC);
		if (device->loop < 0)
			fail("open", path);
		if (fstat(device->loop, &status) < 0)
			fail("fstat", path);

		struct loop_config config = { .fd = (unsigned)device->file, .block_size = 512 };
		config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
		memcpy(config.info.lo_file_name, tag, sizeof tag);
		if (ioctl(device->loop, LOOP_CONFIGURE, &config) == 0)
			break;
		if (errno != EBUSY || attempt == 100)
			fail("LOOP_CONFIGURE", path);
		close(device->loop);
	}

	snprintf(device->node, sizeof device->node, "%s/loop%d", directory, device->number);
	if (mknod(device->node, S_IFBLK | 0600, status.st_rdev) < 0)
		fail("mknod", device->node);
}

/* Bound, and not by another program that took the number since: that has another tag. */
static bool is_ours(struct device *device)
{
	struct loop_info64 info;
	int loop = open(device->node, O_RDONLY | O_CLOEXEC);
	if (loop < 0 && errno == ENXIO)
		return false;
	if (loop < 0)
		fail("open", device->node);
	int result = ioctl(loop, LOOP_GET_STATUS64, &info);
	close(loop);
	return result == 0 && strcmp((char *)info.lo_file_name, tag) == 0;
}

static void close_device(struct device *device)
{
	if (ioctl(device->loop, BLKFLSBUF, 0) < 0)
		fail("BLKFLSBUF", device->node);
	if (ioctl(device->loop, LOOP_CLR_FD, 0) < 0)
		fail("LOOP_CLR_FD", device->node);
	if (close(device->loop) < 0)
		fail("close", device->node);

	/* Another program may have it open for a moment: then it is unbound at its close. */
	for (int look = 0; is_ours(device); look++) {
		if (look == 1000) {
			errno = EBUSY;
			fail("still bound", device->node);
		}
		usleep(1000);
	}
	if (unlink(device->node) < 0)
		fail("unlink", device->node);

	if (fsync(device->file) < 0)
		fail("fsync", device->file_name);
	close(device->file);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: loop-open-close ROUNDS DIRECTORY FILE...\n");
		return 2;
	}
	int rounds = atoi(argv[1]);
	int count = argc - 3;
	snprintf(tag, sizeof tag, "devhost-bench:%d", getpid());
	struct device *devices = calloc((size_t)count, sizeof *devices);
	double *times = calloc((size_t)rounds + 1, sizeof *times);
	if (devices == NULL || times == NULL)
		fail("calloc", "");

	for (int round = 0; round < rounds; round++) {
		double start = now_us();
		int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
		if (control < 0)
			fail("open", "/dev/loop-control");
		for (int i = 0; i < count; i++) {
			devices[i].file_name = argv[3 + i];
			open_device(&devices[i], control, argv[2]);
		}
		for (int i = count - 1; i >= 0; i--)
			close_device(&devices[i]);
		close(control);
		times[round] = now_us() - start;
	}
	double *measured = times + rounds / 2;
	int measured_count = rounds - rounds / 2;
	qsort(measured, (size_t)measured_count, sizeof *measured, compare);
	printf("%.1f\n", measured[measured_count / 2]);
	free(times);
	free(devices);
	return 0;
}
