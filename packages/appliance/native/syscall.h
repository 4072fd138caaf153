/* System calls and strings without a C library, x86-64: what runs before there is a root file system can use nothing. */
#ifndef DEVHOST_SYSCALL_H
#define DEVHOST_SYSCALL_H

#include <asm/unistd.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long ulong;

#if !defined(__x86_64__)
#error "User Mode Linux exists for x86 only"
#endif

/* The result of the system call, or -errno. */
static inline long call6(long number, long a, long b, long c, long d, long e, long f) {
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
					 : "=a"(result)
					 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
					 : "rcx", "r11", "memory");
	return result;
}

#define call(number, a, b, c, d) \
	call6(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

/* The compiler makes calls of these out of loops and assignments. */
__attribute__((used)) void *memcpy(void *to, const void *from, ulong size) {
	u8 *t = to;
	const u8 *f = from;
	void *start = to;
	__asm__ volatile("rep movsb" : "+D"(t), "+S"(f), "+c"(size) : : "memory");
	return start;
}

__attribute__((used)) void *memset(void *to, int value, ulong size) {
	void *start = to;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
	return start;
}

static inline ulong length_of(const char *text) {
	ulong length = 0;
	while (text[length] != 0) length++;
	return length;
}

static inline int same_text(const char *a, const char *b) {
	while (*a != 0 && *a == *b) a++, b++;
	return *a == *b;
}

/* Appends `text` and returns the new end, which is a NUL. */
static inline char *append(char *end, const char *text) {
	while (*text != 0) *end++ = *text++;
	*end = 0;
	return end;
}

static inline char *append_number(char *end, ulong number) {
	char digits[20];
	int count = 0;
	do digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0) *end++ = digits[--count];
	*end = 0;
	return end;
}

__attribute__((noreturn)) static inline void leave(int status) {
	for (;;) call(__NR_exit_group, status, 0, 0, 0);
}

/* The program begins in `void start(long *stack)`: argc, argv, NULL, environment, NULL. */
#define PROGRAM_START \
	__asm__( \
		".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov %rsp,%rdi\n\tand $-16,%rsp\n\tcall start\n")

/* Source: asm-generic/errno-base.h, asm-generic/errno.h. */
#define ERROR_ENOENT 2
#define ERROR_EINTR 4
#define ERROR_EIO 5
#define ERROR_E2BIG 7
#define ERROR_ECHILD 10
#define ERROR_EAGAIN 11
#define ERROR_ENOMEM 12
#define ERROR_EACCES 13
#define ERROR_EBUSY 16
#define ERROR_EEXIST 17
#define ERROR_ENOTDIR 20
#define ERROR_EINVAL 22
#define ERROR_EPIPE 32
#define ERROR_ENAMETOOLONG 36

#endif
