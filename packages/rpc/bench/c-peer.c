/* The limit that the RPC is compared with: two C processes and an AF_UNIX SOCK_STREAM pair, nothing else.
 *
 *   c-peer round-trip BYTES DESCRIPTORS COUNT   prints the mean microseconds of an echo, with 0 or 1 descriptor each way
 *   c-peer batch BYTES BATCH COUNT              prints echoed messages a second, BATCH of them sent before the first
 *                                               answer is read; each message is a send of its own, on both sides
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
	perror(what);
	exit(1);
}

static void send_all(int socket, const char *data, size_t length, int fd) {
	while (length > 0) {
		union {
			struct cmsghdr align;
			char space[CMSG_SPACE(sizeof(int))];
		} control;
		struct iovec part = {.iov_base = (char *)data, .iov_len = length};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
		if (fd >= 0) {
			message.msg_control = &control;
			message.msg_controllen = CMSG_SPACE(sizeof(int));
			struct cmsghdr *header = CMSG_FIRSTHDR(&message);
			header->cmsg_level = SOL_SOCKET;
			header->cmsg_type = SCM_RIGHTS;
			header->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(header), &fd, sizeof fd);
		}
		ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
		if (sent < 0) fail("sendmsg");
		fd = -1;
		data += sent;
		length -= (size_t)sent;
	}
}

/* Receives exactly `length` bytes; returns the descriptor that came along, or -1; -2 at the end. */
static int receive_all(int socket, char *data, size_t length) {
	int fd = -1;
	while (length > 0) {
		union {
			struct cmsghdr align;
			char space[CMSG_SPACE(sizeof(int))];
		} control;
		struct iovec part = {.iov_base = data, .iov_len = length};
		struct msghdr message = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
		if (got < 0) fail("recvmsg");
		if (got == 0) return -2;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		if (header != NULL && header->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(header), sizeof fd);
		data += got;
		length -= (size_t)got;
	}
	return fd;
}

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void round_trip(int socket, size_t bytes, int with_fd, long count) {
	char *data = calloc(1, bytes);
	int file = with_fd ? memfd_create("sent", MFD_CLOEXEC) : -1;
	double start = 0;
	for (long i = -count / 10; i < count; i++) {
		if (i == 0) start = now();
		send_all(socket, data, bytes, file);
		int fd = receive_all(socket, data, bytes);
		if (fd >= 0) close(fd);
	}
	printf("%f\n", (now() - start) / (double)count * 1e6);
}

static void echo(int socket, size_t bytes) {
	char *data = malloc(bytes);
	int fd;
	while ((fd = receive_all(socket, data, bytes)) != -2) {
		send_all(socket, data, bytes, fd);
		if (fd >= 0) close(fd);
	}
}

static void batch(int socket, size_t bytes, long batch, long count) {
	size_t room = bytes * (size_t)batch;
	char *data = calloc(1, room);
	double start = 0;
	for (long i = -count / 10 / batch; i < count / batch; i++) {
		if (i == 0) start = now();
		for (long k = 0; k < batch; k++) send_all(socket, data, bytes, -1);
		receive_all(socket, data, room);
	}
	printf("%f\n", (double)(count / batch * batch) / (now() - start));
}

static void echo_batches(int socket, size_t bytes) {
	char *data = malloc(1 << 18);
	size_t held = 0;
	for (;;) {
		ssize_t got = recv(socket, data + held, (1 << 18) - held, 0);
		if (got <= 0) return;
		held += (size_t)got;
		size_t done = 0;
		for (; done + bytes <= held; done += bytes) send_all(socket, data + done, bytes, -1);
		memmove(data, data + done, held - done);
		held -= done;
	}
}

int main(int argc, char **argv) {
	if (argc != 5) return 2;
	int pair[2], batched = strcmp(argv[1], "batch") == 0;
	size_t bytes = (size_t)atol(argv[2]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) fail("socketpair");
	pid_t pid = fork();
	if (pid < 0) fail("fork");
	if (pid == 0) {
		close(pair[0]);
		if (batched) echo_batches(pair[1], bytes);
		else echo(pair[1], bytes);
		_exit(0);
	}
	close(pair[1]);
	if (batched) batch(pair[0], bytes, atol(argv[3]), atol(argv[4]));
	else round_trip(pair[0], bytes, atoi(argv[3]), atol(argv[4]));
	fflush(stdout);
	close(pair[0]);
	waitpid(pid, NULL, 0);
	return 0;
}
