{
	"targets": [
		{
			"target_name": "devhost_linux",
			"sources": [
				"native/binding.c",
				"native/socket.c",
				"native/file.c",
				"native/process.c",
				"native/poll.c",
				"native/blocking.c",
				"native/keyring.c",
				"native/mount.c",
			],
			"cflags": ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden"],
			"ldflags": ["-Wl,-s"],
		},
		{
			"target_name": "exec-checked",
			"type": "executable",
			"sources": ["native/exec-checked.c"],
			"cflags!": ["-fPIC", "-pthread"],
			"cflags": [
				"-Os", "-Wall", "-Wextra", "-ffreestanding", "-fno-stack-protector", "-fno-builtin", "-fno-pie",
				"-fno-asynchronous-unwind-tables",
			],
			"ldflags!": ["-pthread", "-rdynamic"],
			"ldflags": ["-static", "-nostdlib", "-no-pie", "-Wl,--build-id=none", "-Wl,-s"],
			"libraries!": ["-lpthread"],
		},
		{
			"target_name": "keep-mapping",
			"type": "executable",
			"sources": ["native/keep-mapping.c"],
			"cflags!": ["-fPIC", "-pthread"],
			"cflags": [
				"-Os", "-Wall", "-Wextra", "-ffreestanding", "-fno-stack-protector", "-fno-builtin", "-fno-pie",
				"-fno-asynchronous-unwind-tables",
			],
			"ldflags!": ["-pthread", "-rdynamic"],
			"ldflags": ["-static", "-nostdlib", "-no-pie", "-Wl,--build-id=none", "-Wl,-s"],
			"libraries!": ["-lpthread"],
		},
	],
}
