/* Readiness of a descriptor through the event loop: one uv_poll_t each, no thread, no busy polling. */
#include "binding.h"

#include <uv.h>

struct poller {
	uv_poll_t handle;
	napi_env env;
	napi_ref receiver;
	napi_ref callback;
	napi_async_context context;
	napi_async_cleanup_hook_handle hook;
	bool closing;
};

static void release(struct poller *poller) {
	napi_delete_reference(poller->env, poller->receiver);
	napi_delete_reference(poller->env, poller->callback);
	napi_async_destroy(poller->env, poller->context);
	napi_remove_async_cleanup_hook(poller->hook);
	free(poller);
}

static void on_closed(uv_handle_t *handle) {
	struct poller *poller = handle->data;
	napi_handle_scope scope;
	napi_open_handle_scope(poller->env, &scope);
	napi_env env = poller->env;
	release(poller);
	napi_close_handle_scope(env, scope);
}

static void start_closing(struct poller *poller) {
	if (poller->closing) return;
	poller->closing = true;
	uv_close((uv_handle_t *)&poller->handle, on_closed);
}

/* The environment (a worker, say) ends with the poller still open. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
	(void)hook;
	start_closing(data);
}

static void on_events(uv_poll_t *handle, int status, int events) {
	struct poller *poller = handle->data;
	napi_env env = poller->env;
	napi_handle_scope scope;
	napi_open_handle_scope(env, &scope);
	napi_value receiver, callback, result, argv[2];
	napi_get_reference_value(env, poller->receiver, &receiver);
	napi_get_reference_value(env, poller->callback, &callback);
	argv[0] = make_int(env, events);
	argv[1] = make_int(env, status);
	if (napi_make_callback(env, poller->context, receiver, callback, 2, argv, &result) ==
		napi_pending_exception) {
		/* An exception in the callback takes the way of every uncaught exception; it must not vanish here. */
		napi_value error;
		napi_get_and_clear_last_exception(env, &error);
		napi_fatal_exception(env, error);
	}
	napi_close_handle_scope(env, scope);
}

/* pollOpen(fd, callback(events, status), receiver): an external, or -errno */
static napi_value js_poll_open(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS], external, name;
	arguments(env, info, argv);
	struct poller *poller = calloc(1, sizeof *poller);
	uv_loop_t *loop;
	if (poller == NULL) return make_int(env, -ENOMEM);
	napi_get_uv_event_loop(env, &loop);
	int error = uv_poll_init(loop, &poller->handle, get_int(env, argv[0]));
	if (error < 0) {
		free(poller);
		return make_int(env, error);
	}
	poller->env = env;
	poller->handle.data = poller;
	napi_create_reference(env, argv[1], 1, &poller->callback);
	napi_create_reference(env, argv[2], 1, &poller->receiver);
	napi_create_string_utf8(env, "devhost", NAPI_AUTO_LENGTH, &name);
	napi_async_init(env, argv[2], name, &poller->context);
	napi_add_async_cleanup_hook(env, on_cleanup, poller, &poller->hook);
	napi_create_external(env, poller, NULL, NULL, &external);
	return external;
}

static struct poller *get_poller(napi_env env, napi_value value) {
	void *poller = NULL;
	napi_get_value_external(env, value, &poller);
	return poller;
}

/* pollSet(poller, events): 0 */
static napi_value js_poll_set(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	struct poller *poller = get_poller(env, argv[0]);
	int events = get_int(env, argv[1]);
	return make_int(env, events == 0 ? uv_poll_stop(&poller->handle)
									 : uv_poll_start(&poller->handle, events, on_events));
}

/* pollRef(poller, keepAlive) */
static napi_value js_poll_ref(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	struct poller *poller = get_poller(env, argv[0]);
	if (get_int(env, argv[1])) uv_ref((uv_handle_t *)&poller->handle);
	else uv_unref((uv_handle_t *)&poller->handle);
	return NULL;
}

/* pollClose(poller): no callback comes after it; the descriptor may be closed at once. The external is dead then. */
static napi_value js_poll_close(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	struct poller *poller = get_poller(env, argv[0]);
	uv_poll_stop(&poller->handle);
	start_closing(poller);
	return NULL;
}

void define_poll(napi_env env, napi_value exports) {
	define_function(env, exports, "pollOpen", js_poll_open);
	define_function(env, exports, "pollSet", js_poll_set);
	define_function(env, exports, "pollRef", js_poll_ref);
	define_function(env, exports, "pollClose", js_poll_close);
}
