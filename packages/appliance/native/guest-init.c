/* guest-init: pid 1 of a guest. Mounts what a root file system needs, then runs commands for the other end of a serial line.
 *
 * The line is /dev/ttyS0, which nobody in the guest but this program has a use for; the console is another one. What goes
 * over it is in PROTOCOL.md; numbers are little-endian. Output of a command is sent when the host has granted room for it,
 * so that neither a flood nor a host that does not read stands in the way of another command.
 *
 * The kernel also runs this program when it wants a module ("modprobe -q -- NAME"): then it becomes the machine's modprobe,
 * pointed at the guest's modules.
 *
 * Freestanding, so that it starts in a root file system with whatever C library, or none: see syscall.h.
 */
#include "syscall.h"
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/reboot.h>
#include <linux/resource.h>
#include <linux/stat.h>
#include <linux/wait.h>

PROGRAM_START;

enum { protocol_version = 1 };

/* host to guest */
enum {
	CONFIGURE = 1,
	EXECUTE = 2,
	INPUT = 3,
	INPUT_END = 4,
	GRANT = 5,
	SIGNAL = 6,
	RESIZE = 7,
	POWER_OFF = 8,
	PING = 9,
	EXECUTE_SHARED = 10,
};
/* guest to host */
enum {
	HELLO = 65,
	READY = 66,
	FAILED = 67,
	STARTED = 68,
	OUTPUT = 69,
	OUTPUT_END = 70,
	INPUT_TAKEN = 71,
	INPUT_CLOSED = 72,
	EXITED = 73,
	OFF = 74,
	PONG = 75,
	LINE_TAKEN = 76,
};

enum {
	header_bytes = 8,
	command_count = 64,
	input_bytes = 65536,	   /* of a command's standard input; the host never has more on the way */
	chunk_bytes = 32768 - header_bytes,
	line_report = 1024,		 /* bytes taken off the line between two reports; see PROTOCOL.md, "The line" */
	request_bytes = 4 << 20, /* an EXECUTE with all its arguments and environment */
	stream_count = 2,
};

struct stream {
	int fd;		/* of ours, -1 when it has ended */
	u32 granted; /* bytes that the host has room for */
};

struct command {
	u16 id;
	int pid; /* 0: the slot is free */
	int has_exited, status;
	int input; /* of ours, -1 when it has ended */
	int input_ends;
	int terminal; /* the pseudo-terminal's master is input and output */
	struct stream outputs[stream_count];
	u8 *queue; /* a ring of input_bytes; the host fills it where memory is shared with it */
	u32 queue_start, queue_size;
	int was_killed;	   /* the host sent it SIGKILL */
};

static struct command commands[command_count];
static int line_in, line_out;
static u8 *shared; /* command_count rings of input_bytes, then as many EXECUTEs; or 0 */
static u8 received[65536 + 4096];
static u32 received_size;
static u8 *request; /* of a frame that is larger than `received` */

#define WORK "/run/devhost-guest"
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Talking to the host */

static void write_all(int fd, const u8 *bytes, ulong size) {
	while (size > 0) {
		long written = call(__NR_write, fd, bytes, size, 0);
		if (written == -ERROR_EINTR || written == -ERROR_EAGAIN) continue;
		if (written <= 0) return; /* the line is gone; reading says so too */
		bytes += written;
		size -= (ulong)written;
	}
}

static void put_u32(u8 *to, u32 value) { memcpy(to, &value, 4); }

static u32 get_u32(const u8 *from) {
	u32 value;
	memcpy(&value, from, 4);
	return value;
}

/* `frame` has header_bytes of room before `size` bytes of payload. */
static void send_frame(u8 *frame, u8 type, u8 detail, u16 id, u32 size) {
	put_u32(frame, size);
	frame[4] = type;
	frame[5] = detail;
	memcpy(frame + 6, &id, 2);
	write_all(line_out, frame, header_bytes + size);
}

static void send_number(u8 type, u8 detail, u16 id, u32 number) {
	u8 frame[header_bytes + 4];
	put_u32(frame + header_bytes, number);
	send_frame(frame, type, detail, id, 4);
}

static void send_failure(u8 detail, u16 id, long error, const char *subject) {
	u8 frame[header_bytes + 4 + 4096];
	ulong size = length_of(subject);
	if (size > 4096) size = 4096;
	put_u32(frame + header_bytes, (u32)-error);
	memcpy(frame + header_bytes + 4, subject, size);
	send_frame(frame, FAILED, detail, id, (u32)(4 + size));
}

/* The end */

/* `to_host` says whether somebody is there to hear that everything is written. */
__attribute__((noreturn)) static void power_off(int to_host) {
	call(__NR_kill, -1, SIGTERM, 0, 0);
	/* What ends in order may write on the way; what does not has had its time: these are 30 hundredths of a second. */
	for (int i = 0; i < 30; i++) {
		long reaped;
		while ((reaped = call(__NR_wait4, -1, 0, WNOHANG, 0)) > 0) continue;
		if (reaped == -ERROR_ECHILD) break;
		struct {
			long seconds, nanoseconds;
		} pause = {0, 10000000};
		call(__NR_nanosleep, &pause, 0, 0, 0);
	}
	call(__NR_kill, -1, SIGKILL, 0, 0);
	while (call(__NR_wait4, -1, 0, 0, 0) != -ERROR_ECHILD) continue;
	/* A file system on a loop device on a file: each pass brings everything one floor down. */
	for (int i = 0; i < 3; i++) call(__NR_sync, 0, 0, 0, 0);
	if (to_host) send_number(OFF, 0, 0, 0);
	for (;;)
		call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, 0);
}

/* Setting up */

static long make_folder(const char *path) {
	long result = call(__NR_mkdir, path, 0755, 0, 0);
	return result == -ERROR_EEXIST ? 0 : result;
}

static long mount(const char *source, const char *target, const char *type, ulong flags,
				  const char *data) {
	return call6(__NR_mount, (long)source, (long)target, (long)type, (long)flags, (long)data, 0);
}

static long write_file(const char *path, const char *text) {
	long fd = call(__NR_open, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644, 0);
	if (fd < 0) return fd;
	long result = call(__NR_write, fd, text, length_of(text), 0);
	call(__NR_close, fd, 0, 0, 0);
	return result < 0 ? result : 0;
}

static long read_file(const char *path, char *into, ulong size) {
	long fd = call(__NR_open, path, O_RDONLY | O_CLOEXEC, 0, 0);
	if (fd < 0) return fd;
	long result = call(__NR_read, fd, into, size - 1, 0);
	into[result < 0 ? 0 : result] = 0;
	call(__NR_close, fd, 0, 0, 0);
	return result;
}

static long copy_program(const char *from, const char *to) {
	long in = call(__NR_open, from, O_RDONLY | O_CLOEXEC, 0, 0);
	if (in < 0) return in;
	long out = call(__NR_open, to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755, 0);
	long size = out;
	while (out >= 0 && (size = call(__NR_read, in, received, sizeof received, 0)) > 0)
		write_all((int)out, received, (ulong)size);
	call(__NR_close, in, 0, 0, 0);
	if (out >= 0) call(__NR_close, out, 0, 0, 0);
	return size;
}

static long insert_module(const char *path) {
	long fd = call(__NR_open, path, O_RDONLY | O_CLOEXEC, 0, 0);
	if (fd < 0) return fd;
	long result = call(__NR_finit_module, fd, "", 0, 0);
	call(__NR_close, fd, 0, 0, 0);
	return result == -ERROR_EEXIST ? 0 : result;
}

/* /dev/ttyS0 as a line for bytes, opened twice: reading must not wait, writing must. */
static void open_line(void) {
	line_out = (int)call(__NR_open, "/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC, 0, 0);
	if (line_out < 0) leave(111);
	struct termios settings;
	memset(&settings, 0, sizeof settings);
	settings.c_cflag = CS8 | CREAD | CLOCAL | B38400;
	settings.c_cc[VMIN] = 1;
	call(__NR_ioctl, line_out, TCSETS, &settings, 0);
	line_in = (int)call(__NR_open, "/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0, 0);
	if (line_in < 0) leave(111);
}

/* What any guest has, whatever its host wants. Nothing here can fail on a kernel that got this far. */
static void mount_basics(void) {
	mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
	mount("sys", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
	/* The kernel has mounted it already, unless it was built not to. */
	if (call(__NR_access, "/dev/null", 0, 0, 0) < 0) mount("dev", "/dev", "devtmpfs", MS_NOSUID, 0);
	make_folder("/dev/pts");
	mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=666,mode=620");
	make_folder("/dev/shm");
	mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	mount("run", "/run", "tmpfs", MS_NOSUID, "mode=755");
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};
	for (ulong i = 0; i < sizeof links / sizeof *links; i++)
		call(__NR_symlink, links[i][0], links[i][1], 0, 0);
	/* Opening one of these makes the kernel ask for the module behind it. */
	make_folder("/dev/mapper");
	call(__NR_mknod, "/dev/mapper/control", S_IFCHR | 0600, 10 << 8 | 236, 0);
	call(__NR_mknod, "/dev/loop-control", S_IFCHR | 0600, 10 << 8 | 237, 0);
	call(__NR_mknod, "/dev/fuse", S_IFCHR | 0666, 10 << 8 | 229, 0);

	make_folder(WORK);
	/* Programs that come and go must not find the first of them at its default of 1024. */
	struct {
		ulong current, maximum;
	} files = {1024, 524288};
	call(__NR_prlimit64, 0, RLIMIT_NOFILE, &files, 0);
	call(__NR_sethostname, "guest", 5, 0, 0);
}

/* A temporary folder that shows the host's, and keeps what is written to it to itself. */
static long cover(const char *path, const char *name) {
	char folder[128], options[640];
	append(append(folder, WORK "/"), name);
	make_folder(folder);
	long result = mount("tmp", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
	if (result < 0) return result;
	char *end = folder + length_of(folder);
	append(end, "/work");
	make_folder(folder);
	append(end, "/upper");
	make_folder(folder);
	call(__NR_chmod, folder, 01777, 0, 0);
	*end = 0;
	char *option = append(append(append(options, "lowerdir="), path), ",upperdir=");
	option = append(append(append(option, folder), "/upper,workdir="), folder);
	append(option, "/work");
	return mount("tmp", path, "overlay", MS_NOSUID | MS_NODEV, options);
}

/* Where the kernel and the programs in the guest find modules: the host keeps them in a folder of its own. */
static long use_modules(const char *folder) {
	char release[128], path[256];
	long size = read_file("/proc/sys/kernel/osrelease", release, sizeof release);
	if (size < 0) return size;
	if (size > 0 && release[size - 1] == '\n') release[size - 1] = 0;
	static const char *const parts[] = {"/modules", "/modules/lib", "/modules/lib/modules", "/modprobe.d"};
	for (ulong i = 0; i < sizeof parts / sizeof *parts; i++) {
		append(append(path, WORK), parts[i]);
		make_folder(path);
	}
	append(append(path, WORK "/modules/lib/modules/"), release);
	long result = call(__NR_symlink, folder, path, 0, 0);
	/* dm-crypt pulls in encrypted-keys, which wants cbc(aes) while it loads, and fails when it is not there yet. */
	write_file(WORK "/modprobe.d/devhost.conf", "softdep dm_crypt pre: cbc\n");
	/* A machine that has modules of its own has this folder; modprobe then works without options too. */
	if (call(__NR_access, "/lib/modules", 0, 0, 0) == 0)
		mount(WORK "/modules/lib/modules", "/lib/modules", 0, MS_BIND, 0);
	return result == -ERROR_EEXIST ? 0 : result;
}

static long use_modprobe(const char *program) {
	call(__NR_symlink, program, WORK "/kmod", 0, 0);
	long result = copy_program("/proc/self/exe", WORK "/modprobe");
	return result < 0 ? result : write_file("/proc/sys/kernel/modprobe", WORK "/modprobe");
}

/* The host's folder `path` at the same place, for writing. The guest's own /run or /dev/shm may hide the place. */
static long mount_host(const char *path) {
	long result = mount("host", path, "hostfs", MS_NOSUID | MS_NODEV, path);
	if (result != -ERROR_ENOENT || length_of(path) > 4095) return result;
	static char folder[4097];
	append(folder, path);
	for (char *at = folder + 1; *at != 0; at++) {
		if (*at != '/') continue;
		*at = 0;
		make_folder(folder);
		*at = '/';
	}
	make_folder(folder);
	return mount("host", path, "hostfs", MS_NOSUID | MS_NODEV, path);
}

/* Milliseconds since 1970. */
static long set_clock(const char *text) {
	ulong milliseconds = 0;
	for (; *text >= '0' && *text <= '9'; text++) milliseconds = milliseconds * 10 + (ulong)(*text - '0');
	struct {
		long seconds, nanoseconds;
	} time = {(long)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
	return call(__NR_clock_settime, 0 /* CLOCK_REALTIME */, &time, 0, 0);
}

/* hostfs forgets what it has read of a file when nobody has that open any more; so somebody has. */
static long keep(const char *path) {
	call(__NR_open, path, O_PATH | O_CLOEXEC, 0, 0);
	return 0;
}

static long configure_one(char what, char *value) {
	switch (what) {
	case 'c': return cover(value, value[1] == 'v' ? "var-tmp" : "tmp");
	case 'd': return use_modules(value);
	case 'k': return keep(value);
	case 'l': return call(__NR_symlink, value, WORK "/kmod-libraries", 0, 0);
	case 'm': return insert_module(value);
	case 'p': return use_modprobe(value);
	case 't': return set_clock(value);
	case 'w': return mount_host(value);
	default: return -ERROR_EINVAL;
	}
}

/* Pairs of a letter and a string that ends with a NUL, taken in order. */
static void configure(char *text, u32 size) {
	/* `received` is needed for copying. */
	char *copy = (char *)call6(__NR_mmap, 0, size + 1, 3, 0x22, -1, 0);
	if ((long)copy < 0 && (long)copy > -4096) return send_failure(0, 0, (long)copy, "");
	memcpy(copy, text, size);
	copy[size] = 0;
	for (char *at = copy; at + 1 < copy + size; at += length_of(at) + 1) {
		long result = configure_one(*at, at + 1);
		if (result < 0) return send_failure((u8)*at, 0, result, at + 1);
	}
	send_number(READY, 0, 0, 0);
}

/* Starting commands */

struct start {
	char **argv, **envp;
	const char *cwd;
	int fds[3]; /* the child's 0, 1 and 2; with a terminal all the same */
	int terminal;
	const char *step; /* that failed */
	long error;
	char path[4097];
};

static const char *search_path(char **envp) {
	for (; *envp != 0; envp++)
		if ((*envp)[0] == 'P' && (*envp)[1] == 'A' && (*envp)[2] == 'T' && (*envp)[3] == 'H' && (*envp)[4] == '=')
			return *envp + 5;
	return PATH_DEFAULT;
}

/* As execvp: the last error that is not "missing" wins. */
static long execute(struct start *start) {
	const char *file = start->argv[0];
	for (const char *c = file; *c != 0; c++)
		if (*c == '/') return call(__NR_execve, file, start->argv, start->envp, 0);
	long error = -ERROR_ENOENT;
	if (*file == 0) return error;
	for (const char *search = search_path(start->envp); *search != 0;) {
		ulong size = 0;
		while (search[size] != 0 && search[size] != ':') size++;
		if (size > 0 && size + length_of(file) + 2 < sizeof start->path) {
			memcpy(start->path, search, size);
			start->path[size] = '/';
			append(start->path + size + 1, file);
			long result = call(__NR_execve, start->path, start->argv, start->envp, 0);
			if (result != -ERROR_ENOENT && result != -ERROR_ENOTDIR) error = result;
			if (error != -ERROR_ENOENT && error != -ERROR_EACCES) return error;
		}
		search += size;
		if (*search == ':') search++;
	}
	return error;
}

/* In the child, which shares our memory until it executes; a fork would be a further process on the host. */
__attribute__((used)) static void child(struct start *start) {
	call(__NR_setsid, 0, 0, 0, 0);
	for (int i = 0; i < 3; i++) call(__NR_dup3, start->fds[i], i, 0, 0);
	if (start->terminal) call(__NR_ioctl, 0, TIOCSCTTY, 0, 0);
	start->step = start->cwd;
	start->error = call(__NR_chdir, start->cwd, 0, 0, 0);
	if (start->error >= 0) {
		u64 none = 0;
		struct {
			ulong handler, flags, restorer;
			u64 mask;
		} by_default = {0, 0, 0, 0};
		call(__NR_rt_sigaction, SIGPIPE, &by_default, 0, sizeof none);
		call(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof none);
		start->step = start->argv[0];
		start->error = execute(start);
	}
	leave(127);
}

static u8 child_stack[16384] __attribute__((aligned(16)));

long clone_child(struct start *start, void *stack_end);
__asm__(
	".text\n.local clone_child\nclone_child:\n"
	"\tmov %rdi,-8(%rsi)\n"
	"\tsub $16,%rsi\n"
	"\tmov $0x4111,%edi\n" /* CLONE_VM | CLONE_VFORK | SIGCHLD */
	"\txor %edx,%edx\n\txor %r10d,%r10d\n\txor %r8d,%r8d\n"
	"\tmov $56,%eax\n" /* __NR_clone */
	"\tsyscall\n"
	"\ttest %rax,%rax\n\tjz 1f\n\tret\n"
	"1:\tmov 8(%rsp),%rdi\n\tcall child\n\thlt\n");

static void close_fd(int fd) {
	if (fd >= 0) call(__NR_close, fd, 0, 0, 0);
}

static ulong count_oom_kills(void) {
	static char text[16384];
	if (read_file("/proc/vmstat", text, sizeof text) < 0) return 0;
	for (char *line = text; *line != 0;) {
		static const char name[] = "oom_kill ";
		ulong i = 0;
		while (name[i] != 0 && line[i] == name[i]) i++;
		if (name[i] == 0) {
			ulong count = 0;
			for (char *digit = line + i; *digit >= '0' && *digit <= '9'; digit++)
				count = count * 10 + (ulong)(*digit - '0');
			return count;
		}
		while (*line != 0 && *line++ != '\n') continue;
	}
	return 0;
}

/* Ours and the child's ends of three pipes, or of a pseudo-terminal. */
static long open_streams(struct command *command, struct start *start, u16 rows, u16 columns) {
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	long result = 0;
	if (command->terminal) {
		int unlocked = 0;
		long master = call(__NR_open, "/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0, 0);
		if (master < 0) return master;
		call(__NR_ioctl, master, TIOCSPTLCK, &unlocked, 0);
		u16 size[4] = {rows, columns, 0, 0};
		call(__NR_ioctl, master, TIOCSWINSZ, size, 0);
		long slave = call(__NR_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
		if (slave < 0) {
			close_fd((int)master);
			return slave;
		}
		start->fds[0] = start->fds[1] = start->fds[2] = (int)slave;
		command->input = (int)call(__NR_fcntl, master, F_DUPFD_CLOEXEC, 3, 0);
		command->outputs[0].fd = (int)master;
		command->outputs[1].fd = -1;
		return 0;
	}
	for (int i = 0; i < 3 && result >= 0; i++) result = call(__NR_pipe2, pipes[i], O_CLOEXEC, 0, 0);
	if (result < 0) {
		for (int i = 0; i < 3; i++) close_fd(pipes[i][0]), close_fd(pipes[i][1]);
		return result;
	}
	start->fds[0] = pipes[0][0];
	start->fds[1] = pipes[1][1];
	start->fds[2] = pipes[2][1];
	command->input = pipes[0][1];
	command->outputs[0].fd = pipes[1][0];
	command->outputs[1].fd = pipes[2][0];
	call(__NR_fcntl, command->input, F_SETFL, O_NONBLOCK, 0);
	call(__NR_fcntl, pipes[1][0], F_SETFL, O_NONBLOCK, 0);
	call(__NR_fcntl, pipes[2][0], F_SETFL, O_NONBLOCK, 0);
	return 0;
}

static void close_streams(struct command *command) {
	close_fd(command->input);
	for (int i = 0; i < stream_count; i++) close_fd(command->outputs[i].fd);
	if (command->queue != 0 && shared == 0) call(__NR_munmap, command->queue, input_bytes, 0, 0);
	command->pid = 0;
}

/* Reads strings that end with a NUL from [*at, end) into a list; 0 when they are not all there. */
static char **take_strings(char **at, char *end, u32 count, char **list) {
	for (u32 i = 0; i < count; i++) {
		list[i] = *at;
		while (*at < end && **at != 0) (*at)++;
		if (*at >= end) return 0;
		(*at)++;
	}
	list[count] = 0;
	return list + count + 1;
}

/* u8 terminal, u8 slot, u16 rows, u16 columns, u16 0, u32 granted for each output, u32 argc, u32 envc, cwd, argv, env */
static void start_command(u16 id, char *body, u32 size) {
	u8 *b = (u8 *)body;
	if (size < 24 || b[1] >= command_count || commands[b[1]].pid != 0)
		return send_failure(EXECUTE, id, -ERROR_EINVAL, "");
	struct command *command = &commands[b[1]];
	u32 granted = get_u32(b + 8), argc = get_u32(b + 12), envc = get_u32(b + 16);
	if (argc < 1 || argc > size || envc > size) return send_failure(EXECUTE, id, -ERROR_EINVAL, "");
	static struct start start;
	memset(&start, 0, sizeof start);
	memset(command, 0, sizeof *command);
	ulong table_size = (argc + envc + 3 + 1) * sizeof(char *);
	char **table = (char **)call6(__NR_mmap, 0, (long)table_size, 3, 0x22, -1, 0);
	if ((long)table < 0 && (long)table > -4096) return send_failure(EXECUTE, id, (long)table, "");
	char *at = body + 20, *end = body + size, *cwd[2];
	start.argv = table;
	if (take_strings(&at, end, 1, cwd) == 0 ||
		(start.envp = take_strings(&at, end, argc, table)) == 0 ||
		take_strings(&at, end, envc, start.envp) == 0) {
		call(__NR_munmap, table, table_size, 0, 0);
		return send_failure(EXECUTE, id, -ERROR_EINVAL, "");
	}
	start.cwd = cwd[0];
	command->id = id;
	command->terminal = start.terminal = b[0];
	long result = open_streams(command, &start, (u16)(b[2] | b[3] << 8), (u16)(b[4] | b[5] << 8));
	if (result < 0) {
		call(__NR_munmap, table, table_size, 0, 0);
		return send_failure(EXECUTE, id, result, "");
	}
	if (shared != 0) command->queue = shared + (ulong)b[1] * input_bytes;
	else command->queue = (u8 *)call6(__NR_mmap, 0, input_bytes, 3, 0x22, -1, 0);
	if (shared == 0 && (long)command->queue < 0 && (long)command->queue > -4096) {
		start.error = (long)command->queue;
		command->queue = 0;
	}
	for (int i = 0; i < stream_count; i++) command->outputs[i].granted = granted;

	long pid = start.error < 0 ? start.error : clone_child(&start, child_stack + sizeof child_stack);
	for (int i = 0; i < (start.terminal ? 1 : 3); i++) close_fd(start.fds[i]);
	if (pid < 0) start.error = pid, start.step = "";
	call(__NR_munmap, table, table_size, 0, 0);
	if (start.error < 0) {
		if (pid > 0) call(__NR_wait4, pid, 0, 0, 0);
		close_streams(command);
		return send_failure(EXECUTE, id, start.error, start.step);
	}
	command->pid = (int)pid;
	send_number(STARTED, 0, id, (u32)pid);
}

/* Running commands */

static struct command *find_command(u16 id) {
	for (int i = 0; i < command_count; i++)
		if (commands[i].pid != 0 && commands[i].id == id) return &commands[i];
	return 0;
}

static void end_output(struct command *command, int index) {
	struct stream *output = &command->outputs[index];
	close_fd(output->fd);
	output->fd = -1;
	send_number(OUTPUT_END, (u8)(index + 1), command->id, 0);
}

static void send_output(struct command *command, int index) {
	static u8 frame[header_bytes + chunk_bytes];
	struct stream *output = &command->outputs[index];
	ulong most = output->granted < chunk_bytes ? output->granted : chunk_bytes;
	long size = call(__NR_read, output->fd, frame + header_bytes, most, 0);
	if (size == -ERROR_EAGAIN || size == -ERROR_EINTR) return;
	/* EIO is how a pseudo-terminal says that nobody has it open any more. */
	if (size <= 0) return end_output(command, index);
	output->granted -= (u32)size;
	send_frame(frame, OUTPUT, (u8)(index + 1), command->id, (u32)size);
}

static void close_input(struct command *command) {
	close_fd(command->input);
	command->input = -1;
	command->queue_size = 0;
	send_number(INPUT_CLOSED, 0, command->id, 0);
}

static void write_input(struct command *command) {
	u32 taken = 0;
	while (command->queue_size > 0) {
		u32 size = command->queue_size;
		if (command->queue_start + size > input_bytes) size = input_bytes - command->queue_start;
		long written = call(__NR_write, command->input, command->queue + command->queue_start, size, 0);
		if (written == -ERROR_EAGAIN || written == -ERROR_EINTR) break;
		if (written < 0) return close_input(command);
		command->queue_start = (command->queue_start + (u32)written) % input_bytes;
		command->queue_size -= (u32)written;
		taken += (u32)written;
	}
	if (taken > 0) send_number(INPUT_TAKEN, 0, command->id, taken);
	if (command->queue_size > 0 || !command->input_ends) return;
	/* A terminal's end of file is a character, and it stays open. */
	if (command->terminal) {
		call(__NR_write, command->input, "\4", 1, 0);
		command->input_ends = 0;
	} else close_input(command);
}

/* The bytes themselves, or only how many more there are in the shared ring. */
static void queue_input(struct command *command, const u8 *bytes, u32 size) {
	if (command->input < 0 || command->queue == 0) return;
	if (shared != 0) {
		u32 more = size >= 4 ? get_u32(bytes) : 0;
		if (more <= input_bytes - command->queue_size) command->queue_size += more;
		return write_input(command);
	}
	if (size > input_bytes - command->queue_size) return; /* more than was granted: a broken host */
	u32 end = (command->queue_start + command->queue_size) % input_bytes;
	u32 first = size < input_bytes - end ? size : input_bytes - end;
	memcpy(command->queue + end, bytes, first);
	memcpy(command->queue, bytes + first, size - first);
	command->queue_size += size;
	write_input(command);
}

static void finish_command(struct command *command) {
	static ulong known_oom_kills;
	u8 frame[header_bytes + 8];
	put_u32(frame + header_bytes, (u32)command->status);
	put_u32(frame + header_bytes + 4, 0);
	/* Reading the counter takes longer than starting a small command. */
	if ((command->status & 0x7f) == SIGKILL && !command->was_killed) {
		ulong oom_kills = count_oom_kills();
		put_u32(frame + header_bytes + 4, (u32)(oom_kills - known_oom_kills));
		known_oom_kills = oom_kills;
	}
	send_frame(frame, EXITED, 0, command->id, 8);
	close_streams(command);
}

static void reap(void) {
	int status;
	long pid;
	while ((pid = call(__NR_wait4, -1, &status, WNOHANG, 0)) > 0)
		for (int i = 0; i < command_count; i++)
			if (commands[i].pid == pid) commands[i].has_exited = 1, commands[i].status = status;
}

static void handle_frame(u8 type, u16 id, u8 *body, u32 size) {
	struct command *command;
	switch (type) {
	case CONFIGURE: return configure((char *)body, size);
	case EXECUTE: return start_command(id, (char *)body, size);
	case EXECUTE_SHARED:
		if (shared == 0 || size < 8 || body[1] >= command_count || get_u32(body + 4) > input_bytes)
			return send_failure(EXECUTE, id, -ERROR_EINVAL, "");
		return start_command(id, (char *)shared + (ulong)(command_count + body[1]) * input_bytes,
							 get_u32(body + 4));
	case POWER_OFF: power_off(1);
	case PING: return send_number(PONG, 0, id, 0);
	default: break;
	}
	if ((command = find_command(id)) == 0) return; /* it has ended in the meantime */
	switch (type) {
	case INPUT: return queue_input(command, body, size);
	case INPUT_END:
		command->input_ends = 1;
		if (command->input >= 0) write_input(command);
		return;
	case GRANT:
		if (size >= 5 && body[4] >= 1 && body[4] <= stream_count)
			command->outputs[body[4] - 1].granted += get_u32(body);
		return;
	case SIGNAL:
		if (size < 4 || command->has_exited) return;
		if (get_u32(body) == SIGKILL) command->was_killed = 1;
		call(__NR_kill, -command->pid, get_u32(body), 0, 0);
		return;
	case RESIZE:
		if (size >= 4 && command->terminal && command->input >= 0) {
			u16 window[4] = {(u16)(body[0] | body[1] << 8), (u16)(body[2] | body[3] << 8), 0, 0};
			call(__NR_ioctl, command->input, TIOCSWINSZ, window, 0);
		}
		return;
	default: return;
	}
}

/* Takes what the line has, and tells the host from time to time how much: the kernel stops listening to a line that has
 * ever been full (4096 bytes), so the host sends no more than half of that without a report. */
static u32 read_line(u8 *into, ulong size) {
	static u32 unreported;
	long more = call(__NR_read, line_in, into, size, 0);
	if (more == -ERROR_EAGAIN || more == -ERROR_EINTR) return 0;
	if (more <= 0) power_off(0); /* the host is gone */
	unreported += (u32)more;
	if (unreported >= line_report) {
		send_number(LINE_TAKEN, 0, 0, unreported);
		unreported = 0;
	}
	return (u32)more;
}

/* A frame that does not fit into `received` is an EXECUTE; it is read to its end before anything else. */
static void handle_large(u32 size) {
	if (size > request_bytes) power_off(0);
	if (request == 0) request = (u8 *)call6(__NR_mmap, 0, request_bytes, 3, 0x22, -1, 0);
	if ((long)request < 0 && (long)request > -4096) power_off(0);
	u8 type = received[4];
	u16 id = (u16)(received[6] | received[7] << 8);
	u32 have = received_size - header_bytes;
	memcpy(request, received + header_bytes, have);
	received_size = 0;
	while (have < size) {
		struct pollfd wait = {line_in, POLLIN, 0};
		call(__NR_poll, &wait, 1, -1, 0);
		have += read_line(request + have, size - have);
	}
	handle_frame(type, id, request, size);
}

static void receive(void) {
	u32 more = read_line(received + received_size, sizeof received - received_size);
	if (more == 0) return;
	received_size += more;
	u32 at = 0;
	while (received_size - at >= header_bytes) {
		u8 *frame = received + at;
		u32 size = get_u32(frame);
		if (size > received_size - at - header_bytes) break;
		at += header_bytes + size;
		handle_frame(frame[4], (u16)(frame[6] | frame[7] << 8), frame + header_bytes, size);
	}
	received_size -= at;
	for (u32 i = 0; i < received_size; i++) received[i] = received[at + i];
	if (received_size >= header_bytes && get_u32(received) > sizeof received - header_bytes)
		handle_large(get_u32(received));
}

/* Polled descriptors, and whose they are: 0 input, 1 and 2 outputs. */
struct watch {
	struct command *command;
	int what;
};

static void serve(int signals) {
	static struct pollfd fds[2 + 3 * command_count];
	static struct watch watches[2 + 3 * command_count];
	for (;;) {
		int count = 2, is_ending = 0;
		fds[0] = (struct pollfd){line_in, POLLIN, 0};
		fds[1] = (struct pollfd){signals, POLLIN, 0};
		for (int i = 0; i < command_count; i++) {
			struct command *command = &commands[i];
			if (command->pid == 0) continue;
			if (command->input >= 0 && command->queue_size > 0) {
				fds[count] = (struct pollfd){command->input, POLLOUT, 0};
				watches[count++] = (struct watch){command, 0};
			}
			int waits = 0;
			for (int j = 0; j < stream_count; j++) {
				struct stream *output = &command->outputs[j];
				if (output->fd < 0) continue;
				if (output->granted == 0) {
					waits = 1;
					continue;
				}
				fds[count] = (struct pollfd){output->fd, POLLIN, 0};
				watches[count++] = (struct watch){command, j + 1};
			}
			if (command->has_exited && !waits) is_ending = 1;
		}
		long ready = call(__NR_poll, fds, count, is_ending ? 0 : -1, 0);
		if (ready < 0 && ready != -ERROR_EINTR) power_off(1);
		/* What a command that has exited left in its pipes is sent; who else holds them open is not waited for. */
		for (int i = 2; i < count; i++) {
			struct command *command = watches[i].command;
			int what = watches[i].what, events = ready < 0 ? 0 : fds[i].revents;
			if (what == 0) {
				if (events != 0) write_input(command);
			} else if (events != 0) send_output(command, what - 1);
			else if (command->has_exited && ready >= 0) end_output(command, what - 1);
		}
		for (int i = 0; i < command_count; i++) {
			struct command *command = &commands[i];
			if (command->pid != 0 && command->has_exited && command->outputs[0].fd < 0 &&
				command->outputs[1].fd < 0)
				finish_command(command);
		}
		if (ready <= 0) continue;
		if (fds[1].revents != 0) {
			u8 info[128];
			call(__NR_read, signals, info, sizeof info, 0);
			reap();
		}
		if (fds[0].revents != 0) receive();
	}
}

/* As the kernel's helper: its arguments, after where the modules are. */
static void load_module(long argc, char **argv) {
	static char *environment[] = {"PATH=" PATH_DEFAULT, "LD_LIBRARY_PATH=" WORK "/kmod-libraries", 0};
	if (call(__NR_access, WORK "/kmod-libraries", 0, 0, 0) < 0) environment[1] = 0;
	static char *arguments[64] = {"modprobe", "-C", WORK "/modprobe.d", "-d", WORK "/modules"};
	long count = 5;
	for (long i = 1; i < argc && count < 63; i++) arguments[count++] = argv[i];
	arguments[count] = 0;
	call(__NR_execve, WORK "/kmod", arguments, environment, 0);
	leave(127);
}

__attribute__((noreturn, used)) void start(long *stack) {
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	if (call(__NR_getpid, 0, 0, 0, 0) != 1) {
		load_module(argc, argv);
		leave(127);
	}
	mount_basics();
	u64 child_ended = 1ULL << (SIGCHLD - 1), pipe_closed = 1ULL << (SIGPIPE - 1);
	u64 mask = child_ended | pipe_closed;
	call(__NR_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof mask);
	long signals = call(__NR_signalfd4, -1, &child_ended, sizeof child_ended, O_CLOEXEC | O_NONBLOCK);
	open_line();
	long memory = call(__NR_open, "/dev/mmapper", O_RDWR | O_CLOEXEC, 0, 0);
	if (memory >= 0) {
		long at = call6(__NR_mmap, 0, 2 * command_count * input_bytes, 3, 1 /* MAP_SHARED */, memory, 0);
		if (at > 0) shared = (u8 *)at;
		call(__NR_close, memory, 0, 0, 0);
	}
	char release[header_bytes + 128];
	long size = read_file("/proc/sys/kernel/osrelease", release + header_bytes, 128);
	send_frame((u8 *)release, HELLO, protocol_version, shared != 0, size > 0 ? (u32)size - 1 : 0);
	serve((int)signals);
	leave(1);
}
