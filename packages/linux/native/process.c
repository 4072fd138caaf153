/* Processes: a child that shares our memory until it execs (or, without a program, until it is done), so that
 * starting one costs the same in a process of 1 GiB as in a small one.
 *
 * What the child does before exec is a list of steps from TypeScript: enter or make a mount namespace, mount, open, cut
 * the capability bounding set. Node's own threads never change namespace.
 */
#include "binding.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef __NR_open_tree
#define __NR_open_tree 428
#endif
#ifndef __NR_move_mount
#define __NR_move_mount 429
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif
#ifndef __NR_pidfd_send_signal
#define __NR_pidfd_send_signal 424
#endif
#define ID_TYPE_PIDFD 3 /* P_PIDFD, linux/wait.h */

/* The same numbers stand in src/step.ts. */
enum {
	STEP_UNSHARE,	  /* n0 flags */
	STEP_SETNS,		  /* n0 descriptor, n1 type */
	STEP_MOUNT,		  /* s0 source, s1 target, s2 type, s3 data, n0 flags */
	STEP_MKDIR,		  /* s0 path, n0 mode, n1 an existing one will do */
	STEP_CLONE_MOUNT, /* s0 path, n0 a missing one will do: the next slot */
	STEP_ATTACH,	  /* n0 slot, s0 target */
	STEP_OPEN,		  /* s0 path, n0 flags: a descriptor of the caller's */
	STEP_MKNOD,		  /* s0 path, n0 mode, n1 major, n2 minor */
	STEP_SYMLINK,	  /* s0 target, s1 path */
	STEP_CHDIR,		  /* s0 path */
	STEP_SETSID,
	STEP_PARENT_DEATH_SIGNAL, /* n0 signal */
	STEP_CAPABILITY_BOUND,	  /* n0 low, n1 high half of the set that stays */
	STEP_RESERVE_DESCRIPTORS, /* n0 how many */
};

#define STEP_NUMBERS 4 /* kind, n0, n1, n2 */
#define STEP_STRINGS 4
#define MAX_SLOTS 16
#define MAX_OPENED 16
#define STACK_BYTES (128 * 1024)

struct step {
	int32_t kind, n[3];
	char *s[STEP_STRINGS];
};

struct child {
	struct step *steps;
	int step_count;
	const char *file; /* NULL: no program, the child ends after its steps */
	char **argv, **envp;
	int32_t *map; /* pairs: number in the child, descriptor of ours */
	int map_count;
	pid_t parent;
	int slots[MAX_SLOTS], slot_count;
	int opened[MAX_OPENED], opened_count;
	/* written by the child in shared memory, read by the parent after exec or exit */
	volatile int step; /* that it takes; step_count: the descriptor map; step_count + 1: exec */
	volatile int error;
	volatile bool done;
};

static int cut_bounding_set(uint64_t keep) {
	for (unsigned capability = 0; capability < 64; capability++) {
		int present = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
		if (present < 0) break; /* EINVAL: past the last one that this kernel knows */
		if (present && !(keep >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -1;
	}
	return 0;
}

/* Makes room for descriptors 0 to count - 1, as far as the limit on them allows: 0, or -1 with errno.
 *
 * The table grows, at 64 and each power of two from 128 on, when a descriptor does not fit; if threads share it, the one that
 * needs that waits for all processors to be done with the old one (fs/file.c, expand_fdtable): 10 to 20 ms each time. */
static int reserve_descriptors(int count) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)count) count = (int)limit.rlim_cur;
	int any = open("/", O_PATH | O_CLOEXEC);
	if (any < 0) return -1;
	int last = fcntl(any, F_DUPFD_CLOEXEC, count - 1);
	int error = errno;
	close(any);
	if (last < 0) return errno = error, error == EMFILE ? 0 : -1; /* the last one is in use: there is room */
	return close(last);
}

static int perform_step(struct child *child, const struct step *step) {
	char *const *s = step->s;
	const int32_t *n = step->n;
	switch (step->kind) {
	case STEP_UNSHARE: return unshare(n[0]);
	case STEP_SETNS: return setns(n[0], n[1]);
	case STEP_MOUNT: return mount(s[0], s[1], s[2], (unsigned long)(uint32_t)n[0], s[3]);
	case STEP_MKDIR: {
		int result = mkdir(s[0], (mode_t)n[0]);
		return result < 0 && errno == EEXIST && n[1] ? 0 : result;
	}
	case STEP_CLONE_MOUNT: {
		if (child->slot_count == MAX_SLOTS) return errno = E2BIG, -1;
		/* OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE; Linux 5.2 */
		int slot = (int)syscall(__NR_open_tree, AT_FDCWD, s[0], 1u | O_CLOEXEC | 0x8000u);
		if (slot < 0 && !(n[0] && (errno == ENOENT || errno == EINVAL))) return -1;
		child->slots[child->slot_count++] = slot;
		return 0;
	}
	case STEP_ATTACH:
		if (n[0] < 0 || n[0] >= child->slot_count) return errno = EINVAL, -1;
		if (child->slots[n[0]] < 0) return 0;
		if (mkdir(s[0], 0755) < 0 && errno != EEXIST) return -1;
		/* MOVE_MOUNT_F_EMPTY_PATH */
		return (int)syscall(__NR_move_mount, child->slots[n[0]], "", AT_FDCWD, s[0], 4u);
	case STEP_OPEN: {
		if (child->opened_count == MAX_OPENED) return errno = E2BIG, -1;
		int fd = open(s[0], n[0] | O_CLOEXEC);
		if (fd < 0) return -1;
		child->opened[child->opened_count++] = fd;
		return 0;
	}
	case STEP_MKNOD:
		umask(0);
		return mknod(s[0], (mode_t)n[0], makedev((unsigned)n[1], (unsigned)n[2]));
	case STEP_SYMLINK: return symlink(s[0], s[1]);
	case STEP_CHDIR: return chdir(s[0]);
	case STEP_SETSID: return setsid() < 0 ? -1 : 0;
	case STEP_PARENT_DEATH_SIGNAL:
		if (prctl(PR_SET_PDEATHSIG, n[0], 0, 0, 0) < 0) return -1;
		/* The parent may have died before the request stood: prctl(2). */
		if (getppid() != child->parent) return errno = ESRCH, -1;
		return 0;
	case STEP_CAPABILITY_BOUND:
		return cut_bounding_set((uint64_t)(uint32_t)n[1] << 32 | (uint32_t)n[0]);
	case STEP_RESERVE_DESCRIPTORS:
		reserve_descriptors(n[0]); /* without it the program is slower, no more */
		return 0;
	}
	return errno = EINVAL, -1;
}

/* Puts every mapped descriptor at its number and leaves no other one to the program. */
static int map_descriptors(struct child *child) {
	int highest = 2;
	for (int i = 0; i < child->map_count; i++)
		if (child->map[2 * i] > highest) highest = child->map[2 * i];
	/* First out of the way, above every target, so that no target overwrites a source. */
	for (int i = 0; i < child->map_count; i++) {
		int moved = fcntl(child->map[2 * i + 1], F_DUPFD_CLOEXEC, highest + 1);
		if (moved < 0) return -1;
		child->map[2 * i + 1] = moved;
	}
	for (int number = 0; number <= highest; number++) {
		int source = -1;
		for (int i = 0; i < child->map_count; i++)
			if (child->map[2 * i] == number) source = child->map[2 * i + 1];
		if (source >= 0) {
			if (dup2(source, number) < 0) return -1;
		} else if (number <= 2) {
			int null = open("/dev/null", O_RDWR);
			if (null < 0) return -1;
			if (null != number && (dup2(null, number) < 0 || close(null) < 0)) return -1;
		} else {
			close(number);
		}
	}
	/* CLOSE_RANGE_CLOEXEC, Linux 5.11; before that everything of ours is close-on-exec anyway. */
	syscall(__NR_close_range, (unsigned)highest + 1, ~0u, 4u);
	return 0;
}

static int child_main(void *data) {
	struct child *child = data;
	/* Before signals are let in: a handler of the parent's must never run in its memory. */
	struct sigaction action = {.sa_handler = SIG_DFL};
	for (int signal = 1; signal < 65; signal++)
		if (signal != SIGKILL && signal != SIGSTOP) sigaction(signal, &action, NULL);

	for (; child->step < child->step_count; child->step++)
		if (perform_step(child, &child->steps[child->step]) < 0) goto failed;
	if (child->file == NULL) {
		child->done = true;
		_exit(0);
	}

	if (map_descriptors(child) < 0) goto failed;
	child->step++;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(child->file, child->argv, child->envp);
failed:
	child->error = errno;
	_exit(127);
}

/* wrong: index of the first element that is neither null nor a string without NUL, or count */
static char **get_strings(napi_env env, napi_value array, uint32_t *count, uint32_t *wrong) {
	*count = 0;
	napi_get_array_length(env, array, count);
	*wrong = *count;
	char **strings = calloc(*count + 1, sizeof *strings);
	for (uint32_t i = 0; strings != NULL && i < *count; i++) {
		napi_value value;
		napi_get_element(env, array, i, &value);
		strings[i] = get_string(env, value);
		if (strings[i] == NULL && *wrong == *count && !is_undefined(env, value)) *wrong = i;
	}
	return strings;
}

static void free_strings(char **strings, uint32_t count) {
	for (uint32_t i = 0; strings != NULL && i < count; i++) free(strings[i]);
	free(strings);
}

/* spawn(file | undefined, argv, environment, map: Int32Array, stepNumbers: Int32Array, stepStrings: (string | null)[],
 *       out: Int32Array(20)): 0, or -errno
 *
 * out: [pid, pidfd, the step that failed, opened count, opened...]. Without a file the child shares our descriptor table, so
 * that what its steps open is ours, and is over when this returns.
 */
static napi_value js_spawn(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t map_length, numbers_length, out_length;
	uint32_t argc, envc, string_count, wrong_argument, wrong_variable, wrong_string;
	int32_t *map = get_array(env, argv[3], &map_length);
	int32_t *numbers = get_array(env, argv[4], &numbers_length);
	int32_t *out = get_array(env, argv[6], &out_length);
	if (out_length < 4 + MAX_OPENED) return make_int(env, -EINVAL);

	struct child child = {.file = is_undefined(env, argv[0]) ? NULL : get_string(env, argv[0]),
						  .map_count = (int)(map_length / 2),
						  .step_count = (int)(numbers_length / STEP_NUMBERS),
						  .parent = getpid()};
	char **strings = get_strings(env, argv[5], &string_count, &wrong_string);
	child.argv = get_strings(env, argv[1], &argc, &wrong_argument);
	child.envp = get_strings(env, argv[2], &envc, &wrong_variable);
	child.steps = calloc((size_t)child.step_count + 1, sizeof *child.steps);
	child.map = calloc(map_length + 1, sizeof *child.map);
	void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int result = -ENOMEM;
	if (strings == NULL || child.argv == NULL || child.envp == NULL || child.steps == NULL ||
		child.map == NULL || stack == MAP_FAILED ||
		string_count < (uint32_t)child.step_count * STEP_STRINGS)
		goto out;
	result = -EINVAL;
	if (wrong_argument < argc || wrong_variable < envc) goto out;
	if (child.file == NULL && !is_undefined(env, argv[0])) goto out;
	if (wrong_string < string_count) {
		out[2] = (int32_t)(wrong_string / STEP_STRINGS);
		goto out;
	}
	memcpy(child.map, map, map_length * sizeof *map);
	for (int i = 0; i < child.step_count; i++) {
		child.steps[i].kind = numbers[i * STEP_NUMBERS];
		memcpy(child.steps[i].n, numbers + i * STEP_NUMBERS + 1, sizeof child.steps[i].n);
		memcpy(child.steps[i].s, strings + i * STEP_STRINGS, sizeof child.steps[i].s);
	}

	sigset_t all, ours;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &ours);
	int pidfd = -1;
	int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
	if (child.file == NULL) flags |= CLONE_FILES;
	pid_t pid = clone(child_main, (char *)stack + STACK_BYTES, flags, &child, &pidfd, NULL, NULL);
	result = pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &ours, NULL);
	if (result < 0) goto out;

	for (int i = 0; child.file == NULL && i < child.slot_count; i++)
		if (child.slots[i] >= 0) close(child.slots[i]);
	if (child.error != 0 || child.file == NULL) {
		siginfo_t status;
		while (waitid((idtype_t)ID_TYPE_PIDFD, (id_t)pidfd, &status, WEXITED) < 0 && errno == EINTR)
			;
		close(pidfd);
		pidfd = -1;
	}
	/* Something killed it in the middle of a step. */
	if (child.file == NULL && !child.done && child.error == 0) child.error = EINTR;
	if (child.error != 0) {
		result = -child.error;
		for (int i = 0; child.file == NULL && i < child.opened_count; i++) close(child.opened[i]);
		child.opened_count = 0;
	}
	out[0] = pid;
	out[1] = pidfd;
	out[2] = child.step;
	out[3] = child.file == NULL ? child.opened_count : 0;
	for (int i = 0; i < out[3]; i++) out[4 + i] = child.opened[i];
out:
	if (stack != MAP_FAILED) munmap(stack, STACK_BYTES);
	free((char *)child.file);
	free_strings(child.argv, argc);
	free_strings(child.envp, envc);
	free_strings(strings, string_count);
	free(child.steps);
	free(child.map);
	return make_int(env, result);
}

static void *reserve(void *count) {
	reserve_descriptors((int)(intptr_t)count);
	return NULL;
}

/* reserveDescriptors(count): 0 at once. On a thread of its own: the pool would be started for that, four at once. */
static napi_value js_reserve_descriptors(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* Signals are the main thread's. */
	sigset_t all, ours;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &ours);
	int error = pthread_create(&thread, &attributes, reserve, (void *)(intptr_t)get_int(env, argv[0]));
	pthread_sigmask(SIG_SETMASK, &ours, NULL);
	pthread_attr_destroy(&attributes);
	return make_int(env, -error);
}

/* pidfdSignal(pidfd, signal): 0 */
static napi_value js_pidfd_signal(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	return make_result(env, syscall(__NR_pidfd_send_signal, get_int(env, argv[0]),
									get_int(env, argv[1]), NULL, 0));
}

/* pidfdWait(pidfd, out: Int32Array(2)): 1 when it has ended (and is reaped now), 0 while it runs
 *
 * out: [si_code, exit code or signal]; CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3.
 */
static napi_value js_pidfd_wait(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t length;
	int32_t *out = get_array(env, argv[1], &length);
	siginfo_t status = {0};
	if (length < 2) return make_int(env, -EINVAL);
	int result;
	do result = waitid((idtype_t)ID_TYPE_PIDFD, (id_t)get_int(env, argv[0]), &status, WEXITED | WNOHANG);
	while (result < 0 && errno == EINTR);
	if (result < 0) return make_int(env, -errno);
	if (status.si_pid == 0) return make_int(env, 0);
	out[0] = status.si_code;
	out[1] = status.si_status;
	return make_int(env, 1);
}

/* exitNow(code): does not return */
static napi_value js_exit_now(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	_exit(get_int(env, argv[0]));
}

void define_processes(napi_env env, napi_value exports) {
	define_function(env, exports, "spawn", js_spawn);
	define_function(env, exports, "reserveDescriptors", js_reserve_descriptors);
	define_function(env, exports, "pidfdSignal", js_pidfd_signal);
	define_function(env, exports, "pidfdWait", js_pidfd_wait);
	define_function(env, exports, "exitNow", js_exit_now);
}
