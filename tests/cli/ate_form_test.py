# SPDX-License-Identifier: MIT OR Apache-2.0
"""The form that all commands share: usage, exit statuses, streams, --json, help."""
import json
import os
import re
import signal

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
    assert "ate name" in line
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
