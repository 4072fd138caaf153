/* What the small programs of this package share: system calls, without any C library, so that one static file of a few
 * kilobytes runs in any root, whatever is in it.
 *
 * A program defines start, which gets the initial stack: the number of arguments, the arguments, a null pointer, the
 * environment, a null pointer.
 */
#ifndef DEVHOST_LINUX_FREESTANDING_H
#define DEVHOST_LINUX_FREESTANDING_H

#include <asm/unistd.h>

typedef unsigned long ulong;
typedef unsigned long long u64;

#define ERROR_EPERM 1
#define ERROR_ENOENT 2
#define ERROR_EINTR 4
#define ERROR_E2BIG 7
#define ERROR_ENOMEM 12
#define ERROR_EACCES 13
#define ERROR_EEXIST 17
#define ERROR_ENODEV 19
#define ERROR_ENOTDIR 20
#define ERROR_EINVAL 22
#define ERROR_ENOSYS 38
#define FD_CLOEXEC_FLAG 1
#define COMMAND_SETFD 2
#define WHENCE_END 2
#define PROTECTION_READ_WRITE 3
#define MAP_IS_PRIVATE 2
#define MAP_IS_ANONYMOUS 0x20

#if defined(__x86_64__)
static long call(long number, long a, long b, long c, long d, long e) {
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = 0;
	__asm__ volatile("syscall"
					 : "=a"(result)
					 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
					 : "rcx", "r11", "memory");
	return result;
}
__asm__(".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov %rsp,%rdi\n\tand $-16,%rsp\n\tcall start\n");
#elif defined(__aarch64__)
static long call(long number, long a, long b, long c, long d, long e) {
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = 0;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
__asm__(".globl _start\n_start:\n\tmov x29,xzr\n\tmov x0,sp\n\tbl start\n");
#else
#error "only x86-64 and arm64 are known here"
#endif

__attribute__((noreturn)) static void leave(int status) {
	for (;;) call(__NR_exit_group, status, 0, 0, 0, 0);
}

static inline ulong length_of(const char *text) {
	ulong length = 0;
	while (text[length] != 0) length++;
	return length;
}

static inline int is_equal(const char *one, const char *other) {
	while (*one != 0 && *one == *other) one++, other++;
	return *one == *other;
}

static inline char *append(char *end, const char *text) {
	while (*text != 0) *end++ = *text++;
	return end;
}

/* At most 20 digits. */
static inline char *append_number(char *end, u64 value) {
	char digits[20];
	int count = 0;
	do digits[count++] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	while (count > 0) *end++ = digits[--count];
	return end;
}

static inline int parse_number(const char *text, int base, u64 *value) {
	*value = 0;
	if (*text == 0) return -1;
	for (; *text != 0; text++) {
		int digit = *text >= '0' && *text <= '9'   ? *text - '0'
					: *text >= 'a' && *text <= 'f' ? *text - 'a' + 10
												   : 16;
		if (digit >= base) return -1;
		*value = *value * (u64)base + (u64)digit;
	}
	return 0;
}

/* Maps this many bytes: of a file, or zeros. An address from the last page on is an error number. */
static inline char *map(ulong size, long fd) {
	int flags = MAP_IS_PRIVATE | (fd < 0 ? MAP_IS_ANONYMOUS : 0);
	return (char *)call(__NR_mmap, 0, (long)size, PROTECTION_READ_WRITE, flags, fd);
}

static inline int is_error(const char *address) { return (ulong)address > -4096UL; }

#endif
