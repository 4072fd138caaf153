/* guest-preload.so, preloaded into the guest's kernel.
 *
 * 1. The guest's processes end with its kernel, whatever ends that.
 *
 * Each process of a guest is a process of this machine that the kernel's process traces. When that one is killed, Linux lets
 * go of those: they run on, and their system calls are this machine's from then on, not the guest's. User Mode Linux 6.1
 * does not ask for PTRACE_O_EXITKILL, so it is added to what it does ask for. The kernel's own helpers, which it does not
 * trace, get a parent-death signal.
 *
 * 2. The guest starts 0.8 s sooner. Of the second that booting takes, five times 16 timer ticks of 10 ms are the kernel's
 * choice of the quickest code for RAID 6, which cannot be asked for less and may not be skipped: RAID 6 would crash. So the
 * ticks come quicker until the first program of the guest runs. The kernel counts them as its time: the guest's clock is
 * ahead then, and guest-init sets it. From its first program on, such a kernel as Debian's has no regular ticks at all.
 *
 * 3. The guest's processes take turns with its kernel on one CPU: one-cpu.h.
 *
 * 4. There are fewer turns, and they are shorter: quick-faults.h. A program that is linked with libraries starts in a third
 * of the time.
 *
 * A kernel without a dynamic loader ignores all this: it starts in a second, and when its process is killed, guest-keeper
 * kills what is left a moment later.
 */
#include "syscall.h"
#include <asm/signal.h>
#include <linux/ptrace.h>

#define OLD_SETOPTIONS 21
#define PR_SET_PDEATHSIG 1

#define TICKS_PER_TICK 20

struct interval {
	long seconds, nanoseconds;
};

struct timer_setting {
	struct interval interval, value;
};

extern int *__errno_location(void);

/* The timer of the kernel's ticks while they come quicker, and how they are to be. */
static long quick_timer;
static struct timer_setting slow;
static int is_quick, is_started;

static long result_of(long result) {
	if (result >= 0) return result;
	*__errno_location() = (int)-result;
	return -1;
}

/* As ptrace(2) of a C library, whose PEEK requests return the word. */
static long plain_ptrace(long request, long pid, long address, long data) {
	long word = 0;
	if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSR)
		return result_of(call(__NR_ptrace, request, pid, address, data));
	long result = result_of(call(__NR_ptrace, request, pid, address, &word));
	if (result < 0) return -1;
	*__errno_location() = 0;
	return word;
}

#include "one-cpu.h"
#include "quick-faults.h"

static void shorten(struct interval *interval) {
	interval->nanoseconds = (interval->seconds * 1000000000 + interval->nanoseconds) / TICKS_PER_TICK;
	interval->seconds = interval->nanoseconds / 1000000000;
	interval->nanoseconds %= 1000000000;
}

/* glibc's timer_t is the kernel's number for every timer that sends a signal; so is musl's. */
__attribute__((visibility("default"))) int timer_settime(void *timer, int flags,
														 const struct timer_setting *wanted,
														 struct timer_setting *before) {
	struct timer_setting setting = *wanted;
	is_quick = 0;
	if (!is_started && (setting.interval.seconds != 0 || setting.interval.nanoseconds != 0)) {
		slow = setting;
		quick_timer = (long)timer;
		is_quick = 1;
		shorten(&setting.interval);
		shorten(&setting.value);
	}
	share_cpus(resumed_pid);
	return (int)result_of(call(__NR_timer_settime, timer, flags, &setting, before));
}

/* Before the guest's first process, of which all others are copies. */
static void prepare_turns(void) {
	/* Each stop would be a signal that nobody handles. */
	struct {
		ulong handler, flags, restorer, mask;
	} quiet = {0, SA_NOCLDSTOP, 0, 0};
	call(__NR_rt_sigaction, SIGCHLD, &quiet, 0, sizeof quiet.mask);
	choose_cpu();
}

/* A process of the guest is about to run. */
static void start_processes(void) {
	is_started = 1;
	if (is_quick) call(__NR_timer_settime, quick_timer, 0, &slow, 0);
	is_quick = 0;
}

/* `stack` has the caller's registers, then its stack. */
__attribute__((used)) static long ptrace_of_kernel(long request, int pid, long address, long data, const ulong *stack) {
	/* Before its first tick the kernel tries ptrace out on processes of its own; those are not the guest's. */
	if (is_quick) start_processes();
	correct_untold();
	switch (request) {
	case OLD_SETOPTIONS:
	case PTRACE_SETOPTIONS:
		return plain_ptrace(PTRACE_SETOPTIONS, pid, address, data | PTRACE_O_EXITKILL);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET: return vector_registers(request, pid, address, (struct part *)data);
	case PTRACE_GETREGS:
	case PTRACE_SETREGS: return general_registers(request, pid, (ulong *)data);
	case PTRACE_GETSIGINFO: return signal_of(pid, (int *)data);
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_SYSEMU:
	case PTRACE_SYSEMU_SINGLESTEP: return resume(request, pid, data, stack);
	default: return plain_ptrace(request, pid, address, data);
	}
}

__asm__(
	".text\n.globl ptrace\n.type ptrace,@function\nptrace:\n"
	"\tpush %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n"
	"\tmov %rsp,%r8\n"
	"\tsub $8,%rsp\n"
	"\tcall ptrace_of_kernel\n"
	"\tadd $8,%rsp\n"
	"\tpop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n"
	"\tret\n.size ptrace,.-ptrace\n");

__attribute__((visibility("default"))) int waitpid(int pid, int *status, int options) {
	return (int)result_of(wait_for(pid, status, options));
}

__attribute__((visibility("default"))) void *mmap64(void *at, ulong size, int protection, int flags, int fd,
													 long offset) {
	long result = call6(__NR_mmap, (long)at, (long)size, protection, flags, fd, offset);
	if (result == (long)at) remember_memory((ulong)at, size, flags, (ulong)offset);
	return (void *)result_of(result);
}

/* In the new process, with the function and its argument on its stack. */
__attribute__((used)) static void clone_start(void) {
	call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
}

long clone_with_start(int (*function)(void *), void *stack, long flags, void *argument);
__asm__(
	".text\n.local clone_with_start\nclone_with_start:\n"
	"\tand $-16,%rsi\n"
	"\tsub $16,%rsi\n"
	"\tmov %rcx,8(%rsi)\n" /* argument */
	"\tmov %rdi,(%rsi)\n" /* function */
	"\tmov %rdx,%rdi\n" /* flags */
	"\txor %edx,%edx\n\txor %r10d,%r10d\n\txor %r8d,%r8d\n"
	"\tmov $56,%eax\n" /* __NR_clone */
	"\tsyscall\n"
	"\ttest %rax,%rax\n"
	"\tjz 1f\n"
	"\tret\n"
	"1:\txor %ebp,%ebp\n"
	"\tsub $16,%rsp\n"
	"\tcall clone_start\n"
	"\tadd $16,%rsp\n"
	"\tpop %rax\n\tpop %rdi\n"
	"\tcall *%rax\n"
	"\tmov %eax,%edi\n"
	"\tmov $231,%eax\n" /* __NR_exit_group */
	"\tsyscall\n\thlt\n");

/* As clone(2) of a C library, without the arguments that User Mode Linux never gives. */
__attribute__((visibility("default"))) int clone(int (*function)(void *), void *stack, int flags,
												 void *argument, ...) {
	/* The first process of the guest gets its stub as the argument. */
	if (cpu < 0 && is_stub((ulong)argument)) prepare_turns();
	long pid = clone_with_start(function, stack, flags, argument);
	if (pid > 0) remember_stub((int)pid, (ulong)argument);
	return (int)result_of(pid);
}
