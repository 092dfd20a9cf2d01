# SPDX-License-Identifier: MIT OR Apache-2.0
"""run.py REMOVED_C BUILD PROGRAM [ATTACK...]: every attack succeeds once its checks are taken out.

BUILD is a build directory, PROGRAM the attacks program in it, by its path there. The sources that
hold checks are copied, with each check asking whether it is taken out (attack_removed()), compiled
as compile_commands.json says, and linked in front of the archives into a program of their own.
Then, for each attack:

  with all of its checks taken out it succeeds;
  where it has several, it does not with any one of them left in;

and with nothing taken out every attack of that program is held off, which is looked at where none
is named. So none of these checks can be removed from the library unseen, and no attack stands here
that never was one. docs/THREATS.md lists them all.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checks import ATTACKS, CHECKS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HELD, SUCCEEDED, REFUSED = 0, 41, 42  # REFUSED: otherwise than documented
SECONDS = 60  # for one attack
ALL_SECONDS = 240  # for all of them
PRELUDE = '_Bool attack_removed(const char *check);\n#line 1 "{0}"\n'


def fail(text):
    print(f"attack: {text}", file=sys.stderr)
    sys.exit(1)


def sources():
    """File -> its text, with every check in it asking."""
    texts = {}
    for name, (file, old, new) in CHECKS.items():
        text = texts.get(file) or (ROOT / file).read_text()
        if (ROOT / file).read_text().count(old) != 1 or text.count(old) != 1:
            fail(f"{name}: the text of this check does not stand in {file} exactly once:\n{old}")
        texts[file] = text.replace(old, new.replace("REMOVED", f'attack_removed("{name}")'))
    return texts


def commands(build):
    """Absolute path of a source -> how it is compiled."""
    return {os.path.realpath(os.path.join(c["directory"], c["file"])): shlex.split(c["command"])
            for c in json.loads((build / "compile_commands.json").read_text())}


def compile_as(command, source, target, build):
    """The command of another source, for this one."""
    words, at = [], 0
    while at < len(command):
        if command[at] in ("-o", "-MQ", "-MF", "-c"):
            at += 1
        elif command[at] != "-MD":
            words.append(command[at])
        at += 1
    words += ["-o", str(target), "-c", str(source)]
    done = subprocess.run(words, cwd=build, capture_output=True, text=True)
    if done.returncode:
        fail(f"{source} does not compile:\n{done.stderr}")
    return target


def link(build, program, objects, target):
    ninja = shutil.which("ninja") or shutil.which("ninja-build") or fail("there is no ninja")
    lines = subprocess.run([ninja, "-C", str(build), "-t", "commands", "-s", program],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    words = shlex.split([line for line in lines if " -o " in line][-1])
    words[words.index("-o") + 1] = str(target)
    first = next(i for i, word in enumerate(words) if word.endswith(".a"))
    words[first:first] = [str(o) for o in objects]
    done = subprocess.run(words, cwd=build, capture_output=True, text=True)
    if done.returncode:
        fail(f"{program} does not link:\n{done.stderr}")


def make(build, program, work, pool):
    how = commands(build)
    jobs = []
    for file, text in sources().items():
        source = work / file
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(PRELUDE.format(file) + text)
        command = how[os.path.realpath(ROOT / file)]
        jobs.append(pool.submit(compile_as, command, source, source.with_suffix(".o"), build))
    command = how[str(HERE / "main.c")]
    jobs.append(pool.submit(compile_as, command, sys.argv[1], work / "removed.o", build))
    target = work / "mutants"
    link(build, program, [job.result() for job in jobs], target)
    return target


def check_page():
    """The table of the page, against ours."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .* \| (.*) \|$",
                      (ROOT / "docs/THREATS.md").read_text(), re.M)
    there = {name: tuple(re.findall(r"`([a-z0-9-]+)`", checks)) for name, checks in rows}
    if there != ATTACKS:
        fail(f"docs/THREATS.md says otherwise: {set(there.items()) ^ set(ATTACKS.items())}")


def run(mutants, removed, *arguments, seconds=SECONDS):
    """Status and output; no leaks are looked for, as an attack that succeeds ends anywhere."""
    env = dict(os.environ, ATTACK_REMOVED="".join(c + " " for c in removed))
    env["LLVM_PROFILE_FILE"] = "/dev/null"  # lines that only stand here are nobody's to count
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    try:
        done = subprocess.run([str(mutants), *arguments], env=env, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace")
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return "no end", str(late.stdout)


def judge(mutants, name):
    """What is wrong with this attack; empty if nothing is."""
    checks = ATTACKS[name]
    status, text = run(mutants, checks, name)
    if status != SUCCEEDED:
        return f"{name}: without {', '.join(checks)} it does not succeed ({status}):\n{text}"
    for left in checks if len(checks) > 1 else ():
        status, text = run(mutants, [c for c in checks if c != left], name)
        if status not in (HELD, REFUSED):
            return f"{name}: {left} alone does not hold it off ({status}):\n{text}"
    return ""


def main():
    build, program = Path(sys.argv[2]).resolve(), sys.argv[3]
    only = sys.argv[4:]
    check_page()
    with tempfile.TemporaryDirectory(prefix="ate-attack-") as name:
        with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            mutants = make(build, program, Path(name), pool)
            there = set(run(mutants, [], "--list")[1].split())
            if there != set(ATTACKS):
                fail(f"without a row in checks.py, or without an attack: {there ^ set(ATTACKS)}")
            unused = set(CHECKS) - {c for checks in ATTACKS.values() for c in checks}
            if unused:
                fail(f"checks that no attack is for: {unused}")
            whole = not only and pool.submit(run, mutants, [], seconds=ALL_SECONDS)
            wrong = [w for w in pool.map(lambda n: judge(mutants, n), only or ATTACKS) if w]
            status, text = whole.result() if whole else (HELD, "")
            if status != HELD:
                wrong.append(f"with nothing taken out not all is held off:\n{text}")
    print(f"{len(only or ATTACKS)} attacks, {len(CHECKS)} checks: {len(wrong)} wrong")
    if wrong:
        fail("\n".join(wrong))


main()
