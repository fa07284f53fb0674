#!/usr/bin/env python3
"""Holds the contracts (proto/) to proto/buf.yaml.

  contracts_test.py lint              the style of the contracts
  contracts_test.py breaking          nothing that was released is broken
  contracts_test.py --self            shows that both find what they forbid
  contracts_test.py release [--broken]  writes proto/released/v1.binpb anew (see its README)

buf itself is an npm package (@bufbuild/buf; here the program alone), pinned in package-lock.json;
`tools/setup contracts` puts it into build/buf. Without it the tests are skipped (status 77).
"""

import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
MACHINE = {"x86_64": "x64"}.get(platform.machine(), platform.machine())
BUF = TREE / f"build/buf/node_modules/@bufbuild/buf-linux-{MACHINE}/bin/buf"
IMAGE = "released/v1.binpb"
SKIPPED = 77


def buf(*arguments):
    """Runs buf and returns its status and what it said. It reads local files alone."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run([BUF, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60, check=False, encoding="utf-8",
                              env={"HOME": cache})
    return done.returncode, done.stdout


def lint(contracts):
    return buf("lint", contracts)


def breaking(contracts, image):
    return buf("breaking", contracts, "--against", image)


def said(result):
    status, text = result
    print(text, end="")
    return 1 if status else 0


# A file of the contracts, what stands there, what a careless hand makes of it, and the rule that
# must find it; None: nothing is wrong with the change.
READER, POLICY = "madoguchi/reader/v1/reader.proto", "madoguchi/policy/v1/policy.proto"
BREAKING = [
    (READER, "  bool pin_pad = 7;\n", "", "FIELD_NO_DELETE"),
    (READER, "bool pin_pad = 7;", "bool pin_pad = 99;", "FIELD_NO_DELETE"),
    (READER, "bool pin_pad = 7;", "bool has_pin_pad = 7;", "FIELD_SAME_NAME"),
    (READER, "bool pin_pad = 7;", "uint32 pin_pad = 7;", "FIELD_SAME_TYPE"),
    (READER, "repeated bytes command = 2;", "bytes command = 2;", "FIELD_SAME_CARDINALITY"),
    (READER, "  PRESENCE_UNPOWERED = 3;", "  PRESENCE_UNPOWERED = 4;", "ENUM_VALUE_NO_DELETE"),
    (READER, "  rpc Close(CloseRequest) returns (CloseReply);\n", "", "RPC_NO_DELETE"),
    (READER, "returns (stream Snapshot)", "returns (Snapshot)", "RPC_SAME_SERVER_STREAMING"),
    (POLICY, "package madoguchi.policy.v1;", "package madoguchi.policy.v2;", "PACKAGE_NO_DELETE"),
    (READER, "bool pin_pad = 7;", "bool pin_pad = 7;\n  bool light = 99;", None),
]
LINT = [
    (READER, "  bool pin_pad = 7;", "  bool pinPad = 7;", "FIELD_LOWER_SNAKE_CASE"),
    (READER, "  PRESENCE_ABSENT = 1;", "  ABSENT = 1;", "ENUM_VALUE_PREFIX"),
    (READER, "  // Sends the commands as they are.", "  rpc Again(OpenRequest) returns (OpenReply);\n"
     "  // Sends the commands as they are.", "RPC_REQUEST_RESPONSE_UNIQUE"),
    (POLICY, "package madoguchi.policy.v1;", "package madoguchi.policy;", "PACKAGE_VERSION_SUFFIX"),
    (POLICY, "message Finish {}", "message Finish {}\nmessage Unsaid {}", None),
]


def finds(judge, file, old, new, rule):
    """Whether `judge` names `rule`, and nothing where there is none, in contracts so changed."""
    with tempfile.TemporaryDirectory() as folder:
        contracts = pathlib.Path(folder) / "proto"
        shutil.copytree(TREE / "proto", contracts)
        path = contracts / file
        text = path.read_text(encoding="utf-8")
        if rule and text.count(old) == 0:
            print(f"{file} has no {old!r} any more: this test needs another example")
            return False
        path.write_text(text.replace(old, new), encoding="utf-8")
        status, text = judge(contracts)
        if (status == 0) == (rule is None) and (rule is None or f"({rule})" in text or rule in text):
            return True
        print(f"{file}: {old!r} -> {new!r}: expected {rule or 'nothing'}, found:\n{text}")
        return False


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        # Against the contracts as they stand: what was released last may lack the examples.
        image = pathlib.Path(folder) / "now.binpb"
        if said(buf("build", TREE / "proto", "--exclude-source-info", "-o", image)):
            return 1
        wrong = sum(not finds(lambda at: buf("breaking", at, "--against", image, "--error-format", "json"), *case)
                    for case in BREAKING)
    wrong += sum(not finds(lambda at: buf("lint", at, "--error-format", "json"), *case) for case in LINT)
    print(f"{len(BREAKING) + len(LINT)} changes, {wrong} judged wrongly")
    return 1 if wrong else 0


def release(broken):
    image = TREE / "proto" / IMAGE
    if image.exists() and not broken and said(breaking(TREE / "proto", image)):
        print("The contracts break what was released: see proto/released/README.md.")
        return 1
    return said(buf("build", TREE / "proto", "--exclude-source-info", "-o", image))


def main():
    if not BUF.exists():
        print("buf is not installed, so the contracts are not looked at: run tools/setup contracts "
              "where npm reaches its registry")
        return SKIPPED
    match sys.argv[1:]:
        case ["lint"]:
            return said(lint(TREE / "proto"))
        case ["breaking"]:
            return said(breaking(TREE / "proto", TREE / "proto" / IMAGE))
        case ["--self"]:
            return self_test()
        case ["release"] | ["release", "--broken"]:
            return release(len(sys.argv) == 3)
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main())
