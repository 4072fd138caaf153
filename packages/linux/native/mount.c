/* Mounts by descriptor, and what a file system says when one cannot be made. */
#include "binding.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_open_tree
#define __NR_open_tree 428
#endif
#ifndef __NR_move_mount
#define __NR_move_mount 429
#endif
#ifndef __NR_fsopen
#define __NR_fsopen 430
#define __NR_fsconfig 431
#define __NR_fsmount 432
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif

/* linux/mount.h, which older headers lack, and which sys/mount.h of newer ones does not go with */
enum { SET_FLAG = 0, SET_STRING = 1, CREATE = 6, CLOEXEC = 1, EMPTY_FROM = 0x4, EMPTY_TO = 0x40 };

/* A mount to be made, or, without a type, one to be taken away. */
struct job {
	char *type;
	char **texts; /* key, value, key, value; a value that is NULL makes the key a flag */
	uint32_t count;
	uint32_t attributes;
	int32_t *out; /* where it failed: fsopen -1, an option's index, all options' count for the mount itself; bytes of log */
	char *log;
	size_t log_size;
	char *path;
	int flags;
	long result;
	napi_async_work work;
	napi_deferred deferred;
	napi_ref held[2];
};

/* What the file system had to say: a line for each message, such as "e ext4: Unknown parameter 'x'". */
static void read_log(struct job *job, int context) {
	size_t length = 0;
	while (job->log != NULL && length + 1 < job->log_size) {
		ssize_t got = read(context, job->log + length, job->log_size - length - 1);
		if (got <= 0) break; /* ENODATA: that was all */
		length += (size_t)got;
		if (job->log[length - 1] != '\n') job->log[length++] = '\n';
	}
	if (job->out != NULL) job->out[1] = (int32_t)length;
}

/* fsopen(2), fsconfig(2), fsmount(2): Linux 5.2 */
static void make_mount(struct job *job) {
	int32_t at = -1;
	int context = (int)syscall(__NR_fsopen, job->type, CLOEXEC);
	if (context < 0) {
		job->result = -errno;
	} else {
		long result = 0;
		for (at = 0; at < (int32_t)job->count; at += 2) {
			const char *value = job->texts[at + 1];
			result = syscall(__NR_fsconfig, context, value == NULL ? SET_FLAG : SET_STRING, job->texts[at],
							 value, 0);
			if (result < 0) break;
		}
		if (result >= 0) result = syscall(__NR_fsconfig, context, CREATE, NULL, NULL, 0);
		if (result >= 0) result = syscall(__NR_fsmount, context, CLOEXEC, job->attributes);
		job->result = result < 0 ? -errno : result;
		if (result < 0) read_log(job, context);
		close(context);
	}
	if (job->out != NULL) job->out[0] = at;
}

static void perform(struct job *job) {
	if (job->type != NULL) make_mount(job);
	else job->result = umount2(job->path, job->flags) < 0 ? -errno : 0;
}

static void release(struct job *job) {
	for (uint32_t i = 0; i < job->count; i++) free(job->texts[i]);
	free(job->texts);
	free(job->type);
	free(job->path);
}

static int read_mount(napi_env env, napi_value *argv, struct job *job) {
	uint32_t count = 0;
	napi_get_array_length(env, argv[1], &count);
	job->attributes = get_uint(env, argv[2]);
	job->type = get_string(env, argv[0]);
	job->texts = calloc(count + 1, sizeof *job->texts);
	if (job->type == NULL || job->texts == NULL || count % 2 != 0) return -EINVAL;
	for (job->count = 0; job->count < count; job->count++) {
		napi_value text;
		napi_get_element(env, argv[1], job->count, &text);
		job->texts[job->count] = get_string(env, text);
		bool is_flag = job->count % 2 == 1 && is_undefined(env, text);
		if (job->texts[job->count] == NULL && !is_flag) return -EINVAL;
	}
	return 0;
}

static void execute(napi_env env, void *data) {
	(void)env;
	perform(data);
}

static void complete(napi_env env, napi_status status, void *data) {
	struct job *job = data;
	if (status == napi_cancelled) job->result = -ECANCELED;
	napi_resolve_deferred(env, job->deferred, make_int(env, (int32_t)job->result));
	for (int i = 0; i < 2; i++)
		if (job->held[i] != NULL) napi_delete_reference(env, job->held[i]);
	napi_delete_async_work(env, job->work);
	release(job);
	free(job);
}

/* Does a job, which this takes, on a thread of the pool. */
static napi_value queue(napi_env env, struct job *job) {
	napi_value promise, name;
	napi_create_promise(env, &job->deferred, &promise);
	napi_create_string_utf8(env, "devhost", NAPI_AUTO_LENGTH, &name);
	napi_create_async_work(env, NULL, name, execute, complete, job, &job->work);
	napi_queue_async_work(env, job->work);
	return promise;
}

/* fsmount(type, options: (string | null)[] of key, value pairs, attributes): descriptor of a mount that stands nowhere
 *
 * The mount ends with its last descriptor.
 */
static napi_value js_fsmount(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	struct job job = {0};
	job.result = read_mount(env, argv, &job);
	if (job.result == 0) make_mount(&job);
	release(&job);
	return make_int(env, (int32_t)job.result);
}

/* createMount(type, options, attributes, out: Int32Array(2), log: Uint8Array): Promise of as fsmount, from a thread of
 * the pool; or -errno
 *
 * out: see struct job.
 */
static napi_value js_create_mount(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	struct job *job = calloc(1, sizeof *job);
	if (job == NULL) return make_int(env, -ENOMEM);
	size_t length;
	job->out = get_array(env, argv[3], &length);
	job->log = get_array(env, argv[4], &job->log_size);
	int result = length < 2 || job->log == NULL ? -EINVAL : read_mount(env, argv, job);
	if (result < 0) {
		release(job);
		free(job);
		return make_int(env, result);
	}
	for (int i = 0; i < 2; i++) napi_create_reference(env, argv[3 + i], 1, &job->held[i]);
	return queue(env, job);
}

/* unmount(path, flags): Promise of 0, from a thread of the pool: it writes back what the file system holds; or -errno */
static napi_value js_unmount(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	struct job *job = calloc(1, sizeof *job);
	if (job == NULL) return make_int(env, -ENOMEM);
	job->path = get_string(env, argv[0]);
	job->flags = get_int(env, argv[1]);
	if (job->path != NULL) return queue(env, job);
	free(job);
	return make_int(env, -EINVAL);
}

/* moveMount(mount, directory): 0 */
static napi_value js_move_mount(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	return make_result(env, syscall(__NR_move_mount, get_int(env, argv[0]), "", get_int(env, argv[1]), "",
									EMPTY_FROM | EMPTY_TO));
}

/* openTree(directory, flags): descriptor */
static napi_value js_open_tree(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	return make_result(env, syscall(__NR_open_tree, get_int(env, argv[0]), "",
									get_uint(env, argv[1]) | AT_EMPTY_PATH | O_CLOEXEC));
}

/* mountSetattr(mount, flags, set, clear, propagation): 0 */
static napi_value js_mount_setattr(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	struct {
		uint64_t set, clear, propagation, user_namespace;
	} attributes = {
		.set = get_uint(env, argv[2]),
		.clear = get_uint(env, argv[3]),
		.propagation = get_uint(env, argv[4]),
	};
	return make_result(env, syscall(__NR_mount_setattr, get_int(env, argv[0]), "",
									get_uint(env, argv[1]) | AT_EMPTY_PATH, &attributes, sizeof attributes));
}

void define_mounts(napi_env env, napi_value exports) {
	define_function(env, exports, "fsmount", js_fsmount);
	define_function(env, exports, "createMount", js_create_mount);
	define_function(env, exports, "unmount", js_unmount);
	define_function(env, exports, "moveMount", js_move_mount);
	define_function(env, exports, "openTree", js_open_tree);
	define_function(env, exports, "mountSetattr", js_mount_setattr);
}
