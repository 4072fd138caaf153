/* The kernel's key retention service, keyrings(7): three system calls that libc does not know. */
#include "binding.h"

#include <sys/syscall.h>
#include <unistd.h>

#define KEYCTL_ARGUMENTS 4

/* addKey(type, description, payload, keyring): the key's id */
static napi_value js_add_key(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	size_t length;
	char *type = get_string(env, argv[0]), *description = get_string(env, argv[1]);
	void *payload = get_array(env, argv[2], &length);
	napi_value result = make_int(env, -EINVAL);
	if (type != NULL && description != NULL)
		result = make_result(env, syscall(__NR_add_key, type, description, length == 0 ? NULL : payload, length,
										  (long)get_int(env, argv[3])));
	free(type);
	free(description);
	return result;
}

/* requestKey(type, description): the key's id; no program is started to make a key that is not there */
static napi_value js_request_key(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	char *type = get_string(env, argv[0]), *description = get_string(env, argv[1]);
	napi_value result = make_int(env, -EINVAL);
	if (type != NULL && description != NULL)
		result = make_result(env, syscall(__NR_request_key, type, description, NULL, 0L));
	free(type);
	free(description);
	return result;
}

/* keyctl(operation, …): the operation's result. Of a typed array its memory is passed, of a string a copy. */
static napi_value js_keyctl(napi_env env, napi_callback_info info) {
	napi_value argv[MAX_ARGUMENTS];
	arguments(env, info, argv);
	long values[KEYCTL_ARGUMENTS] = {0};
	char *strings[KEYCTL_ARGUMENTS] = {NULL};
	bool valid = true;
	for (int i = 0; i < KEYCTL_ARGUMENTS; i++) {
		napi_valuetype type = napi_undefined;
		size_t length;
		napi_typeof(env, argv[i + 1], &type);
		if (type == napi_number) values[i] = get_int(env, argv[i + 1]);
		else if (type == napi_object) values[i] = (long)get_array(env, argv[i + 1], &length);
		else if (type == napi_string) {
			strings[i] = get_string(env, argv[i + 1]);
			values[i] = (long)strings[i];
			valid = valid && strings[i] != NULL;
		}
	}
	napi_value result = make_int(env, -EINVAL);
	if (valid)
		result = make_result(env, syscall(__NR_keyctl, (long)get_int(env, argv[0]), values[0], values[1], values[2],
										  values[3]));
	for (int i = 0; i < KEYCTL_ARGUMENTS; i++) free(strings[i]);
	return result;
}

void define_keyring(napi_env env, napi_value exports) {
	define_function(env, exports, "addKey", js_add_key);
	define_function(env, exports, "requestKey", js_request_key);
	define_function(env, exports, "keyctl", js_keyctl);
}
