#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The exported symbols of libate.so: one list, tests/abi/symbols.txt.

symbols.py map LIST                       prints the linker's version script
symbols.py check LIST LIBRARY INCLUDE     compares the list with what the library exports and with
                                          what the public headers declare as ATE_API or ATE_CALL
"""
import pathlib
import re
import subprocess
import sys


def listed(path):
    lines = (line.split("#")[0].strip() for line in pathlib.Path(path).read_text().splitlines())
    return [line for line in lines if line]


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    # The version itself appears as an absolute symbol.
    rows = (line.split() for line in out.splitlines())
    return {row[-1].split("@")[0] for row in rows if row[-2] != "A"}


def declared(include):
    found = set()
    for path in sorted(pathlib.Path(include).rglob("*.h")):
        text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", " ", text, flags=re.M)
        for match in re.finditer(r"\bATE_(?:API|CALL)\b([^;{]*)[;{]", text):
            names = re.findall(r"\b(ate_\w+)\s*(?:\(|$|\[|,)", match.group(1).strip())
            if names:
                found.add(names[0])
    return found


def check(path, library, include):
    names = listed(path)
    problems = []
    if names != sorted(set(names)):
        problems.append(f"{path}: the list is to be sorted and without repetition")
    problems += [f"{name}: not an ate_ name" for name in names if not name.startswith("ate_")]
    out, headers = exported(library), declared(include)
    problems += [f"{name}: listed, but not exported" for name in sorted(set(names) - out)]
    problems += [f"{name}: exported, but not listed" for name in sorted(out - set(names))]
    problems += [f"{name}: declared in {include}, but not listed"
                 for name in sorted(headers - set(names))]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def main(args):
    if len(args) == 2 and args[0] == "map":
        print("ATE_0 {")
        names = listed(args[1])
        if names:
            print("global:")
            print("".join(f"    {name};\n" for name in names), end="")
        print("local:\n    *;\n};")
        return 0
    if len(args) == 4 and args[0] == "check":
        return check(*args[1:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
