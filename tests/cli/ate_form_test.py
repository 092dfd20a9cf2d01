# SPDX-License-Identifier: MIT OR Apache-2.0
"""The form that all commands share: usage, exit statuses, streams, --json, help."""
import json
import os
import pathlib
import re
import signal

from tree import ordinary
from world import PATIENCE_S, main, pipe_full

COMMANDS = ["key", "put", "get", "rm", "mv", "ls", "watch", "log", "verify", "import", "export",
            "name"]


def test_help(w):
    text = w.ate("--help").out.decode()
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", text, re.M), command
        own = w.ate(command, "--help").out.decode()
        assert own.startswith(f"ate {command}"), own
        examples = [line for line in own.splitlines() if line.startswith("  ") and "ate " in line]
        assert len(examples) >= 2, (command, own)
        assert all(len(line) <= 100 for line in own.splitlines()), command
        assert w.ate("help", command).out.decode() == own
        assert w.ate(command, "x", "-h").out.decode() == own
    assert w.ate("help").out.decode() == text
    assert list(w.dir.iterdir()) == [w.home] and list(w.home.iterdir()) == []


def test_version(w):
    assert re.fullmatch(r"ate \d+\.\d+\.\d+\n", w.ate("--version").out.decode())


def test_usage(w):
    for words in ([], ["prove", "notes"], ["bench"], ["history", "notes"], ["--json", "get"],
                  ["put"], ["put", "notes"], ["put", "notes", "x", "y", "z"], ["get", "notes"],
                  ["mv", "notes", "x"], ["ls"], ["verify"], ["verify", "a", "b"], ["import", "n"],
                  ["export", "n"], ["key"], ["get", "notes", "x", "--nothing"],
                  ["get", "notes", "x", "--if", "1"], ["put", "notes", "x", "1", "--if"],
                  ["put", "notes", "x", "1", "--if", "x"], ["put", "notes", "x", "1", "--if=-1"],
                  ["get", "notes", "x", "--timeout", "0"], ["get", "notes", "x", "--timeout", "1x"],
                  ["get", "notes", "x", "--color", "x"], ["get", "notes", "x", "--progress", "x"],
                  ["get", "notes", "x", "-k", ""], ["log", "notes", "-n", "0"],
                  ["log", "notes", "--since", "99999999999999999999"], ["put", "notes", "x", "-5"],
                  ["get", "notes", "x", "--json=yes"], ["get", "", "x"],
                  ["key", "show", *["-k", "x"]], ["name", "--remove"], ["name", "a", "b", "c"]):
        r = w.ate(*words, status=2)
        assert r.out == b"" and r.err.startswith(b"ate: "), r
        assert len(r.err.splitlines()) == 1 and b"MISUSE: " in r.err, r
    assert b"did you mean import?" in w.ate("improt", status=2).err
    assert b"did you mean --verbose?" in w.ate("get", "a", "b", "--verbos", status=2).err
    assert b'"--" goes before' in w.ate("put", "notes", "x", "-5", status=2).err
    assert list(w.dir.iterdir()) == [w.home]


def test_usage_as_json(w):
    for words in (["get", "notes", "--json"], ["put", "notes", "x", "--nothing", "--json"]):
        r = w.ate(*words, status=2)
        assert json.loads(r.out)["exit"] == 2 and r.err == b"", r


def test_options_anywhere(w):
    w.key()
    w.ate("put", "--if-absent", "notes", "x", "--json", "1", "-q")
    assert w.ate("get", "--json", "notes", "x").object()["value"] == "1"
    assert w.ate("get", "notes", "--json", "x").object()["value"] == "1"
    r = w.ate("put", "-qv", "other", "x", "1")
    assert r.err == b"" and r.out == b"", r


def test_quiet_and_verbose(w):
    w.key()
    assert w.ate("put", "notes", "x", "1", "-q").err == b""
    assert w.ate("put", "notes", "x", "1").err == b""
    assert w.ate("put", "notes", "x", "1", "-v").err == b"ate: sequence 3, durable\n"
    assert w.ate("get", "notes", "y", "-q", status=1).err != b"", "errors are always said"


def test_closed_and_full_outputs(w):
    w.key()
    w.ate("put", "notes", "x", "1")
    for words in ("get notes x", "ls notes", "log notes", "verify notes", "get notes x --json"):
        r = w.run("sh", "-c", f"exec ate {words} >/dev/full", status=8)
        assert b"E_NO_SPACE" in r.err, r
        w.run("sh", "-c", f"exec ate {words} >&- 2>&-", status=None)
        w.run("sh", "-c", f"exec ate {words} <&- >&- 2>/dev/null", status=None)
    # A file of ours never takes the place of a closed descriptor.
    w.run("sh", "-c", "exec ate put notes y 2 >&- 2>&-")
    assert b"all holds" in w.ate("verify", "notes").out


def test_closed_stdin_and_stdout(w):
    """Nothing comes from a closed stdin, and nothing arrives at a closed stdout: neither is taken
    for an empty value, or for done."""
    w.key()
    w.ate("put", "notes", "x", "1")
    for words in ("put notes x", "put notes x -", "put notes x @-"):
        r = w.run("sh", "-c", f"exec ate {words} <&-", status=8)
        assert b"E_SYSTEM: stdin: read" in r.err and len(r.err.splitlines()) == 1, r
    assert w.ate("get", "notes", "x").out == b"1"
    for words in ("get notes x", "ls notes", "log notes", "verify notes", "get notes x --json",
                  "watch notes --since 0 --count 1", "get notes none --json", "--help", "--version",
                  "key show"):
        for where in (">&-", ">/dev/full"):
            r = w.run("sh", "-c", f"exec ate {words} {where}", status=8)
            assert b"stdout: write" in r.err and len(r.err.splitlines()) == 1, r
    w.run("sh", "-c", "exec ate put notes x 2 >&- <&-")
    assert w.ate("get", "notes", "x").out == b"2"


def test_files_that_may_not_grow(w):
    """A limit of the shell's is an error, not the end by a signal, and leaves no half of a file."""
    w.key()
    w.ate("put", "notes", "x", stdin=b"x" * 100000)
    r = w.run("bash", "-c", "ulimit -f 20; exec ate get notes x -o out", status=8)
    assert b"File too large" in r.err and len(r.err.splitlines()) == 1, r
    assert sorted(p.name for p in w.dir.iterdir()) == ["home", "notes"]


def test_no_home(w):
    """Reading needs no home; what needs a key says how to name one."""
    w.key()
    w.ate("put", "notes", "open", "x", "--public")
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    key = str(w.home / ".config/ate/key")
    for home in ({"HOME": ""}, {"HOME": "not/absolute"}):
        assert w.ate("get", "notes", "open", "--root", root, env=home).out == b"x"
        assert b"all holds" in w.ate("verify", "notes", "--root", root, env=home).out
        line = w.refused(3, "NO_KEY", "put", "notes", "y", "1", env=home)
        assert "--key FILE" in line, line
        w.ate("put", "notes", "y", "1", "-k", key, env=home)
        assert "set HOME" in w.refused(8, "E_SYSTEM", "key", "new", env=home)
        w.refused(8, "E_SYSTEM", "name", "x", env=home)
    user = ordinary(w)
    if user is None:
        return
    shut = w.path("shut")
    shut.mkdir(0o755)
    for words in (["key", "new"], ["name", "x", "tcp://h/p#pin=" + "A" * 43]):
        r = w.refused(8, "E_SYSTEM", *words, env={"HOME": str(shut)}, user=user)
        assert "Permission denied" in r, r
    assert list(shut.iterdir()) == []
    # Chains can be read, but what was seen is not remembered, and that is said.
    r = w.ate("get", "notes", "open", "--root", root, env={"HOME": str(shut)}, user=user)
    assert r.out == b"x" and len(r.err.splitlines()) == 1, r
    said = b"notes: what was seen of it is not remembered, because ~/.local/state/ate/heads"
    assert said in r.err, r
    r = w.ate("get", "notes", "open", "--root", root, "-q", env={"HOME": str(shut)}, user=user)
    assert r.out == b"x" and r.err == b"", r


def test_what_is_no_chain(w):
    w.key()
    w.file("file")
    for words in (["get", "file", "x"], ["put", "file", "x", "1"], ["ls", "/dev/null"],
                  ["verify", "file"], ["export", "file", "out"]):
        assert "a chain is one" in w.refused(2, "MISUSE", *words)
    w.ate("put", "notes", "x", "1")
    for words in (["get", "notes", "x", "--mirror", "m"], ["ls", "notes", "--mirror", "auto"],
                  ["export", "notes", "out", "--mirror", "m"]):
        assert "--mirror" in w.refused(2, "MISUSE", *words)
    assert "@" in w.refused(2, "MISUSE", "put", "notes", "x", "@")
    assert not w.path("m").exists() and not w.path("out").exists()


def test_hostile_words(w):
    """No word reaches a terminal with control characters in it, wherever it was given."""
    w.key()
    w.ate("put", "notes", "x", "1")
    bad = "a\x1b[31m\nb\u202ec\x7f"
    w.path("folder" + bad).mkdir()
    w.file("file" + bad, b"x" * 100000)
    os.chmod(w.path("file" + bad), 0o600)
    for words in (["get", "notes", bad], ["get", bad, "x"], ["put", bad, "x", "1"], [bad],
                  ["-k" + bad], ["get", "notes", "x", "-k", bad], ["get", "notes", "x", "--" + bad],
                  ["get", "notes", "x", "-k", "folder" + bad],
                  ["get", "notes", "x", "-k", "file" + bad],
                  ["get", "notes", "x", "--root", "folder" + bad],
                  ["get", "notes", "x", "--root", "file" + bad],
                  ["key", "show", "folder" + bad], ["key", "show", "file" + bad],
                  ["get", "notes", "x", "--at", bad], ["get", "notes", "x", "--timeout", bad],
                  ["get", "notes", "x", "-o", "none/" + bad], ["put", "notes", "x", "@" + bad],
                  ["name", bad, "tcp://h/p"], ["name", "w", "tcp://h/" + bad],
                  ["get", "@" + bad, "x"],
                  ["get", f"tcp://{bad}/x", "x"], ["get", f"tcp://h/x#{bad}=1", "x"],
                  ["import", "notes", bad], ["export", "notes", f"none/{bad}"],
                  ["key", "new", "k", "--label", bad], ["get", "notes", "x", "--color", bad]):
        r = w.ate(*words, status=None)
        text = r.err.decode()
        assert r.status not in (0, 8) or "none/" in "".join(words), r
        assert len(text.splitlines()) == 1 and text.endswith("\n") and not r.out, r
        assert not any(c < " " or c in "\x7f\u202e" for c in text[:-1]), (words, text)


def test_reader_goes_away(w):
    w.key()
    w.ate("put", "notes", "x", stdin=b"x" * (8 << 20))
    process = w.popen("ate", "get", "notes", "x", stdout=__import__("subprocess").PIPE,
                      stderr=__import__("subprocess").PIPE)
    pipe_full(process.stdout.fileno())
    process.stdout.read(1)
    process.stdout.close()
    assert process.wait(PATIENCE_S) == -signal.SIGPIPE
    assert process.stderr.read() == b""
    process.stderr.close()


def test_interrupted(w):
    """130, one line, and no half of a file behind."""
    w.key()
    w.ate("put", "notes", "x", "1")
    read, write = os.pipe()
    process = w.popen("ate", "put", "notes", "y", stdin=read,
                      stderr=__import__("subprocess").PIPE)
    os.close(read)
    os.write(write, b"begun")
    watch = w.popen("ate", "watch", "notes", "-v", stderr=__import__("subprocess").PIPE,
                    stdout=__import__("subprocess").DEVNULL)
    assert b"watching" in watch.stderr.readline()
    for p in (process, watch):
        p.send_signal(signal.SIGINT)
        status = p.wait(PATIENCE_S)
        assert status in (130, -signal.SIGINT), status
        p.stderr.close()
    os.close(write)
    assert w.ate("ls", "notes").lines() == ["x"]


def test_ends_by_signal_as_the_pages_say(w):
    w.key()
    w.ate("put", "notes", "x", "1")
    ends = {}
    for number in signal.SIGHUP, signal.SIGINT, signal.SIGTERM:
        watch = w.popen("ate", "watch", "notes", "-v", stderr=__import__("subprocess").PIPE)
        assert b"watching" in watch.stderr.readline()
        watch.send_signal(number)
        ends[str(watch.wait(PATIENCE_S))] = number.name
        assert watch.stderr.read() == b"\nate: interrupted\n"
        watch.stderr.close()
    for page in "ate.1", "ate.7":
        text = (pathlib.Path(__file__).parents[2] / "docs/man" / page).read_text()
        said = dict(re.findall(r"^\.It (1\d\d)\n.*\b(SIG[A-Z]+)", text, re.M))
        assert said == ends, (page, said, ends)
    told = re.search(r"this machine; (\d+), (\d+), (\d+) ended by (\w+), (\w+), (\w+)\.",
                     " ".join(w.ate("--help").out.decode().split()))
    assert dict(zip(told.groups()[:3], told.groups()[3:])) == ends, told


def test_names_of_addresses(w):
    pin = "A" * 43
    address = f"tcp://127.0.0.1:5000/example.com/joe/notes#pin={pin}"
    w.ate("name", "work", address)
    w.ate("name", "@home", address.replace("joe", "ann"))
    assert w.ate("name", "work").out.decode() == address + "\n"
    assert w.ate("name", "--json").objects() == [
        {"name": "home", "address": address.replace("joe", "ann")},
        {"name": "work", "address": address}]
    assert [line.split()[0] for line in w.ate("name").lines()] == ["@home", "@work"]
    w.ate("name", "work", "--remove")
    w.refused(1, "NOT_FOUND", "name", "work")
    w.refused(1, "NOT_FOUND", "name", "work", "--remove")
    line = w.refused(1, "NOT_FOUND", "get", "@work", "x")
    assert line.endswith(": no such name: @work (make it with: ate name work ADDRESS)"), line
    for bad in ("tcp://", "http://x/y", address + ",colour=red", address[:-1], "x", "",
                "tcp://h:99999/a#pin=" + pin, "tcp://h/a#pin=" + "!" * 43, "tcp://" + "h" * 5000):
        w.refused(7, "MALFORMED", "name", "bad", bad) if len(bad) < 4000 else w.ate(
            "name", "bad", bad, status=7)
    for bad in ("a b", "a/b", "x" * 65, "", "@"):
        w.refused(7, "MALFORMED", "name", bad, address)
    config = w.home / ".config/ate/config"
    config.write_text("name only\n")
    w.refused(7, "MALFORMED", "name")
    config.write_bytes(b"\xff" * 1000)
    w.refused(7, "MALFORMED", "get", "@home", "x")


def test_progress(w):
    """Nothing of it on a pipe, nor in the first second."""
    w.key()
    r = w.ate("put", "notes", "x", stdin=b"x" * (4 << 20))
    assert len(r.err.splitlines()) == 1
    assert w.ate("get", "notes", "x", "--progress", "never", "-o", "out").err == b""


if __name__ == "__main__":
    main(__name__)
