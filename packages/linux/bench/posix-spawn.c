/* posix-spawn MEGABYTES COUNT: starts /bin/true COUNT times from a process of that size, prints the median microseconds
 * that posix_spawn took. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int compare(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	size_t bytes = (size_t)atol(argv[1]) << 20;
	int count = atoi(argv[2]);
	char *memory = malloc(bytes);
	double *times = calloc((size_t)count, sizeof *times);
	if (memory == NULL || times == NULL) return 1;
	memset(memory, 1, bytes);
	for (int i = 0; i < count; i++) {
		char *arguments[] = {"true", NULL};
		struct timespec start, end;
		pid_t pid;
		clock_gettime(CLOCK_MONOTONIC, &start);
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ) != 0) return 1;
		clock_gettime(CLOCK_MONOTONIC, &end);
		times[i] = (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
		waitpid(pid, NULL, 0);
	}
	qsort(times, (size_t)count, sizeof *times, compare);
	printf("%f\n", times[count / 2] + 0 * memory[bytes / 2]);
	return 0;
}
