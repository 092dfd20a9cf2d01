#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the command blocks of a page and compares what they print.

blocks.py PROGRAMS PAGE...

A block is a ```console fence of a .md page, or a .Bd -literal display of a manual page whose first
line begins with "$ ". A line with "$ " is a command, those with "> " go on with it, all others are
what it prints (stdout and stderr as they come). "..." stands for any text within a line; alone on a
line, for any number of lines. All blocks of a page are run by one shell, one after the other, in a
new directory with a home of its own; PROGRAMS comes first in its PATH. A command has to succeed,
unless the page shows an error of a program, or asks for $? next.
"""
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 120
END = "--blocks--end--of--command--"


class Failed(Exception):
    pass


class Command:
    def __init__(self, line, text):
        self.line, self.text, self.shown = line, text, []

    def may_end(self, status, following):
        """With an error that the page shows; with anything, if the page asks."""
        shows_error = any(re.match(r"(ate|atedb): ", s) for s in self.shown)
        return status == 0 or (shows_error and status < 128) or (
            following is not None and "$?" in following.text)


def markdown_blocks(text):
    for match in re.finditer(r"^```console\n(.*?)^```$", text, re.M | re.S):
        yield text.count("\n", 0, match.start(1)) + 1, match.group(1).split("\n")[:-1]


def manual_blocks(text):
    for match in re.finditer(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", text, re.M | re.S):
        plain = re.sub(r"\\&", "", match.group(1)).replace("\\-", "-").replace("\\e", "\\")
        if plain.startswith("$ "):
            yield text.count("\n", 0, match.start(1)) + 1, plain.split("\n")[:-1]


def commands_of(page):
    text = page.read_text()
    blocks = markdown_blocks(text) if page.suffix == ".md" else manual_blocks(text)
    commands = []
    for first, lines in blocks:
        own = []
        for number, line in enumerate(lines, first):
            if line.startswith("$ "):
                own.append(Command(number, line[2:]))
            elif not own:
                raise Failed(f"{page}:{number}: the block begins with no command: {line}")
            elif line.startswith("> ") and not own[-1].shown:
                own[-1].text += "\n" + line[2:]
            else:
                own[-1].shown.append(line)
        commands += own
    return commands


def expression(shown):
    """A regular expression for the lines that a page shows."""
    parts = []
    for line in shown:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            text = ".*?".join(re.escape(p) for p in line.rstrip().split("..."))
            parts.append(text + r"[ \t]*\n")
    return "".join(parts)


class Shell:
    def __init__(self, programs):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ate-blocks-"))
        self.home = self.dir / "home"
        (self.home / "work").mkdir(parents=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ATE_"))}
        env |= {"HOME": str(self.home), "STATE_DIRECTORY": str(self.home / "state"),
                "PATH": f"{programs}:{os.environ['PATH']}",
                "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TZ": "UTC"}
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                                        cwd=self.home / "work", start_new_session=True)

    def run(self, text):
        """What the command printed, and its status."""
        script = (f"{{ {text}\n}} </dev/null\n"
                  f"blocks_s=$?; echo; echo {END} $blocks_s; (exit $blocks_s)\n")
        self.process.stdin.write(script.encode())
        self.process.stdin.flush()
        out, until = b"", time.monotonic() + PATIENCE_S
        end = re.compile(rb"\n" + END.encode() + rb" (\d+)\n$")
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Failed(f"it does not end: {text}\n{out.decode(errors='replace')}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise Failed(f"the shell ended: {text}\n{out.decode(errors='replace')}")
            out += piece
            match = end.search(out)
            if match:
                return out[:match.start()].decode(errors="backslashreplace"), int(match[1])

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def run_page(programs, page):
    """How many commands ran as the page says."""
    commands = commands_of(page)
    if not commands:
        raise Failed(f"{page}: there is no command on it")
    shell = Shell(programs)
    try:
        for command, following in zip(commands, [*commands[1:], None]):
            out, status = shell.run(command.text)
            lines = out.removesuffix("\n").split("\n") if out else []
            printed = "".join(line.rstrip() + "\n" for line in lines)
            if not re.fullmatch(expression(command.shown), printed):
                raise Failed(f"{page}:{command.line}: $ {command.text}\nshould print\n"
                             + "\n".join(command.shown) + f"\nbut printed\n{printed}")
            if not command.may_end(status, following):
                raise Failed(f"{page}:{command.line}: $ {command.text}\nended with {status}")
    finally:
        shell.close()
    return len(commands)


def main(args):
    programs = pathlib.Path(args[0]).resolve()
    failed = 0
    for name in args[1:]:
        try:
            print(f"{name}: {run_page(programs, pathlib.Path(name))} commands")
        except Failed as failure:
            failed += 1
            print(failure)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
