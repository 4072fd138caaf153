/* What the files of this addon share: argument reading and the two conventions.
 *
 * 1. A call never throws for an errno: it returns the system call's result, or -errno. The typed functions in src/
 *    turn that into a SysError where the caller wants one; the hot paths (sendmsg, recvmsg, read) do not.
 * 2. No policy. Which ioctl, which mount, which limit is decided in TypeScript.
 */
#ifndef DEVHOST_LINUX_BINDING_H
#define DEVHOST_LINUX_BINDING_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 10

/* Reads the arguments of a call; missing ones are `undefined`. */
static inline void arguments(napi_env env, napi_callback_info info, napi_value *argv) {
	size_t argc = MAX_ARGUMENTS;
	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
}

static inline int32_t get_int(napi_env env, napi_value value) {
	int32_t result = 0;
	napi_get_value_int32(env, value, &result);
	return result;
}

static inline uint32_t get_uint(napi_env env, napi_value value) {
	uint32_t result = 0;
	napi_get_value_uint32(env, value, &result);
	return result;
}

static inline napi_value make_int(napi_env env, int32_t value) {
	napi_value result;
	napi_create_int32(env, value, &result);
	return result;
}

/* The result of a system call as this addon returns it: itself, or -errno. */
static inline napi_value make_result(napi_env env, long value) {
	return make_int(env, (int32_t)(value < 0 ? -errno : value));
}

static inline bool is_undefined(napi_env env, napi_value value) {
	napi_valuetype type = napi_undefined;
	napi_typeof(env, value, &type);
	return type == napi_undefined || type == napi_null;
}

/* The memory of a typed array, or NULL when the value is none. `length` is in elements. */
static inline void *get_array(napi_env env, napi_value value, size_t *length) {
	void *data = NULL;
	*length = 0;
	if (napi_get_typedarray_info(env, value, NULL, length, &data, NULL, NULL) != napi_ok) return NULL;
	return data;
}

/* A copy of a string, to be freed by the caller; NULL when the value is not a string, has a NUL in it (the kernel would
 * see another, shorter one) or memory is short. */
char *get_string(napi_env env, napi_value value);

void define_function(napi_env env, napi_value exports, const char *name, napi_callback function);

void define_sockets(napi_env env, napi_value exports);
void define_files(napi_env env, napi_value exports);
void define_processes(napi_env env, napi_value exports);
void define_poll(napi_env env, napi_value exports);
void define_blocking(napi_env env, napi_value exports);
void define_keyring(napi_env env, napi_value exports);
void define_mounts(napi_env env, napi_value exports);

#endif
