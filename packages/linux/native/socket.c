#include "binding.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* SCM_MAX_FD, net/scm.h: one message carries no more. */
#define MAX_FDS 253

/* socketpair(type, out: Int32Array(2)): 0 */
static napi_value js_socketpair(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t length;
	int32_t *out = get_array(env, argv[1], &length);
	int pair[2];
	if (out == NULL || length < 2) return make_int(env, -EINVAL);
	int result = socketpair(AF_UNIX, get_int(env, argv[0]) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
	if (result < 0) return make_int(env, -errno);
	out[0] = pair[0];
	out[1] = pair[1];
	return make_int(env, 0);
}

/* An AF_UNIX socket of a type, bound to a path or connected to it: fd. `path` is freed. */
static int socket_at(int type, char *path, int (*attach)(int, const struct sockaddr *, socklen_t)) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int result = path == NULL ? -EINVAL : strlen(path) >= sizeof address.sun_path ? -ENAMETOOLONG : 0;
	if (result == 0) {
		strcpy(address.sun_path, path);
		result = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (result < 0) result = -errno;
		else if (attach(result, (struct sockaddr *)&address, sizeof address) < 0) {
			int error = errno;
			close(result);
			result = -error;
		}
	}
	free(path);
	return result;
}

/* listenUnix(type, path, backlog): fd */
static napi_value js_listen_unix(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	int fd = socket_at(get_int(env, argv[0]), get_string(env, argv[1]), bind);
	if (fd >= 0 && listen(fd, get_int(env, argv[2])) < 0) {
		int error = errno;
		close(fd);
		fd = -error;
	}
	return make_int(env, fd);
}

/* connectUnix(type, path): fd */
static napi_value js_connect_unix(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	return make_int(env, socket_at(get_int(env, argv[0]), get_string(env, argv[1]), connect));
}

/* accept(fd): fd */
static napi_value js_accept(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	int result;
	do result = accept4(get_int(env, argv[0]), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (result < 0 && (errno == EINTR || errno == ECONNABORTED));
	return make_result(env, result);
}

/* getsockopt(fd, level, name): value (of an int option that is never negative) */
static napi_value js_getsockopt(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	int value = 0;
	socklen_t size = sizeof value;
	int result =
		getsockopt(get_int(env, argv[0]), get_int(env, argv[1]), get_int(env, argv[2]), &value, &size);
	return make_result(env, result < 0 ? result : value);
}

/* setsockopt(fd, level, name, value): 0 */
static napi_value js_setsockopt(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	int value = get_int(env, argv[3]);
	return make_result(env, setsockopt(get_int(env, argv[0]), get_int(env, argv[1]),
									   get_int(env, argv[2]), &value, sizeof value));
}

/* sendmsg(fd, head, headStart, headEnd, tail | undefined, tailStart, fds | undefined, fdCount): bytes taken
 *
 * One gathered message: head[headStart..headEnd], then all of tail from tailStart. Descriptors ride on its first byte;
 * a result above 0 means that they are gone, -EAGAIN that they are still the caller's.
 */
static napi_value js_sendmsg(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t head_length, tail_length, fds_length;
	uint8_t *head = get_array(env, argv[1], &head_length);
	uint32_t start = get_uint(env, argv[2]), end = get_uint(env, argv[3]);
	if (start > end || end > head_length) return make_int(env, -EINVAL);

	struct iovec parts[2] = {{.iov_base = head + start, .iov_len = end - start}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1};
	if (!is_undefined(env, argv[4])) {
		uint8_t *tail = get_array(env, argv[4], &tail_length);
		uint32_t tail_start = get_uint(env, argv[5]);
		if (tail_start > tail_length) return make_int(env, -EINVAL);
		parts[1] = (struct iovec){.iov_base = tail + tail_start, .iov_len = tail_length - tail_start};
		message.msg_iovlen = 2;
	}

	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	uint32_t count = get_uint(env, argv[7]);
	if (count > 0) {
		int32_t *fds = get_array(env, argv[6], &fds_length);
		if (fds == NULL || count > fds_length || count > MAX_FDS) return make_int(env, -EINVAL);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}

	ssize_t result;
	do result = sendmsg(get_int(env, argv[0]), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (result < 0 && errno == EINTR);
	return make_result(env, result);
}

/* recvmsg(fd, into, start, end, control: Int32Array): bytes, 0 at the end of the stream
 *
 * control becomes [msg_flags, descriptor count, descriptor...]. It must have room for 2 + 253, so that no descriptor is
 * ever cut off for want of room in it.
 */
static napi_value js_recvmsg(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t length, control_length;
	uint8_t *into = get_array(env, argv[1], &length);
	uint32_t start = get_uint(env, argv[2]), end = get_uint(env, argv[3]);
	int32_t *out = get_array(env, argv[4], &control_length);
	if (start >= end || end > length || control_length < 2 + MAX_FDS) return make_int(env, -EINVAL);

	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = into + start, .iov_len = end - start};
	struct msghdr message = {.msg_iov = &part,
							 .msg_iovlen = 1,
							 .msg_control = &control,
							 .msg_controllen = sizeof control};
	ssize_t result;
	do result = recvmsg(get_int(env, argv[0]), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (result < 0 && errno == EINTR);
	out[0] = out[1] = 0;
	if (result < 0) return make_int(env, -errno);

	out[0] = message.msg_flags;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h != NULL; h = CMSG_NXTHDR(&message, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
		int count = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		if (out[1] + count > MAX_FDS) count = MAX_FDS - out[1];
		memcpy(out + 2 + out[1], CMSG_DATA(h), (size_t)count * sizeof(int));
		out[1] += count;
	}
	return make_int(env, (int32_t)result);
}

void define_sockets(napi_env env, napi_value exports) {
	define_function(env, exports, "socketpair", js_socketpair);
	define_function(env, exports, "listenUnix", js_listen_unix);
	define_function(env, exports, "connectUnix", js_connect_unix);
	define_function(env, exports, "accept", js_accept);
	define_function(env, exports, "getsockopt", js_getsockopt);
	define_function(env, exports, "setsockopt", js_setsockopt);
	define_function(env, exports, "sendmsg", js_sendmsg);
	define_function(env, exports, "recvmsg", js_recvmsg);
}
