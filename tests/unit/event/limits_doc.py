#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""docs/format/limits.md against the headers.

limits_doc.py SOURCE_ROOT

Every row that names a constant must have its value, and every constant of the layers' limits.h that
are named in WHOLE must have a row.
"""
import pathlib
import re
import sys

WHOLE = ("event", "net", "chain", "dio", "mesh", "api")
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def constants(paths):
    """Values of the enumerators, which are sums, products and shifts of numbers and of others."""
    found = {}
    for path in paths:
        text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
        for body in re.findall(r"\benum\b[^{;]*\{(.*?)\}", text, re.S):
            for name, value in re.findall(r"\b(ATE__\w+)\s*=\s*([^,}]*)", body):
                names = set(re.findall(r"[A-Za-z_]\w*", value)) - {"x"}
                plain = re.fullmatch(r"[\w\s()+*<-]+", value) and names <= found.keys()
                if plain or re.fullmatch(r"\s*\d+\s*", value):
                    found[name] = eval(f"({value})", {"__builtins__": {}}, dict(found))
    return found


def value_of(cell):
    """"8 MiB", "1,024" or a sum of such; None if it is prose."""
    total, sign = 0, 1
    for part in re.split(r" ([+-]) ", cell):
        if part in ("+", "-"):
            sign = 1 if part == "+" else -1
            continue
        match = re.fullmatch(r"([\d,]+)(?: (KiB|MiB|GiB))?", part)
        if not match:
            return None
        total += sign * int(match[1].replace(",", "")) * UNITS.get(match[2], 1)
    return total


def main(root):
    headers = sorted((root / "src").glob("*/*.h"))
    values = constants(headers)
    rows, problems = {}, []
    for line in (root / "docs/format/limits.md").read_text().splitlines():
        match = re.fullmatch(r"\| .* \| (.*?) \| `(\w+)` \|", line)
        if match:
            rows[match[2]] = value_of(match[1])
    for name, value in rows.items():
        if name not in values:
            problems.append(f"{name}: no such constant")
        elif value != values[name]:
            problems.append(f"{name}: {value} in the table, {values[name]} in the header")
    own = constants([root / f"src/{layer}/limits.h" for layer in WHOLE])
    problems += [f"{name}: not in the table" for name in own if name not in rows]
    for problem in problems:
        print("docs/format/limits.md:", problem)
    print(len(rows), "limits")
    return 1 if problems or not own else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
