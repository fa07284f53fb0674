#!/usr/bin/env python3
"""Holds the tree to its layout: who may include what.

  layout_test.py TREE      says each include that the layout forbids, and ends with 1 if there is one
  layout_test.py --self    shows that each rule finds what it forbids
"""

import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.MULTILINE)

# Folder: the folders of ours that its files may include, besides their own.
MAY_INCLUDE = {
    "proto": [],
    "sdk": [],
    "readers": ["sdk"],
    "plugins": ["sdk"],
    "ui": ["sdk"],
    "authority": ["sdk"],
    "host": ["sdk"],
    "tests": ["sdk", "host", "authority"],
}
# In these each folder below is a program of its own, and none includes another's files.
APART = ["readers", "plugins", "ui"]
# ThreadSanitizer must see these whole: nothing of gRPC, however far down.
WITHOUT_GRPC = ["host/check", "host/card"]


def includes(path):
    for bracket, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        yield bracket, name


def sources(tree, folder):
    for path in sorted((tree / folder).rglob("*")):
        if path.suffix in (".h", ".cc", ".cpp", ".c") and path.is_file():
            yield path


def forbidden_neighbours(tree):
    for folder, allowed in MAY_INCLUDE.items():
        for path in sources(tree, folder):
            own = path.relative_to(tree)
            for _, name in includes(path):
                top = name.split("/")[0]
                if top not in MAY_INCLUDE or "/" not in name:
                    continue
                if top == folder:
                    if folder in APART and name.split("/")[1] != own.parts[1]:
                        yield f"{own}: includes {name}, of another program"
                elif top not in allowed:
                    yield f"{own}: includes {name}, of {top}/"


def is_grpc(name):
    return name.startswith(("grpc/", "grpcpp/", "grpc++/")) or ".grpc.pb." in name


def grpc_below(tree):
    for folder in WITHOUT_GRPC:
        for path in sources(tree, folder):
            seen, waiting = set(), [path]
            while waiting:
                at = waiting.pop()
                if at in seen:
                    continue
                seen.add(at)
                for _, name in includes(at):
                    if is_grpc(name):
                        yield f"{path.relative_to(tree)}: {at.relative_to(tree)} includes {name}"
                    elif (tree / name).is_file():
                        waiting.append(tree / name)


def faults(tree):
    return list(forbidden_neighbours(tree)) + list(grpc_below(tree))


def self_test():
    cases = [
        ("readers/pcsc/a.cc", '#include "host/check/check.h"', True),
        ("readers/pcsc/a.cc", '#include "readers/virtual/b.h"', True),
        ("readers/pcsc/a.cc", '#include "readers/pcsc/b.h"', False),
        ("readers/pcsc/a.cc", '#include "sdk/plugin/reader.h"', False),
        ("readers/pcsc/a.cc", '#include "madoguchi/reader/v1/reader.pb.h"', False),
        ("plugins/policy_pin/a.cc", '#include "plugins/policy_visual/b.h"', True),
        ("plugins/policy_pin/a.cc", '  #  include "authority/store/b.h"', True),
        ("ui/terminal/a.h", "#include <host/desk/house.h>", True),
        ("sdk/plugin/a.h", '#include "host/loader/process.h"', True),
        ("sdk/plugin/a.h", '#include "readers/pcsc/b.h"', True),
        ("sdk/plugin/a.h", '#include "tests/clinic/clinic.h"', True),
        ("authority/store/a.h", '#include "host/config.h"', True),
        ("host/desk/a.h", '#include "ui/terminal/b.h"', True),
        ("host/desk/a.h", "#include <grpcpp/server.h>", False),
        ("host/check/a.h", "#include <grpcpp/server.h>", True),
        ("host/check/a.h", '#include "madoguchi/desk/v1/desk.grpc.pb.h"', True),
        ("tests/flows/a.cc", '#include "host/config.h"', False),
    ]
    wrong = 0
    for name, line, found in cases:
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            path = tree / name
            path.parent.mkdir(parents=True)
            path.write_text(f"// A file.\n{line}\n", encoding="utf-8")
            if bool(faults(tree)) != found:
                print(f"{name}: {line}: {'found nothing' if found else faults(tree)}")
                wrong += 1
    # Through another file of ours.
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        for name, text in (("host/check/a.h", '#include "sdk/b.h"\n'),
                           ("sdk/b.h", "#include <grpcpp/channel.h>\n")):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text, encoding="utf-8")
        if not faults(tree):
            print("gRPC two files down: found nothing")
            wrong += 1
    return wrong


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    if sys.argv[1] == "--self":
        return 1 if self_test() else 0
    tree = pathlib.Path(sys.argv[1])
    looked_at = sum(1 for folder in MAY_INCLUDE for _ in sources(tree, folder))
    found = faults(tree)
    for fault in found:
        print(fault)
    print(f"{looked_at} files, {len(found)} forbidden includes")
    return 1 if found or looked_at < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
