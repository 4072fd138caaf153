/* exec-checked sandbox|host REPORT_FD CAPABILITIES COMMAND_FD START_FD STDOUT_FD STDERR_FD
 *
 * The last thing that runs inside a sandbox before the program does. It looks at its own capabilities, where no launcher
 * can be mistaken about them, and refuses to go on when it holds more than CAPABILITIES (hexadecimal) or could come by
 * CAP_MKNOD: bubblewrap's own drop fails open where the host lacks a capability that was asked for.
 *
 * What the program could come by, the bounding set, is cut to CAPABILITIES as well. That takes CAP_SETPCAP: where it is not
 * among them, nobody before had it either, and the set stays as wide as it was.
 *
 * In a "sandbox", not on the "host", it refuses as well when /proc/sys is not mounted read-only: for its files the kernel
 * asks for no capability, and kernel.core_pattern is a program that root runs on the host. There it also installs a filter
 * of system calls, which the program and all that it starts keep: see loop_filter, mapper_filter and reach_filter.
 *
 * Then it waits for a byte from START_FD, so that a sandbox can be made while its program is not known yet, and executes
 * what COMMAND_FD, a file, holds by then: strings that each end with a NUL; the number of arguments in decimal, the
 * arguments, the first of which is the program, and the environment. At the end of file it leaves with status 125.
 *
 * The program's standard output and standard error are STDOUT_FD and STDERR_FD: what those print that make the sandbox is
 * no part of them.
 *
 * Writes lines of JSON to REPORT_FD, which like the others the program does not inherit:
 *   {"ok":true,"caps":"%016x"}                          then it waits, and executes the program
 *   {"error":"caps","caps":"%016x","errno":0}           exit status 126
 *   {"error":"proc","caps":"%016x","errno":0}           /proc/sys can be written, or not be looked at; exit status 126
 *   {"error":"filter","caps":"%016x","errno":22}        the kernel takes no filter; exit status 126
 *   {"error":"exec","caps":"%016x","errno":2}           after the first line; exit status 127 (126 where it is not ENOENT)
 */
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/loop.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <asm/statfs.h>

#include "freestanding.h"

#define CAPABILITY_SETPCAP 8
#define CAPABILITY_SYS_ADMIN 21
#define CAPABILITY_MKNOD 27
#define MOUNT_IS_READ_ONLY 1 /* ST_RDONLY, linux/statfs.h */

static void report(int fd, const char *before, u64 capabilities, const char *after, int error) {
	char line[128], *end = append(line, before);
	for (int shift = 60; shift >= 0; shift -= 4) *end++ = "0123456789abcdef"[capabilities >> shift & 15];
	end = append(end, after);
	if (error >= 0) end = append_number(end, (u64)error);
	end = append(end, "}\n");
	call(__NR_write, fd, (long)line, end - line, 0, 0);
}

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#define OTHER_ARCHITECTURE AUDIT_ARCH_I386
/* x32 is called x86-64, too, and has this bit in its numbers. Kernels before 5.4 do not mind whether it is there. */
#define NUMBER_MASK (~0x40000000u)
#define X32_IOCTL 514
#else
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#define OTHER_ARCHITECTURE AUDIT_ARCH_ARM
#define NUMBER_MASK (~0u)
#define X32_IOCTL __NR_ioctl /* no such thing */
#endif
#define OTHER_IOCTL 54 /* asm/unistd_32.h, of i386 and of arm */
#define LOOP_REQUESTS 0x4C00u /* to 0x4C1F: Documentation/userspace-api/ioctl/ioctl-number.rst */
#define LOOP_REQUESTS_MASK (~0x1Fu)
#define ADDRESS(member) __builtin_offsetof(struct seccomp_data, member)
#define LOAD(address) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (address))
#define AND(mask) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (mask))
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))

/* Loads what an ioctl requests; allows all other system calls. Of the request the kernel takes the lower 32 bits, and so
 * does this: both architectures are little-endian. Jumps are relative: the second number if so, the third if not.
 */
#define LOAD_REQUEST \
	/* 0 */ LOAD(ADDRESS(arch)), \
	/* 1 */ IF_EQUAL(OWN_ARCHITECTURE, 4, 0), \
	/* 2 */ IF_EQUAL(OTHER_ARCHITECTURE, 1, 0), \
	/* 3: this kernel has no other */ RETURN(SECCOMP_RET_ERRNO | ERROR_ENOSYS), \
	/* 4 */ LOAD(ADDRESS(nr)), \
	/* 5 */ IF_EQUAL(OTHER_IOCTL, 5, 4), \
	/* 6 */ LOAD(ADDRESS(nr)), \
	/* 7 */ AND(NUMBER_MASK), \
	/* 8 */ IF_EQUAL(__NR_ioctl, 2, 0), \
	/* 9 */ IF_EQUAL(X32_IOCTL, 1, 0), \
	/* 10 */ RETURN(SECCOMP_RET_ALLOW), \
	/* 11 */ LOAD(ADDRESS(args[1]))

/* Refuses what changes a loop device. The kernel asks for no more than a descriptor that can be written to, so whoever may
 * write to a range of a file by its device could leave that range, or have the device outlive everybody who knows of it.
 */
static const struct sock_filter loop_filter[] = {
	LOAD_REQUEST,
	/* 0 */ IF_EQUAL(LOOP_GET_STATUS, 3, 0),
	/* 1 */ IF_EQUAL(LOOP_GET_STATUS64, 2, 0),
	/* 2 */ AND(LOOP_REQUESTS_MASK),
	/* 3 */ IF_EQUAL(LOOP_REQUESTS, 1, 0),
	/* 4 */ RETURN(SECCOMP_RET_ALLOW),
	/* 5 */ RETURN(SECCOMP_RET_ERRNO | ERROR_EPERM),
};

/* Refuses what changes device-mapper's devices, anybody's: of its requests (all of type 0xFD) only those that ask remain, for tools
 * that look at a device before they use it. A stage that has no node for control cannot even ask.
 */
static const struct sock_filter mapper_filter[] = {
	LOAD_REQUEST,
	AND(0xFFFF),
	/* 0 */ IF_EQUAL(0xFD00, 8, 0), /* DM_VERSION, linux/dm-ioctl.h */
	/* 1 */ IF_EQUAL(0xFD02, 7, 0), /* DM_LIST_DEVICES */
	/* 2 */ IF_EQUAL(0xFD07, 6, 0), /* DM_DEV_STATUS */
	/* 3 */ IF_EQUAL(0xFD0B, 5, 0), /* DM_TABLE_DEPS */
	/* 4 */ IF_EQUAL(0xFD0C, 4, 0), /* DM_TABLE_STATUS */
	/* 5 */ IF_EQUAL(0xFD0D, 3, 0), /* DM_LIST_VERSIONS */
	/* 6 */ IF_EQUAL(0xFD11, 2, 0), /* DM_GET_TARGET_VERSION */
	/* 7 */ AND(0xFF00),
	/* 8 */ IF_EQUAL(0xFD00, 1, 0),
	/* 9 */ RETURN(SECCOMP_RET_ALLOW),
	/* 10 */ RETURN(SECCOMP_RET_ERRNO | ERROR_EPERM),
};

/* Refuses what acts on more than a device, or for longer than the program, to those without CAP_SYS_ADMIN, for which the
 * kernel does not ask: traces of a block device stay set up, with their memory, until the machine is turned off, and
 * CAP_SYS_RESOURCE is enough to grow the ext4 that a directory is on to all of its disk.
 *
 * By type and number alone: direction and size, in the upper half, differ among architectures.
 */
static const struct sock_filter reach_filter[] = {
	LOAD_REQUEST,
	AND(0xFFFF),
	/* 0 */ IF_EQUAL(0x1273, 8, 0), /* BLKTRACESETUP, linux/blktrace_api.h, linux/fs.h */
	/* 1 */ IF_EQUAL(0x1274, 7, 0), /* BLKTRACESTART */
	/* 2 */ IF_EQUAL(0x1275, 6, 0), /* BLKTRACESTOP */
	/* 3 */ IF_EQUAL(0x1276, 5, 0), /* BLKTRACETEARDOWN */
	/* 4 */ IF_EQUAL(0x128E, 4, 0), /* BLKTRACESETUP2 */
	/* 5 */ IF_EQUAL(0x6607, 3, 0), /* EXT4_IOC_GROUP_EXTEND, fs/ext4/ext4.h */
	/* 6 */ IF_EQUAL(0x6608, 2, 0), /* EXT4_IOC_GROUP_ADD */
	/* 7 */ IF_EQUAL(0x6610, 1, 0), /* EXT4_IOC_RESIZE_FS */
	/* 8 */ RETURN(SECCOMP_RET_ALLOW),
	/* 9 */ RETURN(SECCOMP_RET_ERRNO | ERROR_EPERM),
};

/* The kernel says EINVAL past the last capability that it knows. */
static long cut_bounding_set(u64 keep) {
	for (int capability = 0; capability < 64; capability++) {
		long is_in = call(__NR_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);
		if (is_in < 0) break;
		if (is_in == 0 || (keep >> capability & 1)) continue;
		long result = call(__NR_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
		if (result < 0) return result;
	}
	return 0;
}

static long install_filter(const struct sock_filter *filter, ulong length) {
	struct sock_fprog program = {.len = (unsigned short)length, .filter = (struct sock_filter *)filter};
	/* The filter keeps no secret from the program: nothing to slow it down for (Linux 4.17). */
	return call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, (long)&program, 0, 0);
}

static long install_filters(u64 capabilities) {
	/* bubblewrap has set it; without it a filter takes CAP_SYS_ADMIN. */
	long result = call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (result == 0) result = install_filter(loop_filter, sizeof loop_filter / sizeof *loop_filter);
	if (result == 0)
		result = install_filter(mapper_filter, sizeof mapper_filter / sizeof *mapper_filter);
	if (result == 0 && !(capabilities >> CAPABILITY_SYS_ADMIN & 1))
		result = install_filter(reach_filter, sizeof reach_filter / sizeof *reach_filter);
	return result;
}

__attribute__((noreturn)) static void usage(void) {
	static const char text[] = "usage: exec-checked sandbox|host REPORT_FD CAPABILITIES COMMAND_FD START_FD STDOUT_FD STDERR_FD\n";
	call(__NR_write, 2, (long)text, sizeof text - 1, 0, 0);
	leave(125);
}

/* As execvp: a name without a slash is looked for along PATH; the last error that is not "missing" wins. */
static int execute(char **argv, char **envp) {
	static char path[4096];
	const char *file = argv[0], *search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (const char *c = file; *c != 0; c++)
		if (*c == '/') return (int)-call(__NR_execve, (long)file, (long)argv, (long)envp, 0, 0);
	if (*file == 0) return ERROR_ENOENT;
	for (char **entry = envp; *entry != 0; entry++)
		if ((*entry)[0] == 'P' && (*entry)[1] == 'A' && (*entry)[2] == 'T' && (*entry)[3] == 'H' &&
			(*entry)[4] == '=')
			search = *entry + 5;
	int error = ERROR_ENOENT;
	while (*search != 0) {
		ulong size = 0;
		while (search[size] != 0 && search[size] != ':') size++;
		if (size > 0 && size + length_of(file) + 2 < sizeof path) {
			char *end = path;
			for (ulong i = 0; i < size; i++) *end++ = search[i];
			*end++ = '/';
			*append(end, file) = 0;
			int this = (int)-call(__NR_execve, (long)path, (long)argv, (long)envp, 0, 0);
			if (this != ERROR_ENOENT && this != ERROR_ENOTDIR) error = this;
			if (this != ERROR_ENOENT && this != ERROR_ENOTDIR && this != ERROR_EACCES) return error;
		}
		search += size;
		if (*search == ':') search++;
	}
	return error;
}

/* Executes what the file holds; returns an error number. */
static int execute_file(long fd) {
	long size = call(__NR_lseek, fd, 0, WHENCE_END, 0, 0);
	if (size < 0) return (int)-size;
	char *text = map((ulong)size, fd), *end = text + size;
	if (size == 0 || is_error(text) || end[-1] != 0) return ERROR_EINVAL;
	ulong strings = 0;
	for (char *c = text; c < end; c++) strings += *c == 0;
	/* the count itself is no argument; both lists end with a null pointer */
	char **list = (char **)map((strings + 1) * sizeof *list, -1);
	if (is_error((char *)list)) return ERROR_E2BIG;
	u64 arguments;
	if (parse_number(text, 10, &arguments) < 0 || arguments == 0 || arguments >= strings) return ERROR_EINVAL;
	char **next = list, *string = text + length_of(text) + 1;
	for (ulong i = 1; i < strings; i++) {
		*next++ = string;
		if (i == arguments) next++;
		string += length_of(string) + 1;
	}
	return execute(list, list + arguments + 1);
}

__attribute__((noreturn, used)) void start(long *stack) {
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	u64 fd, allowed, command, go, outputs[2];
	if (argc != 8 || parse_number(argv[2], 10, &fd) < 0 || parse_number(argv[3], 16, &allowed) < 0 ||
		parse_number(argv[4], 10, &command) < 0 || parse_number(argv[5], 10, &go) < 0 ||
		parse_number(argv[6], 10, &outputs[0]) < 0 || parse_number(argv[7], 10, &outputs[1]) < 0)
		usage();
	int is_sandbox = is_equal(argv[1], "sandbox");
	if (!is_sandbox && !is_equal(argv[1], "host")) usage();

	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
	struct __user_cap_data_struct data[2] = {{0}};
	long result = call(__NR_capget, (long)&header, (long)data, 0, 0, 0);
	u64 held = 0;
	for (int i = 0; i < 2; i++)
		held |= (u64)(data[i].effective | data[i].permitted | data[i].inheritable) << (32 * i);
	long may_come_by = call(__NR_prctl, PR_CAPBSET_READ, CAPABILITY_MKNOD, 0, 0, 0);
	if (result >= 0 && (data[0].effective >> CAPABILITY_SETPCAP & 1)) result = cut_bounding_set(allowed);
	if (result < 0 || (held & ~allowed) != 0 || may_come_by != 0) {
		report((int)fd, "{\"error\":\"caps\",\"caps\":\"", held, "\",\"errno\":", result < 0 ? (int)-result : 0);
		leave(126);
	}
	if (is_sandbox) {
		static struct statfs settings; /* static, as there is no memset to clear it with */
		result = call(__NR_statfs, (long)"/proc/sys", (long)&settings, 0, 0, 0);
		if (result < 0 || !(settings.f_flags & MOUNT_IS_READ_ONLY)) {
			report((int)fd, "{\"error\":\"proc\",\"caps\":\"", held, "\",\"errno\":", result < 0 ? (int)-result : 0);
			leave(126);
		}
		result = install_filters(held);
		if (result < 0) {
			report((int)fd, "{\"error\":\"filter\",\"caps\":\"", held, "\",\"errno\":", (int)-result);
			leave(126);
		}
	}
	report((int)fd, "{\"ok\":true,\"caps\":\"", held, "\"", -1);

	char byte;
	long count;
	do count = call(__NR_read, (long)go, (long)&byte, 1, 0, 0);
	while (count == -ERROR_EINTR);
	if (count != 1) leave(125);
	int error = 0;
	for (int i = 0; i < 2 && error == 0; i++) {
		long result = call(__NR_dup3, (long)outputs[i], i + 1, 0, 0, 0);
		if (result < 0) error = (int)-result;
	}
	u64 ours[] = {fd, command, go, outputs[0], outputs[1]};
	for (ulong i = 0; i < sizeof ours / sizeof *ours; i++)
		call(__NR_fcntl, (long)ours[i], COMMAND_SETFD, FD_CLOEXEC_FLAG, 0, 0);

	if (error == 0) error = execute_file((long)command);
	report((int)fd, "{\"error\":\"exec\",\"caps\":\"", held, "\",\"errno\":", error);
	leave(error == ERROR_ENOENT ? 127 : 126);
}
