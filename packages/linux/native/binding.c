#include "binding.h"

char *get_string(napi_env env, napi_value value) {
	size_t length = 0;
	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
	char *text = malloc(length + 1);
	if (text == NULL) return NULL;
	napi_get_value_string_utf8(env, value, text, length + 1, &length);
	if (strlen(text) == length) return text;
	free(text);
	return NULL;
}

void define_function(napi_env env, napi_value exports, const char *name, napi_callback function) {
	napi_value value;
	napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value);
	napi_set_named_property(env, exports, name, value);
}

NAPI_MODULE_INIT() {
	define_sockets(env, exports);
	define_files(env, exports);
	define_processes(env, exports);
	define_poll(env, exports);
	define_blocking(env, exports);
	define_keyring(env, exports);
	define_mounts(env, exports);
	return exports;
}
