/* Calls that may block: ioctl, fsync, close, sync_file_range, syncfs and access, on the calling thread or on libuv's pool. */
#include "binding.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CALL_IOCTL, CALL_FSYNC, CALL_CLOSE, CALL_WRITE_BACK, CALL_SYNCFS, CALL_EXISTS };

#define MAX_POINTERS 8

struct call {
	int kind;
	int fd;
	unsigned long request;
	void *argument;
	long result;
	napi_async_work work;
	napi_deferred deferred;
	napi_ref held[1 + MAX_POINTERS]; /* keeps the memory that the kernel writes to */
	int held_count;
};

static void perform(struct call *call) {
	do {
		switch (call->kind) {
		case CALL_IOCTL: call->result = ioctl(call->fd, call->request, call->argument); break;
		case CALL_FSYNC: call->result = fsync(call->fd); break;
		case CALL_CLOSE: call->result = close(call->fd); break;
		case CALL_SYNCFS: call->result = syncfs(call->fd); break;
		case CALL_WRITE_BACK:
			call->result = sync_file_range(call->fd, 0, 0,
										   SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
											   SYNC_FILE_RANGE_WAIT_AFTER);
			break;
		case CALL_EXISTS:
			call->result = access(call->argument, F_OK) == 0 ? 1 : errno == ENOENT || errno == ENOTDIR ? 0 : -1;
			break;
		}
		/* close is never repeated: the descriptor is gone even when it says EINTR (close(2)) */
	} while (call->result < 0 && errno == EINTR && call->kind != CALL_CLOSE);
	if (call->result < 0) call->result = -errno;
}

/* Fills in what an ioctl needs: a number, or a structure, in which pointers to further memory are set.
 * pointers: [offset, target, offset, target, ...] */
static int read_argument(napi_env env, napi_value argument, napi_value pointers, struct call *call,
						 bool hold) {
	if (is_undefined(env, argument)) return 0;
	size_t length;
	uint8_t *data = get_array(env, argument, &length);
	if (data == NULL) {
		double number = 0;
		if (napi_get_value_double(env, argument, &number) != napi_ok) return -EINVAL;
		call->argument = (void *)(uintptr_t)number;
		return 0;
	}
	call->argument = data;
	if (hold) napi_create_reference(env, argument, 1, &call->held[call->held_count++]);
	uint32_t count = 0;
	if (is_undefined(env, pointers)) return 0;
	napi_get_array_length(env, pointers, &count);
	if (count > 2 * MAX_POINTERS) return -EINVAL;
	for (uint32_t i = 0; i + 1 < count; i += 2) {
		napi_value offset_value, target;
		size_t target_length;
		napi_get_element(env, pointers, i, &offset_value);
		napi_get_element(env, pointers, i + 1, &target);
		void *address = get_array(env, target, &target_length);
		uint32_t offset = get_uint(env, offset_value);
		if (address == NULL || offset + sizeof address > length) return -EINVAL;
		memcpy(data + offset, &address, sizeof address);
		if (hold) napi_create_reference(env, target, 1, &call->held[call->held_count++]);
	}
	return 0;
}

/* ioctl(fd, request, argument, pointers): the ioctl's result */
static napi_value js_ioctl(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	struct call call = {.kind = CALL_IOCTL, .fd = get_int(env, argv[0]), .request = get_uint(env, argv[1])};
	int error = read_argument(env, argv[2], argv[3], &call, false);
	if (error < 0) return make_int(env, error);
	perform(&call);
	return make_int(env, (int32_t)call.result);
}

static void execute(napi_env env, void *data) {
	(void)env;
	perform(data);
}

static void complete(napi_env env, napi_status status, void *data) {
	struct call *call = data;
	if (status == napi_cancelled) call->result = -ECANCELED;
	napi_resolve_deferred(env, call->deferred, make_int(env, (int32_t)call->result));
	for (int i = 0; i < call->held_count; i++) napi_delete_reference(env, call->held[i]);
	napi_delete_async_work(env, call->work);
	free(call);
}

/* blocking(kind, fd, request, argument, pointers): Promise of the result, from a thread of the pool; or -ENOMEM */
static napi_value js_blocking(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS], promise, name;
	arguments(env, info, argv);
	struct call *call = calloc(1, sizeof *call);
	if (call == NULL) return make_int(env, -ENOMEM);
	napi_create_promise(env, &call->deferred, &promise);
	call->kind = get_int(env, argv[0]);
	call->fd = get_int(env, argv[1]);
	call->request = get_uint(env, argv[2]);
	int error = read_argument(env, argv[3], argv[4], call, true);
	if (error < 0) {
		napi_resolve_deferred(env, call->deferred, make_int(env, error));
		for (int i = 0; i < call->held_count; i++) napi_delete_reference(env, call->held[i]);
		free(call);
		return promise;
	}
	napi_create_string_utf8(env, "devhost", NAPI_AUTO_LENGTH, &name);
	napi_create_async_work(env, NULL, name, execute, complete, call, &call->work);
	napi_queue_async_work(env, call->work);
	return promise;
}

/* Calls that one thread of the pool makes one after another: one way there and back for all of them. */
struct batch {
	int32_t *results;
	int count;
	napi_async_work work;
	napi_deferred deferred;
	napi_ref held[2]; /* the numbers, to which results are written, and the array of structures */
	struct call calls[];
};

static void execute_batch(napi_env env, void *data) {
	(void)env;
	struct batch *batch = data;
	for (int i = 0; i < batch->count; i++) {
		perform(&batch->calls[i]);
		batch->results[i * 3] = (int32_t)batch->calls[i].result;
	}
}

static void complete_batch(napi_env env, napi_status status, void *data) {
	struct batch *batch = data;
	for (int i = 0; status == napi_cancelled && i < batch->count; i++) batch->results[i * 3] = -ECANCELED;
	napi_resolve_deferred(env, batch->deferred, make_int(env, batch->count));
	for (int i = 0; i < 2; i++) napi_delete_reference(env, batch->held[i]);
	napi_delete_async_work(env, batch->work);
	free(batch);
}

/* blockingBatch(calls: Int32Array of (kind, fd, request), structures: (Uint8Array | undefined)[]): Promise of the count
 *
 * Every call is made, whatever became of those before. Each one's result takes the place of its kind.
 */
static napi_value js_blocking_batch(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS], promise, name;
	arguments(env, info, argv);
	size_t length;
	int32_t *numbers = get_array(env, argv[0], &length);
	int count = (int)(length / 3);
	struct batch *batch = calloc(1, sizeof *batch + (size_t)count * sizeof *batch->calls);
	if (numbers == NULL || batch == NULL) {
		free(batch);
		napi_throw_error(env, NULL, "blockingBatch: no calls, or no memory");
		return NULL;
	}
	batch->results = numbers;
	batch->count = count;
	for (int i = 0; i < count; i++) {
		struct call *call = &batch->calls[i];
		napi_value structure;
		call->kind = numbers[i * 3];
		call->fd = numbers[i * 3 + 1];
		call->request = (uint32_t)numbers[i * 3 + 2];
		napi_get_element(env, argv[1], (uint32_t)i, &structure);
		call->argument = get_array(env, structure, &length);
	}
	napi_create_promise(env, &batch->deferred, &promise);
	for (int i = 0; i < 2; i++) napi_create_reference(env, argv[i], 1, &batch->held[i]);
	napi_create_string_utf8(env, "devhost", NAPI_AUTO_LENGTH, &name);
	napi_create_async_work(env, NULL, name, execute_batch, complete_batch, batch, &batch->work);
	napi_queue_async_work(env, batch->work);
	return promise;
}

void define_blocking(napi_env env, napi_value exports) {
	define_function(env, exports, "ioctl", js_ioctl);
	define_function(env, exports, "blocking", js_blocking);
	define_function(env, exports, "blockingBatch", js_blocking_batch);
}
