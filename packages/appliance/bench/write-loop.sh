# write-loop.sh FILE: writes 256 MiB through a loop device on FILE to its disk, and prints how many seconds that took.
set -e
rm -f "$1"
truncate -s 256M "$1"
loop=$(losetup --find --show "$1")
start=$(date +%s%N)
dd if=/dev/zero of="$loop" bs=1M count=256 conv=fsync 2>/dev/null
end=$(date +%s%N)
losetup -d "$loop"
echo "$(((end - start) / 1000000))" | awk '{ print $1 / 1000 }'
