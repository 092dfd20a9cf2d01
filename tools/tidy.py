#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What docs/STYLE.md asks for and a program can see, as a test.

tidy.py [ROOT]   prints file:line: sentence for each violation; status 1 if there is one.

The clang-format check needs clang-format-19; where it is missing, the last line says so.
"""
import fnmatch
import pathlib
import re
import shutil
import subprocess
import sys

from ctext import blank, line_of

LINE_MAX, FUNCTION_MAX, FILE_MAX = 100, 70, 800

# Folders whose files are data, or made.
SKIPPED = ["build/*", ".git/*", "tests/vectors/*", "tests/fuzz/corpus/*", "*/__pycache__/*"]

# src/L/m.c is tested by tests/unit/L/m_test.c, and so are its parts m_x.c, unless they have their
# own. What is tested by neither: the file (or folder) that tests it instead.
TESTED_BY = {
    "src/api/error.c": "tests/unit/api/chain_test.c",
    "src/api/files.c": "tests/unit/api/memory_test.c",
    "src/api/handle.c": "tests/unit/api/chain_test.c",
    "src/api/history.c": "tests/unit/api/chain_test.c",
    "src/api/session.c": "tests/unit/api/chain_test.c",
    "src/api/verify.c": "tests/unit/api/chain_test.c",
    "src/base/clock_posix.c": "tests/unit/base/env_real_test.c",
    "src/base/rng_os.c": "tests/unit/base/env_real_test.c",
    "src/bin/ate/*.c": "tests/cli",
    "src/bin/atedb/*.c": "tests/cli",
    "src/net/identify.c": "tests/dns/dns_test.py",
}

# In parts, so that looking for these words does not find this list.
LEFTOVERS = re.compile(
    r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK", "for" " now", "place" "holder",
                       "not" " implemented", "st" "ub"]) + r")\b")

# A section of a document that is not in the tree. docs/STYLE.md has no numbered sections.
FOREIGN = re.compile(r"\b(LO" r"G|TRUS" r"T|DESIG" r"N|STYL" r"E)(\.md)? [0-9]+")

BANNED = {
    "strcpy": "snprintf or memcpy", "strcat": "struct ate__buf", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "strncpy": "memcpy", "strncat": "struct ate__buf", "gets": "fgets",
    "alloca": "the heap", "atoi": "a parser that checks", "atol": "a parser that checks",
    "atoll": "a parser that checks", "atof": "a parser that checks", "strtok": "struct ate__rd",
    "rand": "struct ate__env", "srand": "struct ate__env", "random": "struct ate__env",
    "system": "posix_spawn", "popen": "posix_spawn", "tmpnam": "mkstemp", "mktemp": "mkstemp",
    "bzero": "memset, or ate__wipe for a secret",
}
# In src/, except in the files named.
BANNED_IN_LIBRARY = {
    ("malloc", "calloc", "realloc", "free", "strdup", "strndup", "aligned_alloc"):
        ("base/alloc.h", ["src/base/alloc*.c"]),
    ("printf", "puts", "putchar", "perror"):
        ("only programs write to the terminal", ["src/bin/*", "src/base/assert.c"]),
    ("abort", "exit", "_exit", "_Exit"):
        ("only a failed assertion ends the process", ["src/bin/*", "src/base/*.c"]),
    ("assert",): ("ate__assert, which stays on", []),
}

CODE = ("*.c", "*.h", "*.cpp")
TEXT = CODE + ("*.py", "*.sh", "*.build", "*.in", "Makefile", "meson_options.txt", "scripts/*",
               "bench/run", ".ci/run", ".clang-*")


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, p) or fnmatch.fnmatch(path.split("/")[-1], p)
               for p in patterns)


class Tree:
    """The files of a source tree by their relative paths, read once."""

    def __init__(self, root):
        self.root = root
        self.problems = []
        self.text = {}
        self.paths = []
        for file in sorted(root.rglob("*")):
            path = file.relative_to(root).as_posix()
            if file.is_file() and not any(fnmatch.fnmatch(path, s) for s in SKIPPED):
                self.paths.append(path)

    def read(self, path):
        if path not in self.text:
            try:
                self.text[path] = (self.root / path).read_bytes().decode()
            except UnicodeDecodeError:
                self.text[path] = ""
                self.report(path, 1, "is not UTF-8")
        return self.text[path]

    def report(self, path, line, sentence):
        self.problems.append((path, line, sentence))

    def code(self):
        return [p for p in self.paths if matches(p, CODE)]


def check_text(tree):
    for path in tree.paths:
        if not matches(path, TEXT + ("*.md", "*.txt")) or path.startswith("LICENSE"):
            continue
        text = tree.read(path)
        lines = text.split("\n")
        if text and not text.endswith("\n"):
            tree.report(path, len(lines), "no newline at the end")
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                tree.report(path, number, "blanks at the end of the line")
            if "\t" in line and not path.endswith("Makefile"):
                tree.report(path, number, "a tab")
            if LEFTOVERS.search(line):
                tree.report(path, number, f'a leftover word: "{LEFTOVERS.search(line).group(0)}"')
            if FOREIGN.search(line) and path != "docs/STYLE.md":
                tree.report(path, number, f'"{FOREIGN.search(line).group(0)}" is no section of a '
                            "document that is here: name the file below docs/")
            if matches(path, TEXT) and len(line) > LINE_MAX:
                tree.report(path, number, f"{len(line)} columns; {LINE_MAX} is the most")
        spdx = "SPDX-License-Identifier: MIT OR Apache-2.0"
        if matches(path, TEXT) and spdx not in "\n".join(lines[:3]):
            tree.report(path, 1, "no SPDX line")
        if matches(path, CODE) and len(lines) - 1 > FILE_MAX:
            tree.report(path, 1, f"{len(lines) - 1} lines; {FILE_MAX} is the most")


def check_code(tree):
    for path in tree.code():
        text = tree.read(path)
        if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
            tree.report(path, 1, "no #pragma once")
        bare = blank(text, strings=True)
        if path.endswith((".c", ".h")):
            for match in re.finditer(r"//", blank_comments_c(text)):
                tree.report(path, line_of(text, match.start()), "a // comment")
            for match in re.finditer(r"^typedef\s+struct\b", bare, re.M):
                tree.report(path, line_of(bare, match.start()), "a typedef of a struct")
        for match in re.finditer(r"(?<![\w.>])(\w+)\s*\(", bare):
            sentence = banned(path, match.group(1))
            if sentence:
                tree.report(path, line_of(bare, match.start()), f"{match.group(1)}(): {sentence}")
        check_functions(tree, path, bare)


def blank_comments_c(text):
    """Blanks strings and /* */ comments, so that // stands out."""
    pattern = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/'
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)


def banned(path, name):
    if name in BANNED:
        return f"use {BANNED[name]}"
    if path.startswith("src/"):
        for names, (instead, files) in BANNED_IN_LIBRARY.items():
            if name in names and not any(fnmatch.fnmatch(path, f) for f in files):
                return instead
    return None


def check_functions(tree, path, bare):
    """A function's body stands between a { and a } in the first column; clang-format sees to it."""
    start, name = None, ""
    for number, line in enumerate(bare.split("\n"), 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}"):
            if start and number - start + 1 > FUNCTION_MAX:
                tree.report(path, start, f"{name}() has {number - start + 1} lines; "
                            f"{FUNCTION_MAX} is the most")
            start = None
        elif start and re.match(r"[ \t]*#[ \t]*(if|ifdef|ifndef|else|elif)\b", line):
            tree.report(path, number, "an #if inside a function: swap files, or probe a feature")
        elif not start and re.match(r"\w.*\(", line):
            name = re.match(r".*?(\w+)\s*\(", line).group(1)


def check_built(tree):
    """Every C file is named in the meson.build of its folder or of one above, or in a script of its
    folder; every header is included."""
    builds = {p: tree.read(p) for p in tree.paths if p.endswith("meson.build")}
    scripts = {p: tree.read(p) for p in tree.paths if p.endswith(".sh")}
    included = set()
    for path in tree.code():
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', tree.read(path),
                                 re.M):
            included.add(match.group(1).split("/")[-1])
    for path in tree.code():
        name = path.split("/")[-1]
        if path.endswith(".h"):
            if name not in included and not path.startswith("include/"):
                tree.report(path, 1, "no file includes it")
            continue
        folder = pathlib.PurePosixPath(path).parent
        above = [str(f / "meson.build") for f in (folder, *folder.parents)]
        said = " ".join(builds[a] for a in above if a in builds)
        if any(name in text for p, text in scripts.items() if p.startswith(f"{folder}/")):
            continue  # a script builds it
        names = [f"{name}'"]
        if name.endswith("_test.c"):
            names.append(f"'{folder.name}/{name[:-len('_test.c')]}'")
        if name.endswith("_fuzz.c"):
            names.append(f"'{name[:-len('_fuzz.c')]}'")
        if not any(n in said for n in names):
            tree.report(path, 1, "in no meson.build: a dead file")


def check_tested(tree):
    paths = set(tree.paths)
    used = set()
    for path in tree.code():
        if not path.startswith("src/") or not path.endswith(".c"):
            continue
        layer, words = path.split("/")[1], path.split("/")[-1][:-2].split("_")
        own = f"tests/unit/{layer}/{'_'.join(words)}_test.c"
        whole = [f"tests/unit/{layer}/{'_'.join(words[:n])}_test.c" for n in range(1, len(words))]
        rows = [row for row in TESTED_BY if fnmatch.fnmatch(path, row)]
        used.update(rows)
        if paths.intersection([own, *whole]):
            for row in rows:
                if "*" not in row:
                    tree.report(path, 1, "has its test, and needs no row in TESTED_BY")
        elif not rows:
            tree.report(path, 1, f"no {own}")
    for row, instead in TESTED_BY.items():
        if "*" not in row and "tools/tidy.py" in paths and row not in used:
            tree.report("tools/tidy.py", 1, f"TESTED_BY names {row}, which does not exist")
        if row in used and not any(p == instead or p.startswith(instead + "/") for p in paths):
            tree.report("tools/tidy.py", 1, f"TESTED_BY: {instead} does not exist")


def check_format(tree):
    """Returns what to say about the check itself."""
    tool = shutil.which("clang-format-19")
    files = tree.code()
    if not tool:
        return ", clang-format-19 is not here: the format was not checked"
    if not files or ".clang-format" not in tree.paths:
        return ""
    out = subprocess.run([tool, "--dry-run", "--ferror-limit=1", *files], cwd=tree.root, text=True,
                         stderr=subprocess.PIPE, check=False).stderr
    for match in re.finditer(r"^([^\s:][^:\n]*):(\d+):\d+: \w+: code should be clang-f", out, re.M):
        tree.report(match.group(1), int(match.group(2)), "not as clang-format has it: make fmt")
    return ""


def main(args):
    tree = Tree(pathlib.Path(args[0] if args else ".").resolve())
    check_text(tree)
    check_code(tree)
    check_built(tree)
    check_tested(tree)
    note = check_format(tree)
    for path, line, sentence in sorted(tree.problems):
        print(f"{path}:{line}: {sentence}")
    print(f"tidy: {len(tree.paths)} files, {len(tree.problems)} violations{note}")
    return 1 if tree.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
