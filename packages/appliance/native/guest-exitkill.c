/* guest-exitkill.so, preloaded into the guest's kernel: its processes end with it, whatever ends it.
 *
 * Each process of a guest is a process of this machine that the kernel's process traces. When that one is killed, Linux lets
 * go of those: they run on, and their system calls are this machine's from then on, not the guest's. User Mode Linux 6.1
 * does not ask for PTRACE_O_EXITKILL, so it is added to what it does ask for. The kernel's own helpers, which it does not
 * trace, get a parent-death signal.
 *
 * A kernel without a dynamic loader ignores this; then guest-keeper kills what is left a moment later.
 */
#include "syscall.h"
#include <linux/ptrace.h>
#include <stdarg.h>

#define OLD_SETOPTIONS 21
#define PR_SET_PDEATHSIG 1
#define SIGNAL_KILL 9

extern int *__errno_location(void);

static long result_of(long result) {
	if (result >= 0) return result;
	*__errno_location() = (int)-result;
	return -1;
}

/* As ptrace(2) of a C library, whose PEEK requests return the word. */
__attribute__((visibility("default"))) long ptrace(long request, ...) {
	va_list rest;
	va_start(rest, request);
	long pid = va_arg(rest, int), address = va_arg(rest, long), data = va_arg(rest, long);
	va_end(rest);
	if (request == PTRACE_SETOPTIONS || request == OLD_SETOPTIONS) {
		request = PTRACE_SETOPTIONS;
		data |= PTRACE_O_EXITKILL;
	}
	if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSR)
		return result_of(call(__NR_ptrace, request, pid, address, data));
	long word = 0;
	long result = result_of(call(__NR_ptrace, request, pid, address, &word));
	if (result < 0) return -1;
	*__errno_location() = 0;
	return word;
}

/* In the new process, with the function and its argument on its stack. */
__attribute__((used)) static void clone_start(void) {
	call(__NR_prctl, PR_SET_PDEATHSIG, SIGNAL_KILL, 0, 0);
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
	return (int)result_of(clone_with_start(function, stack, flags, argument));
}
