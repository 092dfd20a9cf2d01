#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""ate(1), the help texts and the program know the same commands and the same options.

ate_page_test.py ATE PAGE OPTIONS

OPTIONS is the source file with the table of all options, so that none of them is forgotten by the
page and the help texts alike. Which command takes which of them, the program itself is asked.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ALL, CHAIN = "Options of every command", "Options of commands that take a CHAIN"


def run(ate, *words):
    with tempfile.TemporaryDirectory() as home:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ATE_"))}
        return subprocess.run([ate, *words], env={**keep, "HOME": home}, cwd=home, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=60)


def table_of(text):
    """The table of all options: long name -> letter, or None."""
    rows = re.findall(r'^    \{"([a-z-]+)", (?:\'(\w)\'|0), OPT_\w+, ', text, re.M)
    return {name: letter or None for name, letter in rows}


def page_options(text):
    """Section of the page -> its options, long name -> letter."""
    found = {}
    for title, body in re.findall(r"^\.Ss ([^\n]*)\n(.*?)(?=^\.S[sh] )", text, re.M | re.S):
        options = found.setdefault(title, {})
        for words in re.findall(r"^\.It Fl (.*)$", body, re.M):
            names = re.match(r"(?:(\w) , )?-([a-z-]+)", words)
            options[names[2]] = names[1]
        # Named in the text of another's row.
        for name in re.findall(r"^\.Fl -([a-z-]+)\nis the same\.$", body, re.M):
            options[name] = None
    return found


def help_options(text):
    """The options that a help text explains: a word in the text does not."""
    rows = "\n".join(re.findall(r"^ +(?:-\w,? |--).*$", text, re.M))
    return {name for name in re.findall(r"--([a-z-]+)", rows)} | {
        name for name in re.findall(r"\(--([a-z-]+) is the same\)", text)}


def takes(ate, command, option):
    result = run(ate, command, f"--{option}", "--help")
    return "no such option" not in result.stderr + result.stdout


def differences(what, one, other):
    return [f"{what}: {name}" for name in sorted(set(one) ^ set(other))]


def main(ate, page, options):
    ate = str(pathlib.Path(ate).resolve())
    text = pathlib.Path(page).read_text()
    table = table_of(pathlib.Path(options).read_text())
    sections = page_options(text)
    first = run(ate, "--help").stdout
    listed = first.split("Commands:")[1].split("\n\n")[0]
    commands = re.findall(r"^  ([a-z-]+) +[a-z]", listed, re.M)
    own = [s for s in sections if s not in (ALL, CHAIN)]
    wrong = differences("commands of the page and of --help", own, commands)
    wrong += differences("the table and the options of the page",
                         table, [n for s in sections.values() for n in s])
    for title, named in sections.items():
        wrong += [f"{title}: --{n} has the letter {table[n]}, not {letter}"
                  for n, letter in named.items() if n in table and table[n] != letter]
    for command in commands:
        accepted = {name for name in table if takes(ate, command, name)}
        common = set(sections[ALL]) | (set(sections[CHAIN]) if "mirror" in accepted else set())
        wrong += differences(f"{command}: the program and the page", accepted,
                             common | set(sections.get(command, {})))
        explained = help_options(run(ate, command, "--help").stdout)
        wrong += [f"{command} --help: --{n} is not taken" for n in explained - accepted]
        wrong += [f"{command} --help: --{n} is missing"
                  for n in accepted - explained - help_options(first)]
    if len(commands) < 12 or len(table) < 25:
        wrong.append(f"only {len(commands)} commands and {len(table)} options were found")
    print("\n".join(wrong), f"{len(commands)} commands, {len(table)} options, {len(wrong)} wrong",
          sep="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
