#!/usr/bin/env python3
"""osbuild's own managers of services, devices and mounts, used as its pipeline uses them.

Its standard input says which executables to start: {"dev", "tree", "root", "devices": [{"name", "program", "type", "parent",
"options"}], "mounts": [{"name", "program", "type", "source", "target", "partition", "options"}], "run": [ARGUMENT...]}.
Opens the devices, mounts, runs the program; closes all, last first. Needs osbuild in PYTHONPATH, and nothing else.
"""
import json
import subprocess
import sys
from types import SimpleNamespace

from osbuild import devices, host, mounts


class Log:
    def __init__(self):
        self.lines = []

    def log(self, message, origin=None):
        self.lines.append(message.rstrip("\n"))


def info(described):
    return SimpleNamespace(name=described["type"], path=described["program"])


def main():
    job = json.load(sys.stdin)
    log = Log()
    made = {}
    result = {"devices": {}, "mounts": {}}
    with host.ServiceManager(monitor=log) as manager:
        opened = devices.DeviceManager(manager, job["dev"], job["tree"])
        for each in job["devices"]:
            parent = made.get(each.get("parent"))
            device = devices.Device(each["name"], info(each), parent, each["options"])
            made[each["name"]] = device
            result["devices"][each["name"]] = opened.open(device)
        mounted = mounts.MountManager(opened, job["root"])
        for each in job.get("mounts", []):
            source = made.get(each.get("source"))
            options = each.get("options", {})
            mount = mounts.Mount(each["name"], info(each), source, each.get("partition"), each["target"], options)
            result["mounts"][each["name"]] = mounted.mount(mount)
        ran = subprocess.run(job["run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        result["ran"] = {"status": ran.returncode, "output": ran.stdout.decode()}
    result["log"] = log.lines
    print(json.dumps(result))


main()
