/* Counts the steps by which the processes of a run change the world, and ends one of them after a chosen step.
 *
 * Loaded (LD_PRELOAD) into the runner, or a program that hosts devices, and by it into its services. The steps are the
 * calls that open, change or close devices and those that speak to the other side:
 *
 *   KILL_LOG     a file that gets a line for every step: "ROLE INDEX CALL"
 *   KILL_AT      "ROLE INDEX": after this step, KILL_SIGNAL is sent to KILL_TARGET
 *   KILL_SIGNAL  its number
 *   KILL_TARGET  self | parent | group
 *
 * ROLE is "host", or the folder of the package whose service it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char role[64];
static char at_role[64];
static int at_index = -1;
static int log_fd = -1;
static int count;
static pid_t own_pid;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The role by the command line: .../packages/ROLE/dist/service.cjs, else the host. */
static void __attribute__((constructor)) begin(void) {
	char line[4096] = "";
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY);
	ssize_t length = read(fd, line, sizeof line - 1);
	syscall(SYS_close, fd);
	for (ssize_t i = 0; i < length; i++)
		if (line[i] == 0) line[i] = '\n';
	strcpy(role, "host");
	char *end = strstr(line, "/dist/service.cjs");
	if (end != NULL) {
		*end = 0;
		strncpy(role, strrchr(line, '/') + 1, sizeof role - 1);
	}
	own_pid = (pid_t)syscall(SYS_getpid);
	if (getenv("KILL_AT") != NULL) sscanf(getenv("KILL_AT"), "%63s %d", at_role, &at_index);
	const char *log = getenv("KILL_LOG");
	if (log == NULL) return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
	/* Out of the way: a child of ours gives low numbers to what it passes on. */
	log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 900);
	syscall(SYS_close, fd);
}

static void step(const char *call) {
	/* A child that shares our memory before it execs is another process, but its steps are ours. */
	int index = __atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST);
	if (log_fd >= 0) {
		char line[160];
		int length = snprintf(line, sizeof line, "%s %d %s\n", role, index, call);
		syscall(SYS_write, log_fd, line, (size_t)length);
	}
	if (index != at_index || strcmp(role, at_role) != 0) return;
	int number = atoi(getenv("KILL_SIGNAL"));
	const char *target = getenv("KILL_TARGET");
	if (strcmp(target, "group") == 0) kill(0, number);
	else if (strcmp(target, "parent") == 0) kill(getppid(), number);
	else kill(own_pid, number);
}

static int is_block(int fd) {
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISBLK(status.st_mode);
}

static int is_socket(int fd) {
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

int ioctl(int fd, unsigned long request, ...) {
	va_list list;
	va_start(list, request);
	void *argument = va_arg(list, void *);
	va_end(list);
	int result = REAL(ioctl)(fd, request, argument);
	unsigned type = request >> 8 & 0xff;
	/* loop, block, device-mapper */
	if (type == 0x4c || type == 0x12 || type == 0xfd) {
		int kept = errno;
		char call[32];
		snprintf(call, sizeof call, "ioctl-%lx", request & 0xffff);
		step(call);
		errno = kept;
	}
	return result;
}

#define STEPPED(condition, call)  \
	do {                          \
		int kept = errno;         \
		if (condition) step(call); \
		errno = kept;             \
	} while (0)

int umount2(const char *path, int flags) {
	int result = REAL(umount2)(path, flags);
	STEPPED(1, "umount2");
	return result;
}

int syncfs(int fd) {
	int result = REAL(syncfs)(fd);
	STEPPED(1, "syncfs");
	return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
	ssize_t result = REAL(sendmsg)(fd, message, flags);
	STEPPED(1, "sendmsg");
	return result;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	ssize_t result = REAL(recvmsg)(fd, message, flags);
	STEPPED(result >= 0, "recvmsg");
	return result;
}

int mknodat(int folder, const char *path, mode_t mode, dev_t device) {
	int result = REAL(mknodat)(folder, path, mode, device);
	STEPPED(1, "mknodat");
	return result;
}

int unlinkat(int folder, const char *path, int flags) {
	int result = REAL(unlinkat)(folder, path, flags);
	STEPPED(1, "unlinkat");
	return result;
}

int flock(int fd, int operation) {
	int result = REAL(flock)(fd, operation);
	STEPPED(1, "flock");
	return result;
}

int fsync(int fd) {
	int result = REAL(fsync)(fd);
	STEPPED(1, "fsync");
	return result;
}

int close(int fd) {
	int block = is_block(fd), sock = !block && is_socket(fd);
	int result = REAL(close)(fd);
	STEPPED(block || sock, block ? "close-block" : "close-socket");
	return result;
}

/* Of what goes by number: openat2, and what makes a mount. */
long syscall(long number, ...) {
	va_list list;
	va_start(list, number);
	long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
	long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
	va_end(list);
	static long (*real)(long, ...);
	if (real == NULL) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long result = real(number, a, b, c, d, e, f);
#ifdef SYS_openat2
	STEPPED(number == SYS_openat2, "openat2");
#endif
#ifdef SYS_fsopen
	STEPPED(number == SYS_fsopen, "fsopen");
	STEPPED(number == SYS_fsconfig, "fsconfig");
	STEPPED(number == SYS_fsmount, "fsmount");
	STEPPED(number == SYS_move_mount, "move_mount");
	STEPPED(number == SYS_open_tree, "open_tree");
#endif
	return result;
}

/* Services get a clean environment: this library and its variables go to them, and to nothing else. */
int execve(const char *file, char *const argv[], char *const environment[]) {
	step("execve");
	int is_service = 0;
	/* Options of Node come before it. */
	for (int i = 0; argv[i] != NULL && i < 4; i++) is_service |= strstr(argv[i], "service.cjs") != NULL;
	if (!is_service) return REAL(execve)(file, argv, environment);
	static const char *const ours[] = {"LD_PRELOAD", "KILL_LOG", "KILL_AT", "KILL_SIGNAL", "KILL_TARGET"};
	static char texts[5][512];
	char *longer[64];
	int length = 0;
	while (environment[length] != NULL && length < 58) longer[length] = environment[length], length++;
	for (int i = 0; i < 5; i++) {
		const char *value = getenv(ours[i]);
		if (value == NULL) continue;
		snprintf(texts[i], sizeof texts[i], "%s=%s", ours[i], value);
		longer[length++] = texts[i];
	}
	longer[length] = NULL;
	return REAL(execve)(file, argv, longer);
}
