#!/usr/bin/env python3
"""osbuild's own opinion of the manifest on standard input: what its validation says, and what loading it raises.

Needs osbuild in PYTHONPATH, with what that needs. Its argument is osbuild's directory of modules.
"""
import json
import sys

from osbuild import meta


def main():
    index = meta.Index(sys.argv[1])
    opinion = {"errors": [], "raised": None}
    try:
        description = json.load(sys.stdin)
        described = index.detect_format_info(description)
        opinion["version"] = described.version
        result = described.module.validate(description, index)
        opinion["errors"] = [f"{error.id}: {error.message}" for error in result.errors]
        described.module.load(description, index)
    except Exception as error:  # whatever it is, it is what osbuild does
        opinion["raised"] = f"{type(error).__name__}: {error}"
    print(json.dumps(opinion))


main()
