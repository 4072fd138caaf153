"""A device or mount module of osbuild's kind, with the standard library only, that does what its options say. The program that
runs it has put this folder into Python's path."""
import fcntl
import json
import os
import struct
import subprocess
import sys
import threading
import time

from osbuild_peer import Service, send_packet, text_file


def bind(path):
    """The ioctls' numbers and struct loop_config: linux/loop.h."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    control = os.open("/dev/loop-control", os.O_RDWR)
    for _ in range(20):
        minor = fcntl.ioctl(control, 0x4C82)  # LOOP_CTL_GET_FREE
        loop = os.open(f"/dev/loop{minor}", os.O_RDWR | os.O_CLOEXEC)
        autoclear = 4
        config = struct.pack("=II5Q4I160x2Q64x", file, 512, 0, 0, 0, 0, 0, 0, 0, 0, autoclear, 0, 0)
        try:
            fcntl.ioctl(loop, 0x4C0A, config)  # LOOP_CONFIGURE
            return loop, minor
        except OSError:
            os.close(loop)  # somebody else was quicker
    raise RuntimeError("no loop device")


class Module(Service):
    options = {}
    loop = None
    mapping = None
    mountpoint = None

    def do_open(self, args, fds, how):
        self.options = args["options"]
        print("opening", flush=True)
        return self.answer(getattr(self, "open_" + self.options.get("do", "loop"))(args, how))

    def answer(self, value):
        later = self.options.get("later")
        if later is not None:
            threading.Timer(0.1, self.later, [later]).start()
        if value is None:
            return None
        return value[0], value[1:]

    def later(self, what):
        if what == "exit":
            print("this is the end", flush=True)
            os._exit(7)
        if what == "again":
            self.reply("again")

    def open_loop(self, args, how):
        self.loop, minor = bind(os.path.join(args["tree"], self.options["filename"]))
        name = f"loop{minor}"
        node = os.path.join(args["dev"], name)
        if self.options.get("node") == "file":
            os.close(os.open(node, os.O_CREAT))
        elif self.options.get("node") == "other":
            os.mknod(node, 0o600 | 0o060000, os.makedev(7, 1000))
        elif self.options.get("node") != "none":
            os.mknod(node, 0o600 | 0o060000, os.makedev(7, minor))
        if self.options.get("number", True):
            return [{"path": name, "node": {"major": 7, "minor": minor}, "name": "a loop"}]
        return [{"path": name}]

    def open_mapping(self, args, how):
        """The device beneath once more, by device-mapper."""
        parent = f"/dev/{args['parent']}"
        sectors = subprocess.run(["blockdev", "--getsz", parent], check=True, capture_output=True, text=True).stdout.strip()
        self.mapping = f"osbuild-test-{os.getpid()}"
        subprocess.run(["dmsetup", "create", self.mapping, "--table", f"0 {sectors} linear {parent} 0"], check=True)
        numbers = subprocess.run(["dmsetup", "info", "-c", "--noheadings", "--separator", ":", "-o", "major,minor", self.mapping], check=True, capture_output=True, text=True).stdout
        major, minor = map(int, numbers.split(":"))
        os.makedirs(os.path.join(args["dev"], "mapper"), exist_ok=True)
        try:
            os.mknod(os.path.join(args["dev"], "mapper", self.mapping), 0o600 | 0o060000, os.makedev(major, minor))
        except FileExistsError:
            pass  # as osbuild's own: dmsetup may have made it
        return [{"path": f"mapper/{self.mapping}", "node": {"major": major, "minor": minor}, "name": self.mapping}]

    def open_tell(self, args, how):
        """Fails with what it was called with."""
        raise RuntimeError(json.dumps({"args": args, "how": how, "id": self.name, "argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(), "fds": len(os.listdir("/proc/self/fd"))}))

    def open_answer(self, args, how):
        return [self.options["answer"]]

    def open_raise(self, args, how):
        raise FileNotFoundError(2, self.options["text"])

    def open_say(self, args, how):
        raise RuntimeError(self.options["text"] * self.options.get("times", 1))

    def open_long(self, args, how):
        """Answers a device with much beside it, and says how it was asked."""
        value, = self.open_loop(args, how)
        return [{**value, "how": how, "text": "x" * self.options["length"], "got": len(self.options.get("padding", ""))}]

    def open_signals(self, args, how):
        for value in ["one", {"progress": 2}, None, "three", 4]:
            fd = text_file("file")
            self.signal(value, [fd])
            os.close(fd)
        return self.open_loop(args, how)

    def open_descriptors(self, args, how):
        """Answers with descriptors that nobody asked for."""
        value, = self.open_loop(args, how)
        return [value, *(text_file("file") for _ in range(self.options["count"]))]

    def open_send(self, args, how):
        """Sends packets as they are, and then opens the device, unless that was enough."""
        for packet in self.options["packets"]:
            fds = [text_file("x") for _ in range(packet.get("fds", 0))]
            send_packet(self.sock, packet["text"].encode() * packet.get("times", 1), fds)
            for fd in fds:
                os.close(fd)
        return self.open_loop(args, how) if self.options.get("opens") else None

    def open_never(self, args, how):
        subprocess.run(["sleep", "7171"], check=False)

    def open_exit(self, args, how):
        print("last words", flush=True)
        os._exit(self.options.get("code", 3))

    def open_twice(self, args, how):
        value, = self.open_loop(args, how)
        self.reply(value)
        return [value]

    def open_print(self, args, how):
        for i in range(1000):
            os.write(1, b"line %d \xff\n" % i)
        os.write(2, b"on stderr, without an end")
        return self.open_loop(args, how)

    def open_nothing(self, args, how):
        return [None]

    def do_close(self, args, fds, how):
        closing = self.options.get("close")
        print("asked to close", flush=True)
        if closing == "unknown":
            error = type("ProtocolError", (Exception,), {})
            raise error("Unknown method")
        if closing == "raise":
            raise PermissionError("it is stuck")
        if closing == "exit":
            print("no more", flush=True)
            os._exit(9)
        if closing == "never":
            time.sleep(1000)
        self.release()
        return None, []

    def release(self):
        if self.options.get("keep"):
            return
        if self.loop is not None:
            os.close(self.loop)
            self.loop = None
        if self.mapping is not None:
            subprocess.run(["dmsetup", "remove", self.mapping], check=True)
            self.mapping = None
        if self.mountpoint is not None:
            subprocess.run(["umount", self.mountpoint], check=True)
            self.mountpoint = None

    def stop(self):
        stopping = self.options.get("stop")
        if stopping == "exit":
            os._exit(5)
        if stopping == "never":
            time.sleep(1000)
        if stopping == "raise":
            raise RuntimeError("could not stop")
        self.release()
        print("stopped", flush=True)
        os._exit(0)

    def do_mount(self, args, fds, how):
        self.options = args["options"]
        what = self.options.get("do", "mount")
        if what == "tell":
            return self.open_tell(args, how)
        if what == "answer":
            return [self.options["answer"], []]
        if what == "never":
            return self.open_never(args, how)
        target = os.path.join(args["root"], (args["target"] or "").lstrip("/"))
        os.makedirs(target, exist_ok=True)
        if args["source"] is None:
            subprocess.run(["mount", "-t", "tmpfs", "none", target], check=True)
        else:
            subprocess.run(["mount", args["source"], target], check=True)
        self.mountpoint = target
        return target, []


def main():
    at = sys.argv.index("--service-fd")
    Module(sys.argv[sys.argv.index("--service-id") + 1], int(sys.argv[at + 1])).main()


main()
