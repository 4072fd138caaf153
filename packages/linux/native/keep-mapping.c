/* keep-mapping tables [-t]
 * keep-mapping command FLAGS TOP TAG [=NAME | ^PREFIX]... -- FILE ARGUMENT...
 *
 * Makes device-mapper devices, mappings, for the process at the other end of SOCKET_FD, the service: holds each open, tells the
 * kernel to remove it with its last descriptor, and sends that descriptor. A service can be killed at any moment without a
 * mapping being left: this program, in a session of its own, goes on to the point from which the kernel removes what nobody
 * holds. It ends when the service does.
 *
 * "tables": waits for requests. A request is a packet of strings that each end with a NUL: FLAGS, a name, a uuid and the
 * number of targets in decimal; with two descriptors: a file that holds the targets as the kernel takes them (struct
 * dm_target_spec), and the directory in which a node is made for as long as it takes to open it.
 *
 * "command": executes FILE, which makes the mapping TOP, and others that are called =NAME or begin with ^PREFIX. All of them
 * that were not there before are held and armed. With a TAG that is not empty they are renamed afterwards: TOP to TAG, the
 * others to TAG.1, TAG.2 and so on. When the service goes away or says anything while the command runs, the command and
 * its process group are killed. What a command that failed has made is removed. Its environment is this program's, and so
 * are its descriptors below SOCKET_FD.
 *
 * FLAGS: "r" the mapping cannot be written; "s" the table holds secrets; "t" STEP_FD gets a letter at each step, which is taken
 * when a byte has come back; "-" none.
 *
 * Every answer is a packet of JSON, with the descriptors where it is "ok", in this order:
 *   {"ok":true,"node":64771,"beneath":[64770]}   device numbers as mknod(2) takes them
 *   {"error":"load","errno":22}                  the call that failed; "exists": a mapping of that name was there before
 *   {"error":"command","code":2}                 the command's exit status; "signal" if one ended it
 *   ..."left":1                                  so many mappings are still in use; the kernel removes them after that
 */
#include <linux/dm-ioctl.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <stddef.h>

#include "freestanding.h"

#define SOCKET_FD 63
#define CONTROL_FD 64
#define STEP_FD 65
#define DIRECTORY_FD 66 /* of a command; as of a request */

#define SIGNAL_KILL 9
#define SIGNAL_CHILD 17
#define SIGNALS_MASKED (1ul << 0 | 1ul << 1 | 1ul << 2 | 1ul << 12 | 1ul << 14) /* HUP, INT, QUIT, PIPE, TERM */
#define MAP_IS_SHARED 1
#define MASK_BLOCK 0
#define MASK_UNBLOCK 1
#define NODE_MODE (0060000 | 0600) /* S_IFBLK, owner only */
#define CONTROL_NODE_MODE (0020000 | 0600) /* S_IFCHR, owner only */
#define SOCKET_LEVEL 1
#define SCM_RIGHTS_TYPE 1
#define NO_SIGNAL 0x4000 /* MSG_NOSIGNAL */
#define CLOSE_ON_EXEC 0x40000000 /* MSG_CMSG_CLOEXEC */
#define HANGS_UP 0x2000 /* POLLRDHUP, asm-generic/poll.h */

/* What libdevmapper sets to keep udev's rules off a device: DM_UDEV_DISABLE_DM_RULES_FLAG, ..._SUBSYSTEM_RULES_FLAG,
 * ..._DISK_RULES_FLAG and ..._OTHER_RULES_FLAG, above the 16 bits of a cookie that nobody waits for. Source: libdevmapper.h.
 */
#define UDEV_FLAGS (0xFu << 16)

/* How long mappings that are no longer wanted may stay in use, by udev above all, before they are only reported. */
#define REMOVAL_LOOKS 500
#define REMOVAL_PAUSE_NS 10000000
#define MAX_NEW 200

typedef struct {
	void *base;
	ulong size;
} vector;

typedef struct {
	void *name;
	int name_length;
	vector *vectors;
	ulong vector_count;
	void *control;
	ulong control_length;
	unsigned flags;
} message;

static char **environment;
static int is_read_only, is_secret, is_traced;

static void step(char letter) {
	if (!is_traced) return;
	call(__NR_write, STEP_FD, (long)&letter, 1, 0, 0);
	while (call(__NR_read, STEP_FD, (long)&letter, 1, 0, 0) == -ERROR_EINTR)
		;
}

static void wipe(volatile char *memory, ulong size) {
	while (size-- > 0) *memory++ = 0;
}

static void close_all(const int *fds, int count) {
	for (int index = 0; index < count; index++) call(__NR_close, fds[index], 0, 0, 0, 0);
}

/* Sends a packet: with the descriptors, which are closed here. Whoever is gone gets nothing, and then the kernel removes what
 * was made, as this program ends. */
static void answer_with(char *text, const char *end, const int *fds, int count) {
	static struct {
		ulong length;
		int level, type, fds[1 + MAX_NEW + 1];
	} control;
	control.length = offsetof(__typeof__(control), fds) + (ulong)count * sizeof(int);
	control.level = SOCKET_LEVEL;
	control.type = SCM_RIGHTS_TYPE;
	for (int index = 0; index < count; index++) control.fds[index] = fds[index];
	vector vectors = {text, (ulong)(end - text)};
	message packet = {0, 0, &vectors, 1, count == 0 ? 0 : &control, count == 0 ? 0 : (control.length + 7) & ~7ul, 0};
	step('e');
	long result;
	do result = call(__NR_sendmsg, SOCKET_FD, (long)&packet, NO_SIGNAL, 0, 0);
	while (result == -ERROR_EINTR);
	close_all(fds, count);
	step('f');
	if (result < 0) leave(1);
}

static void tell_failure(const char *what, const char *key, long number, int left) {
	char text[128], *end = append(append(append(text, "{\"error\":\""), what), "\",\"");
	end = append_number(append(append(end, key), "\":"), (u64)number);
	if (left > 0) end = append_number(append(end, ",\"left\":"), (u64)left);
	answer_with(text, append(end, "}"), 0, 0);
}

__attribute__((noreturn)) static void fail(const char *what, const char *key, long number, int left) {
	tell_failure(what, key, number, left);
	leave(0);
}

/* The structure that every request begins with; what the kernel answers is written over it. */
static struct dm_ioctl *prepare(struct dm_ioctl *request, const char *name, u64 device, ulong size) {
	wipe((char *)request, sizeof *request);
	request->version[0] = DM_VERSION_MAJOR;
	request->data_size = (unsigned)size;
	request->data_start = sizeof *request;
	request->dev = device;
	if (name != 0) append(request->name, name);
	return request;
}

static long perform(ulong number, struct dm_ioctl *request) {
	long result;
	do result = call(__NR_ioctl, CONTROL_FD, (long)number, (long)request, 0, 0);
	while (result == -ERROR_EINTR);
	return result;
}

/* A request for one mapping that has no data, by its name or its number. */
static long ask(ulong number, const char *name, u64 device, unsigned flags, struct dm_ioctl *answer) {
	prepare(answer, name, device, sizeof *answer)->flags = flags;
	answer->event_nr = number == DM_DEV_STATUS ? 0 : UDEV_FLAGS;
	return perform(number, answer);
}

/* Removes a mapping now or, while somebody has it open, with its last descriptor. A suspended one is woken: whoever reads it
 * would wait, and keep it open, for ever. */
static void arm(u64 device) {
	struct dm_ioctl answer;
	if (ask(DM_DEV_STATUS, 0, device, 0, &answer) < 0) return;
	if ((answer.flags & DM_SUSPEND_FLAG) && (answer.flags & DM_ACTIVE_PRESENT_FLAG))
		ask(DM_DEV_SUSPEND, 0, device, 0, &answer);
	ask(DM_DEV_REMOVE, 0, device, DM_DEFERRED_REMOVE, &answer);
}

/* Opens a mapping by a node that nobody else can know, and that is there only for that. */
static long open_node(u64 device, long directory, int flags) {
	char name[32], *end = append(name, ".keep-");
	*append_number(end, (u64)call(__NR_getpid, 0, 0, 0, 0, 0)) = 0;
	call(__NR_unlinkat, directory, (long)name, 0, 0, 0); /* of one that was killed in this place */
	long result = call(__NR_mknodat, directory, (long)name, NODE_MODE, (long)device, 0);
	if (result < 0) return result;
	step('o');
	long fd = call(__NR_openat, directory, (long)name, flags | O_CLOEXEC, 0, 0);
	call(__NR_unlinkat, directory, (long)name, 0, 0, 0);
	return fd;
}

/* A device that was opened before it had its table has blocks of a page, whatever its size: what mkfs and others see is to be
 * what they would see in one that is opened now. The same rule as in the kernel's set_init_blocksize, block/bdev.c. */
static void set_block_size(long fd) {
	u64 size = 0;
	int sector = 512, page = 4096;
	if (call(__NR_ioctl, fd, BLKGETSIZE64, (long)&size, 0, 0) < 0) return;
	call(__NR_ioctl, fd, BLKSSZGET, (long)&sector, 0, 0);
	int block = sector;
	while (block < page && (size & (u64)block) == 0) block <<= 1;
	int now = 0;
	call(__NR_ioctl, fd, BLKBSZGET, (long)&now, 0, 0);
	if (now != block) call(__NR_ioctl, fd, BLKBSZSET, (long)&block, 0, 0);
}

/* The table of a request, behind the structure that takes it to the kernel; or an address that is an error number. */
static struct dm_ioctl *read_table(long file, ulong *total) {
	long size = call(__NR_lseek, file, 0, WHENCE_END, 0, 0);
	if (size < 0) return (struct dm_ioctl *)size;
	*total = sizeof(struct dm_ioctl) + (ulong)size;
	struct dm_ioctl *load = (struct dm_ioctl *)map(*total, -1);
	if (is_error((char *)load)) return load;
	long result = call(__NR_pread64, file, (long)(load + 1), size, 0, 0);
	if (result == size) return load;
	call(__NR_munmap, (long)load, (long)*total, 0, 0, 0);
	return (struct dm_ioctl *)(result < 0 ? result : -ERROR_EINVAL);
}

/* Returns a descriptor, or -errno of the call `what`. */
static long make(struct dm_ioctl *load, u64 device, long directory, const char **what) {
	struct dm_ioctl answer;
	/* Before it is opened: since Linux 5.15 there is no disk without a table. */
	*what = "load";
	long result = perform(DM_TABLE_LOAD, load);
	if (result < 0) return result;
	step('c');
	*what = "open";
	long fd = open_node(device, directory, is_read_only ? O_RDONLY : O_RDWR);
	if (fd < 0) return fd;
	step('d');
	*what = "arm";
	result = ask(DM_DEV_REMOVE, 0, device, DM_DEFERRED_REMOVE, &answer);
	if (result >= 0) {
		step('r');
		*what = "resume";
		result = ask(DM_DEV_SUSPEND, 0, device, 0, &answer);
	}
	if (result >= 0) {
		set_block_size(fd);
		return fd;
	}
	call(__NR_close, fd, 0, 0, 0, 0);
	return result;
}

static void by_table(char *const *strings, u64 targets, const int *fds) {
	ulong total = 0;
	struct dm_ioctl answer, *load = read_table(fds[0], &total);
	if (is_error((char *)load)) return tell_failure("table", "errno", -(long)load, 0);
	step('a');
	prepare(&answer, strings[1], 0, sizeof answer);
	append(answer.uuid, strings[2]);
	long result = perform(DM_DEV_CREATE, &answer);
	if (result >= 0) {
		step('b');
		u64 device = answer.dev;
		const char *what;
		prepare(load, 0, device, total)->flags =
			(is_read_only ? DM_READONLY_FLAG : 0) | (is_secret ? DM_SECURE_DATA_FLAG : 0);
		load->target_count = (unsigned)targets;
		result = make(load, device, fds[1], &what);
		if (result < 0) {
			arm(device);
			tell_failure(what, "errno", -result, 0);
		} else {
			char text[64], *end = append_number(append(text, "{\"ok\":true,\"node\":"), device);
			int fd = (int)result;
			answer_with(text, append(end, ",\"beneath\":[]}"), &fd, 1);
		}
	} else {
		tell_failure("create", "errno", -result, 0);
	}
	if (is_secret) wipe((char *)load, total);
	call(__NR_munmap, (long)load, (long)total, 0, 0, 0);
}

static void read_flags(const char *flags) {
	is_read_only = is_secret = 0;
	for (; *flags != 0; flags++) {
		if (*flags == 'r') is_read_only = 1;
		if (*flags == 's') is_secret = 1;
		if (*flags == 't') is_traced = 1;
	}
}

/* Answers one request after the other until the service is gone. */
__attribute__((noreturn)) static void by_tables(void) {
	call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* no key in a core file */
	for (;;) {
		static char text[1024];
		struct {
			ulong length;
			int level, type, fds[2];
		} control;
		vector vectors = {text, sizeof text};
		message packet = {0, 0, &vectors, 1, &control, sizeof control, 0};
		long size = call(__NR_recvmsg, SOCKET_FD, (long)&packet, CLOSE_ON_EXEC, 0, 0);
		if (size == -ERROR_EINTR) continue;
		if (size <= 0) leave(0);
		char *strings[4];
		int count = 0;
		for (long at = 0; at < size && count < 4; count++) {
			strings[count] = text + at;
			while (at < size && text[at] != 0) at++;
			if (at++ == size) leave(125);
		}
		u64 targets;
		if (count != 4 || packet.control_length != sizeof control || parse_number(strings[3], 10, &targets) < 0 ||
			length_of(strings[1]) >= DM_NAME_LEN || length_of(strings[2]) >= DM_UUID_LEN)
			leave(125);
		read_flags(strings[0]);
		by_table(strings, targets, control.fds);
		for (int i = 0; i < 2; i++) call(__NR_close, control.fds[i], 0, 0, 0, 0);
	}
}

/* The mappings that there are now. Never unmapped: this program ends soon. */
static struct dm_ioctl *list(void) {
	for (ulong size = 16384;; size *= 2) {
		struct dm_ioctl *answer = (struct dm_ioctl *)map(size, -1);
		if (is_error((char *)answer)) fail("list", "errno", ERROR_ENOMEM, 0);
		long result = perform(DM_LIST_DEVICES, prepare(answer, 0, 0, size));
		if (result < 0) fail("list", "errno", -result, 0);
		if (!(answer->flags & DM_BUFFER_FULL_FLAG)) return answer;
		call(__NR_munmap, (long)answer, (long)size, 0, 0, 0);
	}
}

static const struct dm_name_list *first(const struct dm_ioctl *all) {
	const struct dm_name_list *entry = (const void *)((const char *)all + all->data_start);
	return all->data_size <= all->data_start || entry->dev == 0 ? 0 : entry;
}

static const struct dm_name_list *next(const struct dm_name_list *entry) {
	return entry->next == 0 ? 0 : (const void *)((const char *)entry + entry->next);
}

static int begins_with(const char *text, const char *prefix) {
	while (*prefix != 0 && *text == *prefix) text++, prefix++;
	return *prefix == 0;
}

/* Which mappings are ours: none that was there before. */
static const struct dm_ioctl *before;
static const char *top;
static char **patterns;

static int is_ours(const struct dm_name_list *entry) {
	int matches = is_equal(entry->name, top);
	for (char **each = patterns; !matches && !is_equal(*each, "--"); each++)
		matches = (*each)[0] == '=' ? is_equal(entry->name, *each + 1) : begins_with(entry->name, *each + 1);
	if (!matches) return 0;
	for (const struct dm_name_list *old = first(before); old != 0; old = next(old))
		if (old->dev == entry->dev && is_equal(old->name, entry->name)) return 0;
	return 1;
}

static void pause_for(long nanoseconds) {
	struct __kernel_timespec duration = {0, nanoseconds};
	call(__NR_nanosleep, (long)&duration, 0, 0, 0, 0);
}

/* Removes what is ours and waits until it is gone, for a while. In any order: one that another stands on goes after that. Once
 * more each time, as a command that is gone may have had a call under way.
 *
 * Returns how many are still there. */
static int remove_ours(void) {
	for (int look = 0;; look++) {
		int left = 0;
		for (const struct dm_name_list *entry = first(list()); entry != 0; entry = next(entry)) {
			if (!is_ours(entry)) continue;
			left++;
			arm(entry->dev);
		}
		if (left == 0 || look == REMOVAL_LOOKS) return left;
		if (look > 0) pause_for(REMOVAL_PAUSE_NS);
	}
}

/* Where udev is kept off, libdevmapper makes nodes in /dev/mapper that nobody would remove: the command has that folder for
 * itself. Where it cannot have, as in a root that is no mount point, nothing is different.
 */
static void hide_names(void) {
	struct statx control;
	if (call(__NR_unshare, CLONE_NEWNS, 0, 0, 0, 0) < 0) return;
	/* What is mounted here is to be seen nowhere else. */
	if (call(__NR_mount, (long)"none", (long)"/", 0, MS_REC | MS_SLAVE, 0) < 0) return;
	if (call(__NR_statx, CONTROL_FD, (long)"", AT_EMPTY_PATH, STATX_TYPE, (long)&control) < 0) return;
	long flags = MS_NOSUID | MS_NOEXEC;
	if (call(__NR_mount, (long)"none", (long)"/dev/mapper", (long)"tmpfs", flags, 0) < 0) return;
	long major = control.stx_rdev_major, minor = control.stx_rdev_minor;
	long device = (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12;
	call(__NR_mknodat, AT_FDCWD, (long)"/dev/mapper/control", CONTROL_NODE_MODE, device, 0);
}

/* In the child. `error` is memory that is shared with the parent. */
__attribute__((noreturn)) static void execute(char **command, long parent, volatile int *error) {
	long mask = SIGNALS_MASKED;
	call(__NR_setpgid, 0, 0, 0, 0, 0);
	call(__NR_prctl, PR_SET_PDEATHSIG, SIGNAL_KILL, 0, 0, 0);
	if (parent != call(__NR_getppid, 0, 0, 0, 0, 0)) leave(127); /* it died before the request stood */
	call(__NR_rt_sigprocmask, MASK_UNBLOCK, (long)&mask, 0, sizeof mask, 0);
	hide_names();
	*error = (int)-call(__NR_execve, (long)command[0], (long)(command + 1), (long)environment, 0, 0);
	leave(127);
}

/* Waits until the command has ended, or the service has no more use for it; ends all that is left of it. Returns its status
 * as wait(2) has it. */
static int wait_for(long pid, int pidfd) {
	struct pollfd waited[2] = {{SOCKET_FD, POLLIN | HANGS_UP, 0}, {pidfd, POLLIN, 0}};
	while (call(__NR_ppoll, (long)waited, 2, 0, 0, 0) < 0)
		;
	/* It runs or is a zombie: its process group is nobody else's. */
	call(__NR_kill, -pid, SIGNAL_KILL, 0, 0, 0);
	int status = 0, ignored;
	while (call(__NR_wait4, pid, (long)&status, 0, 0, 0) == -ERROR_EINTR)
		;
	/* Its children are ours now. */
	for (long result = 0; result >= 0 || result == -ERROR_EINTR;)
		result = call(__NR_wait4, -pid, (long)&ignored, 0, 0, 0);
	return status;
}

static int service_is_gone(void) {
	struct pollfd socket = {SOCKET_FD, POLLIN | HANGS_UP, 0};
	struct __kernel_timespec at_once = {0, 0};
	return call(__NR_ppoll, (long)&socket, 1, (long)&at_once, 0, 0) > 0;
}

static long rename_to(const char *name, const char *tag, int number) {
	static struct {
		struct dm_ioctl request;
		char name[DM_NAME_LEN + 16];
	} rename;
	prepare(&rename.request, name, 0, sizeof rename);
	rename.request.event_nr = UDEV_FLAGS;
	char *end = append(rename.name, tag);
	if (number > 0) end = append_number(append(end, "."), (u64)number);
	*end = 0;
	return perform(DM_DEV_RENAME, &rename.request);
}

/* Lets go of what the command has made, and removes it. */
__attribute__((noreturn)) static void give_up(const char *what, long number, const int *fds, int count) {
	close_all(fds, count);
	fail(what, "errno", number, remove_ours());
}

__attribute__((noreturn)) static void by_command(const char *tag, char **command) {
	struct dm_ioctl answer;
	before = list();
	for (const struct dm_name_list *entry = first(before); entry != 0; entry = next(entry))
		if (is_equal(entry->name, top)) fail("exists", "errno", ERROR_EEXIST, 0);
	step('a');

	/* Whoever the command leaves behind becomes a child of ours. */
	call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	volatile int *error = (int *)call(__NR_mmap, 0, sizeof *error, PROTECTION_READ_WRITE,
									  MAP_IS_SHARED | MAP_IS_ANONYMOUS, -1);
	if (is_error((char *)error)) fail("clone", "errno", ERROR_ENOMEM, 0);
	int pidfd = -1;
	long parent = call(__NR_getpid, 0, 0, 0, 0, 0);
	long pid = call(__NR_clone, CLONE_PIDFD | SIGNAL_CHILD, 0, (long)&pidfd, 0, 0);
	if (pid == 0) execute(command, parent, error);
	if (pid < 0) fail("clone", "errno", -pid, 0);
	call(__NR_setpgid, pid, pid, 0, 0, 0); /* the child does so, too: whoever comes first */
	step('b');
	int status = wait_for(pid, pidfd);
	step('c');
	if (*error != 0) fail("exec", "errno", *error, 0);
	if (status != 0) {
		int left = remove_ours();
		if (status & 0x7F) fail("command", "signal", status & 0x7F, left);
		fail("command", "code", status >> 8 & 0xFF, left);
	}
	if (service_is_gone()) fail("service", "errno", 0, remove_ours());

	long result = ask(DM_DEV_STATUS, top, 0, 0, &answer);
	if (result < 0) fail("missing", "errno", -result, remove_ours());
	u64 device = answer.dev;
	static int fds[1 + MAX_NEW];
	int count = 0;
	long fd = open_node(device, DIRECTORY_FD, is_read_only ? O_RDONLY : O_RDWR);
	if (fd < 0) fail("open", "errno", -fd, remove_ours());
	fds[count++] = (int)fd;
	step('d');
	/* It is open, so that its number stays its own. */
	result = ask(DM_DEV_REMOVE, 0, device, DM_DEFERRED_REMOVE, &answer);
	if (result < 0) give_up("arm", -result, fds, count);
	step('r');

	static char text[64 + MAX_NEW * 21];
	char *end = append(append_number(append(text, "{\"ok\":true,\"node\":"), device), ",\"beneath\":[");
	for (const struct dm_name_list *entry = first(list()); entry != 0; entry = next(entry)) {
		if (entry->dev == device || !is_ours(entry)) continue;
		if (count > MAX_NEW) give_up("list", ERROR_E2BIG, fds, count);
		/* Not each of them has another one that stands on it: a snapshot's origin beside it, which has to stay as long. */
		fd = open_node(entry->dev, DIRECTORY_FD, O_RDONLY);
		if (fd < 0) give_up("open", -fd, fds, count);
		end = append_number(append(end, count > 1 ? "," : ""), entry->dev);
		fds[count++] = (int)fd;
		arm(entry->dev);
		if (*tag == 0) continue;
		result = rename_to(entry->name, tag, count - 1);
		if (result < 0) give_up("rename", -result, fds, count);
	}
	if (*tag != 0 && !is_equal(tag, top)) result = rename_to(top, tag, 0);
	if (result < 0) give_up("rename", -result, fds, count);
	answer_with(text, append(end, "]}"), fds, count);
	leave(0);
}

__attribute__((noreturn)) static void usage(void) {
	static const char text[] = "usage: keep-mapping tables [-t]\n"
							   "       keep-mapping command FLAGS TOP TAG [=NAME|^PREFIX]... -- FILE ARGUMENT...\n";
	call(__NR_write, 2, (long)text, sizeof text - 1, 0, 0);
	leave(125);
}

__attribute__((noreturn, used)) void start(long *stack) {
	long argc = stack[0], mask = SIGNALS_MASKED;
	char **argv = (char **)(stack + 1);
	environment = argv + argc + 1;
	if (argc < 2) usage();
	for (long fd = SOCKET_FD; fd <= DIRECTORY_FD; fd++)
		call(__NR_fcntl, fd, COMMAND_SETFD, FD_CLOEXEC_FLAG, 0, 0);
	call(__NR_rt_sigprocmask, MASK_BLOCK, (long)&mask, 0, sizeof mask, 0);
	if (argc > 2) read_flags(argv[2]);
	if (is_equal(argv[1], "tables")) by_tables();
	if (!is_equal(argv[1], "command") || argc < 5 || length_of(argv[3]) >= DM_NAME_LEN ||
		length_of(argv[4]) >= DM_NAME_LEN)
		usage();
	top = argv[3];
	patterns = argv + 5;
	char **end = patterns;
	while (*end != 0 && !is_equal(*end, "--")) end++;
	if (end[0] == 0 || end[1] == 0 || end[2] == 0) usage();
	by_command(argv[4], end + 1);
}
