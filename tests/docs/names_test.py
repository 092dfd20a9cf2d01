#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the commands of docs/ACCEPTANCE.md that are for a person name, is there: tests and suites,
goals of make, scripts and other files. So are the tests in the README's table of promises, and in
that of docs/TESTING.md which says what must hold.

names_test.py BUILD SOURCE
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys


def commands(text):
    """The commands of the ```sh blocks, as words, with the line of each."""
    for block in re.finditer(r"^```sh\n(.*?)^```$", text, re.M | re.S):
        line = text.count("\n", 0, block.start(1)) + 1
        for row in block.group(1).replace("\\\n", "  ").split("\n"):
            for part in re.split(r"\s(?:&&|\|\||\|)\s|;\s", row):
                words = shlex.split(part, comments=True)
                words = words[1:] if words[:1] == ["time"] else words
                if words and not re.match(r"\w+\(\)$", words[0]):
                    yield line, words
            line += 1


def tests_of(build):
    """Names and suites that Meson knows in this build."""
    text = subprocess.run(["meson", "introspect", "--tests", build], check=True, text=True,
                          capture_output=True).stdout
    tests = json.loads(text)
    return ({t["name"] for t in tests},
            {s.split(":")[-1] for t in tests for s in t["suite"]})


def release_tests(source):
    """Those that only a release build has, which is another directory."""
    text = "".join(p.read_text() for p in sorted(source.glob("tests/*/meson.build")))
    return {name for name, body in re.findall(r"test\('([\w.-]+)',(.*?)\n *\)", text + "\n)", re.S)
            if "suite: 'release'" in body}


def missing_tests(words, names, suites):
    wanted = iter(words)
    for word in wanted:
        if word == "--suite":
            suite = next(wanted)
            if suite not in suites:
                yield f"no suite {suite}"
        elif not word.startswith("-") and word not in names:
            yield f"no test {word}"


def missing_goals(words, source):
    goals = set(re.findall(r"^([a-z]+):", (source / "Makefile").read_text(), re.M))
    for word in words:
        if re.fullmatch(r"[a-z]+", word) and word not in goals:
            yield f"no goal {word}"


def wrong_of(words, build_tests, releases, source):
    if words[0] == "t":
        yield from missing_tests(words[1:], *build_tests)
    elif words[0] == "r":
        yield from missing_tests(words[1:], releases, {"release"} if releases else set())
    elif words[0] == "make":
        yield from missing_goals(words[1:], source)
    for word in words:
        path = re.match(r"(?:\.ci|docs|scripts|tools|bench|examples|tests)/[\w./-]*", word)
        if path and words[0] not in ("t", "r") and not (source / path[0]).exists():
            yield f"no file {path[0]}"


def promises(text, head):
    """The rows of a table: what is said, and the tests that show it."""
    table = text.split(f"| {head} | shown by |\n|---|---|\n")[1].split("\n\n")[0]
    for row in table.split("\n"):
        _, promise, tests, _ = row.split("|")
        yield promise.strip(), tests.strip().split(", ")


def main(build, source):
    source = pathlib.Path(source)
    text = (source / "docs/ACCEPTANCE.md").read_text()
    found = list(commands(text))
    known = tests_of(build), release_tests(source)
    wrong = [f"docs/ACCEPTANCE.md:{line}: {what}" for line, words in found
             for what in wrong_of(words, *known, source)]
    for page, head, least in (("README.md", "promise", 10), ("docs/TESTING.md", "must hold", 23)):
        kept = list(promises((source / page).read_text(), head))
        wrong += [f"{page}: {promise}: no test {name}" for promise, names in kept
                  for name in names if name not in known[0][0]]
        if len(kept) < least:
            wrong.append(f"{page}: only {len(kept)} rows were found")
    # It finds what it is to find.
    for planted in (["t", "none"], ["t", "--suite", "none"], ["r", "none"], ["make", "none"],
                    ["scripts/none"]):
        if not list(wrong_of(planted, *known, source)):
            wrong.append(f"not noticed: {planted}")
    if len(found) < 30 or sum(words[0] == "t" for _, words in found) < 20:
        wrong.append(f"only {len(found)} commands were found")
    print(*wrong, f"{len(found)} commands, {len(wrong)} wrong", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.pop("MESON_TEST_ITERATION", None)
    sys.exit(main(*sys.argv[1:]))
