#include "binding.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#ifndef __NR_memfd_create
#error "this libc knows no memfd_create"
#endif

/* close(fd): 0 */
static napi_value js_close(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	return make_result(env, close(get_int(env, argv[0])));
}

/* fcntl(fd, command, argument: number or typed array): the command's result */
static napi_value js_fcntl(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t length;
	void *memory = get_array(env, argv[2], &length);
	if (memory != NULL) return make_result(env, fcntl(get_int(env, argv[0]), get_int(env, argv[1]), memory));
	return make_result(env, fcntl(get_int(env, argv[0]), get_int(env, argv[1]), get_int(env, argv[2])));
}

/* read(fd, into, start, end): bytes, 0 at the end */
static napi_value js_read(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t length;
	uint8_t *into = get_array(env, argv[1], &length);
	uint32_t start = get_uint(env, argv[2]), end = get_uint(env, argv[3]);
	if (start > end || end > length) return make_int(env, -EINVAL);
	ssize_t result;
	do result = read(get_int(env, argv[0]), into + start, end - start);
	while (result < 0 && errno == EINTR);
	return make_result(env, result);
}

/* seekEnd(fd): 0. Where reading goes on is the end. */
static napi_value js_seek_end(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	return make_int(env, lseek(get_int(env, argv[0]), 0, SEEK_END) < 0 ? -errno : 0);
}

/* pipe(out: Int32Array(2), flags): 0; [read end, write end] */
static napi_value js_pipe(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t length;
	int32_t *out = get_array(env, argv[0], &length);
	int pair[2];
	if (length < 2) return make_int(env, -EINVAL);
	if (pipe2(pair, get_int(env, argv[1]) | O_CLOEXEC) < 0) return make_int(env, -errno);
	out[0] = pair[0];
	out[1] = pair[1];
	return make_int(env, 0);
}

/* openat2(dir, path, flags, mode, resolve): descriptor */
static napi_value js_openat2(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	char *path = get_string(env, argv[1]);
	if (path == NULL) return make_int(env, -EINVAL);
	struct {
		uint64_t flags, mode, resolve;
	} how = {.flags = get_uint(env, argv[2]) | O_CLOEXEC,
			 .mode = get_uint(env, argv[3]),
			 .resolve = get_uint(env, argv[4])};
	long result;
	/* EAGAIN: a rename or a mount raced with RESOLVE_IN_ROOT or RESOLVE_BENEATH; openat2(2) says to try again. */
	for (int attempt = 0; attempt < 64; attempt++) {
		result = syscall(__NR_openat2, get_int(env, argv[0]), path, &how, sizeof how);
		if (result >= 0 || (errno != EINTR && errno != EAGAIN)) break;
	}
	int error = errno;
	free(path);
	errno = error;
	return make_result(env, result);
}

/* mknodat(dir, path, mode, major, minor): 0. The process's umask does not count for groups and others. */
static napi_value js_mknodat(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	int dir = get_int(env, argv[0]);
	char *path = get_string(env, argv[1]);
	mode_t mode = get_uint(env, argv[2]);
	if (path == NULL) return make_int(env, -EINVAL);
	int result = mknodat(dir, path, mode, makedev(get_uint(env, argv[3]), get_uint(env, argv[4])));
	/* Whoever may make nodes is root, who needs no bits of his own. */
	if (result == 0 && (mode & 077) != 0 && (result = fchmodat(dir, path, mode & 07777, 0)) < 0) {
		int error = errno;
		unlinkat(dir, path, 0);
		errno = error;
	}
	int error = errno;
	free(path);
	errno = error;
	return make_result(env, result);
}

/* mkdirat(dir, path, mode): 0 */
static napi_value js_mkdirat(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	char *path = get_string(env, argv[1]);
	if (path == NULL) return make_int(env, -EINVAL);
	int result = mkdirat(get_int(env, argv[0]), path, get_uint(env, argv[2]));
	int error = errno;
	free(path);
	errno = error;
	return make_result(env, result);
}

/* unlinkat(dir, path, flags): 0 */
static napi_value js_unlinkat(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	char *path = get_string(env, argv[1]);
	if (path == NULL) return make_int(env, -EINVAL);
	int result = unlinkat(get_int(env, argv[0]), path, get_int(env, argv[2]));
	int error = errno;
	free(path);
	errno = error;
	return make_result(env, result);
}

/* flock(fd, operation): 0 */
static napi_value js_flock(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	int result;
	do result = flock(get_int(env, argv[0]), get_int(env, argv[1]));
	while (result < 0 && errno == EINTR);
	return make_result(env, result);
}

/* memfd_create(name, flags): descriptor. By number, as musl before 1.1.20 lacks the function. */
static napi_value js_memfd_create(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	char *name = get_string(env, argv[0]);
	if (name == NULL) return make_int(env, -EINVAL);
	long result = syscall(__NR_memfd_create, name, get_uint(env, argv[1]));
	int error = errno;
	free(name);
	errno = error;
	return make_result(env, result);
}

/* fstat(fd, out: Float64Array(10)): 0
 *
 * [mode, size, device major, device minor, node major, node minor, inode's low half, links, user, inode's high half]
 */
static napi_value js_fstat(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t length;
	double *out = get_array(env, argv[1], &length);
	struct stat status;
	if (length < 10) return make_int(env, -EINVAL);
	if (fstat(get_int(env, argv[0]), &status) < 0) return make_int(env, -errno);
	out[0] = status.st_mode;
	out[1] = (double)status.st_size;
	out[2] = major(status.st_dev);
	out[3] = minor(status.st_dev);
	out[4] = major(status.st_rdev);
	out[5] = minor(status.st_rdev);
	out[6] = (uint32_t)status.st_ino;
	out[7] = (double)status.st_nlink;
	out[8] = status.st_uid;
	out[9] = (uint32_t)((uint64_t)status.st_ino >> 32);
	return make_int(env, 0);
}

void define_files(napi_env env, napi_value exports) {
	define_function(env, exports, "close", js_close);
	define_function(env, exports, "fcntl", js_fcntl);
	define_function(env, exports, "read", js_read);
	define_function(env, exports, "seekEnd", js_seek_end);
	define_function(env, exports, "pipe", js_pipe);
	define_function(env, exports, "openat2", js_openat2);
	define_function(env, exports, "mknodat", js_mknodat);
	define_function(env, exports, "mkdirat", js_mkdirat);
	define_function(env, exports, "unlinkat", js_unlinkat);
	define_function(env, exports, "flock", js_flock);
	define_function(env, exports, "memfdCreate", js_memfd_create);
	define_function(env, exports, "fstat", js_fstat);
}
