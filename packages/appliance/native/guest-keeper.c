/* guest-keeper LIFELINE_FD WRITABLE... -- KERNEL [ARGUMENT...]
 *
 * Starts a guest's kernel and stays beside it until no process of it is left. A guest is many processes of this machine, and
 * all of them have to go, whatever ends first:
 *
 *   the lifeline's other end is closed (its holder ended)   the guest has two seconds to power off, then it is killed
 *   SIGTERM                                                 it is killed
 *   the kernel's process ends, or is killed                 what is left of it is killed
 *   this program is killed                                  the kernel's process gets SIGKILL, see guest-preload.c
 *
 * Ends as the kernel's process did: with its exit status, or by its signal.
 *
 * Before the kernel starts: no core files, no randomised addresses (they make User Mode Linux manage up to 1 GiB of address
 * space that is not there), and, where this machine has Landlock, no writing to any file but those beneath WRITABLE.
 *
 * Freestanding: see syscall.h.
 */
#include "syscall.h"
#include <asm/signal.h>
#include <linux/landlock.h>
#include <linux/personality.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/wait.h>

PROGRAM_START;

#define OPEN_PATH 010000000
#define OPEN_CLOEXEC 02000000
#define ORDERLY_MS 2000
/* Landlock's first version knows neither REFER nor TRUNCATE; those bits are left out there. */
#define LANDLOCK_WRITE \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)
#define LANDLOCK_REFER (1ULL << 13)
#define LANDLOCK_TRUNCATE (1ULL << 14)
#define LANDLOCK_FOR_FILES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_TRUNCATE)
#define STAT_MODE_OFFSET 24 /* struct stat, x86-64 */
#define FORMAT_MASK 0170000
#define FORMAT_DIRECTORY 0040000

/* Best effort: a kernel without Landlock still has the guest's own read-only mounts. */
static void forbid_writing_elsewhere(char **writable) {
	long version = call(__NR_landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION, 0);
	if (version < 1) return;
	u64 handled = LANDLOCK_WRITE;
	if (version >= 2) handled |= LANDLOCK_REFER;
	if (version >= 3) handled |= LANDLOCK_TRUNCATE;
	long rules = call(__NR_landlock_create_ruleset, &handled, sizeof handled, 0, 0);
	if (rules < 0) return;
	for (; !same_text(*writable, "--"); writable++) {
		long fd = call(__NR_open, *writable, OPEN_PATH | OPEN_CLOEXEC, 0, 0);
		if (fd < 0) continue;
		u8 status[144];
		long known = call(__NR_fstat, fd, status, 0, 0);
		u32 mode = known < 0 ? 0 : *(u32 *)(status + STAT_MODE_OFFSET);
		int is_directory = (mode & FORMAT_MASK) == FORMAT_DIRECTORY;
		struct landlock_path_beneath_attr rule = {
			.allowed_access = is_directory ? handled : handled & LANDLOCK_FOR_FILES,
			.parent_fd = (int)fd,
		};
		call(__NR_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
		call(__NR_close, fd, 0, 0, 0);
	}
	call6(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	call(__NR_landlock_restrict_self, rules, 0, 0, 0);
	call(__NR_close, rules, 0, 0, 0);
}

static void complain(const char *what, const char *path, long error) {
	char line[4352];
	char *end = append(append(line, "guest-keeper: "), what);
	if (length_of(path) < 4096) end = append(append(end, " "), path);
	end = append_number(append(end, ": errno "), (ulong)-error);
	*end++ = '\n';
	call(__NR_write, 2, line, end - line, 0);
}

__attribute__((noreturn)) static void become_kernel(long keeper, int lifeline, char **writable,
													 char **argv, char **envp) {
	u64 none = 0;
	call(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof none);
	call(__NR_setpgid, 0, 0, 0, 0);
	call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	if (call(__NR_getppid, 0, 0, 0, 0) != keeper) leave(125);
	call(__NR_close, lifeline, 0, 0, 0);
	/* Refused by the seccomp rules of some containers; then the guest only starts more slowly. */
	call(__NR_personality, PER_LINUX | ADDR_NO_RANDOMIZE, 0, 0, 0);
	forbid_writing_elsewhere(writable);
	complain("cannot execute", argv[0], call(__NR_execve, argv[0], argv, envp, 0));
	leave(127);
}

/* Ends as `status` (of wait4) says that the kernel's process did. */
__attribute__((noreturn)) static void end_as(int status) {
	int signal = status & 0x7f;
	if (signal == 0) leave(status >> 8 & 0xff);
	u64 all = 0;
	call(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
	call(__NR_kill, call(__NR_getpid, 0, 0, 0, 0), signal, 0, 0);
	leave(128 + signal);
}

__attribute__((noreturn, used)) void start(long *stack) {
	long argc = stack[0];
	char **argv = (char **)(stack + 1), **envp = argv + argc + 1;
	long first = 2;
	while (first < argc && !same_text(argv[first], "--")) first++;
	if (argc < 4 || first + 1 >= argc) {
		static const char usage[] = "usage: guest-keeper LIFELINE_FD WRITABLE... -- KERNEL [ARGUMENT...]\n";
		call(__NR_write, 2, usage, sizeof usage - 1, 0);
		leave(125);
	}
	int lifeline = 0;
	for (const char *digit = argv[1]; *digit >= '0' && *digit <= '9'; digit++)
		lifeline = lifeline * 10 + (*digit - '0');

	struct {
		ulong current, maximum;
	} no_core = {0, 0};
	call(__NR_prlimit64, 0, RLIMIT_CORE, &no_core, 0);
	call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
	u64 mine = 1ULL << (SIGCHLD - 1) | 1ULL << (SIGTERM - 1) | 1ULL << (SIGINT - 1) | 1ULL << (SIGHUP - 1);
	call(__NR_rt_sigprocmask, SIG_SETMASK, &mine, 0, sizeof mine);
	long signals = call(__NR_signalfd4, -1, &mine, sizeof mine, OPEN_CLOEXEC);
	if (signals < 0) {
		complain("signalfd", "", signals);
		leave(125);
	}

	long keeper = call(__NR_getpid, 0, 0, 0, 0);
	long kernel = call(__NR_fork, 0, 0, 0, 0);
	if (kernel == 0) become_kernel(keeper, lifeline, argv + 2, argv + first + 1, envp);
	if (kernel < 0) {
		complain("fork", "", kernel);
		leave(125);
	}
	call(__NR_setpgid, kernel, kernel, 0, 0);
	/* The guest's end of the control line is the guest's alone: its end of file says that the guest is gone. What a
	 * caller wants to be held until the guest is gone (locks) has numbers from 16 on. */
	for (long fd = 0; fd < 16; fd++)
		if (fd != lifeline && fd != signals) call(__NR_close, fd, 0, 0, 0);

	int status = 0, is_over = 0, timeout = -1;
	while (!is_over) {
		struct pollfd fds[2] = {{(int)signals, POLLIN, 0}, {timeout < 0 ? lifeline : -1, POLLIN, 0}};
		long ready = call(__NR_poll, fds, 2, timeout, 0);
		if (ready == 0) call(__NR_kill, -kernel, SIGKILL, 0, 0);
		if (ready > 0 && fds[1].revents != 0) timeout = ORDERLY_MS;
		if (ready <= 0 || fds[0].revents == 0) continue;
		u8 info[128];
		if (call(__NR_read, signals, info, sizeof info, 0) == sizeof info && *(u32 *)info != SIGCHLD)
			call(__NR_kill, -kernel, SIGKILL, 0, 0);
		int ended;
		long pid;
		while ((pid = call(__NR_wait4, -1, &ended, WNOHANG, 0)) > 0)
			if (pid == kernel) status = ended, is_over = 1;
	}
	/* All of the guest's processes are in the kernel's group, and come to us when the kernel's process is gone. */
	call(__NR_kill, -kernel, SIGKILL, 0, 0);
	while (call(__NR_wait4, -1, 0, 0, 0) != -ERROR_ECHILD) call(__NR_kill, -kernel, SIGKILL, 0, 0);
	end_as(status);
}
