#!/bin/bash
# Boots User Mode Linux the simple way, with a shell as its first program, and prints how many milliseconds that took to a
# command's first output. What a guest of @devhost/appliance is compared with.
set -euo pipefail
state=$(mktemp -d "${TMPDIR:-/tmp}/uml.XXXXXX")
trap 'rm -rf "$state"' EXIT
{
	printf '#!/bin/bash\n'
	printf 'export PATH=%q HOME=/root TERM=dumb\n' "$PATH"
	printf 'mount -t proc proc /proc; mount -t sysfs sys /sys; mountpoint -q /dev || mount -t devtmpfs dev /dev\n'
	printf 'mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t tmpfs run /run\n'
	printf 'mkdir -p /run/m/lib/modules; ln -s /usr/lib/uml/modules/$(uname -r) /run/m/lib/modules/$(uname -r)\n'
	printf 'printf "#!/bin/sh\\nexec /sbin/modprobe -d /run/m \\"\\$@\\"\\n" >/run/modprobe; chmod +x /run/modprobe\n'
	printf 'echo /run/modprobe >/proc/sys/kernel/modprobe\n'
	printf 'for m in loop dm-mod cbc dm-crypt; do /run/modprobe -q $m; done\n'
	printf 'date +%%s%%N >%q; sync\n' "$state/time"
	printf 'exec /sbin/halt -f\n'
} >"$state/init"
chmod +x "$state/init"
start=$(date +%s%N)
HOME=$state linux.uml mem=2G root=/dev/root rootfstype=hostfs rootflags=/ rw quiet loglevel=0 \
	init="$state/init" con=null con0=null,fd:1 uml_dir="$state" </dev/null >/dev/null 2>&1 || true
echo $((($(cat "$state/time") - start) / 1000000))
