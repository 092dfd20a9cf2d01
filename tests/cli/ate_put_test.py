# SPDX-License-Identifier: MIT OR Apache-2.0
"""put and get: values of every size and kind, conditions, places."""
import hashlib
import os
import random

from world import main

MIB = 1 << 20


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


def info(w, name, chain="notes"):
    return w.ate("get", chain, name, "--json").object()


def test_values(w):
    w.key()
    w.ate("put", "notes", "argument", "a value")
    w.ate("put", "notes", "stdin", stdin=b"from stdin\n")
    w.ate("put", "notes", "dash", "-", stdin=b"dash")
    w.file("some file", b"of a file")
    w.ate("put", "notes", "file", "@some file")
    w.ate("put", "notes", "at-stdin", "@-", stdin=b"at")
    w.ate("put", "notes", "empty", "")
    w.ate("put", "notes", "--", "-n", "-5")
    w.ate("put", "notes", "newline", "x\n")
    for name, value in {"argument": b"a value", "stdin": b"from stdin\n", "dash": b"dash",
                        "file": b"of a file", "at-stdin": b"at", "empty": b"",
                        "newline": b"x\n"}.items():
        r = w.ate("get", "notes", name)
        assert r.out == value and r.err == b"", r
    assert w.ate("get", "notes", "--", "-n").out == b"-5"


def test_types(w):
    w.key()
    for name, value, kind in [("text", "caf\u00e9 \u65e5\u672c".encode(), "text"),
                              ("nothing", b"", "text"), ("nul", b"a\0b", "bytes"),
                              ("latin", b"caf\xe9", "bytes"),
                              ("surrogate", b"\xed\xa0\x80", "bytes"),
                              ("long", b"\xc0\xaf", "bytes"), ("control", b"\x1b[2J", "text")]:
        w.ate("put", "notes", name, stdin=value)
        o = info(w, name)
        assert o["type"] == kind and o["size"] == len(value), o
        assert w.ate("get", "notes", name).out == value
        if kind == "text":
            assert o["value"] == value.decode()
    w.ate("put", "notes", "forced", "text", "--type", "bytes")
    assert info(w, "forced")["type"] == "bytes"
    w.ate("put", "notes", "filed", "text", "--type", "file")
    o = info(w, "filed")
    assert o["type"] == "file" and o["mode"] == "0644" and o["value"] == "text", o
    line = w.refused(7, "MALFORMED", "put", "notes", "x", "--type", "text", stdin=b"\xff")
    assert "no text" in line
    w.refused(1, "NOT_FOUND", "get", "notes", "x")


def test_own_types(w):
    w.key()
    w.ate("put", "notes", "task", '{"title":"x","done":false,"n":[1,2.5,null]}', "--type", "task")
    o = info(w, "task")
    assert o["type"] == "task" and o["value"] == {"title": "x", "done": False, "n": [1, 2.5, None]}
    assert w.ate("get", "notes", "task").out == b'{"title":"x","done":false,"n":[1,2.5,null]}'
    # The same in MessagePack, with bytes, which JSON has as base64url.
    packed = b"\x83\xa1a\x01\xa1b\xc4\x03\x01\x02\xff\xa1c\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
    w.ate("put", "notes", "packed", "--type", "task", stdin=packed)
    assert w.ate("get", "notes", "packed").out == packed
    assert info(w, "packed")["value"] == {"a": 1, "b": "AQL_", "c": "18446744073709551615"}
    for bad in (b"", b"text", b"[1]", b'{"a":', b'{"a":1}x', b"\x91\x01", b"\xc1", b"\x81\xa1a",
                b'{"a":1,"a":2}', b"\xde\xff\xff", b"{" + b'"a":{' * 40 + b"}" * 41):
        r = w.ate("put", "notes", "bad", "--type", "task", stdin=bad, status=7)
        assert b"MALFORMED" in r.err or b"TOO_BIG" in r.err, r
    w.refused(7, "TOO_BIG", "put", "notes", "bad", "--type", "task", stdin=b" " * (4 * MIB + 1))
    w.refused(2, "MISUSE", "put", "notes", "bad", "{}", "--type", "t" * 256)
    w.refused(1, "NOT_FOUND", "get", "notes", "bad")


def test_large_values_are_files(w):
    w.key()
    for size in (MIB, MIB + 1, 2 * MIB, 5 * MIB + 17):
        data = content(size, size)
        w.ate("put", "notes", f"v{size}", stdin=data)
        assert w.ate("get", "notes", f"v{size}").out == data
        o = w.ate("get", "notes", f"v{size}", "--json").object()
        assert o["type"] == ("bytes" if size == MIB else "file") and o["size"] == size, o
        if size > MIB:
            assert "value" not in o and "value_bytes" not in o
    w.refused(7, "TOO_BIG", "put", "notes", "x", "--type", "bytes", stdin=content(MIB + 1))
    names = w.ate("ls", "notes", "-R").lines()
    assert names == sorted(f"v{s}" for s in (MIB, MIB + 1, 2 * MIB, 5 * MIB + 17)), names


def test_replacing(w):
    """Every kind by every other; what a name leads to is never half of a file."""
    w.key()
    values = [b"text", b"\xff", content(3 * MIB), b"text again", content(2 * MIB + 5, 2),
              content(9 * MIB, 3), b"\xfe\x00", content(MIB + 1, 4)]
    for value in values:
        w.ate("put", "notes", "x", stdin=value)
        assert w.ate("get", "notes", "x").out == value
    assert w.ate("ls", "notes").lines() == ["x"]
    # Pages of what was replaced are gone.
    log = w.ate("log", "notes", "--json").objects()
    pages = {e["id"] for t in log for e in t["events"] if e.get("type") == "page"}
    w.ate("rm", "notes", "x")
    assert len(pages) == 3 + 3 + 9 + 2 and w.ate("ls", "notes").lines() == []


def test_output_file(w):
    w.key()
    data = content(3 * MIB)
    w.ate("put", "notes", "x", stdin=data)
    w.ate("get", "notes", "x", "-o", "out")
    assert w.path("out").read_bytes() == data
    assert w.path("out").stat().st_mode & 0o777 == 0o666 & ~os.umask(0o22) & ~0o22
    w.file("kept", b"before")
    w.refused(1, "NOT_FOUND", "get", "notes", "y", "-o", "kept")
    assert w.path("kept").read_bytes() == b"before"
    w.ate("get", "notes", "x", "--output=kept")
    assert w.path("kept").read_bytes() == data
    w.ate("get", "notes", "x", "-o", "/dev/null")
    assert w.ate("get", "notes", "x", "-o", "-").out == data
    o = w.ate("get", "notes", "x", "-o", "out", "--json").object()
    assert o["size"] == len(data)
    assert o["hash"] == __import__("base64").urlsafe_b64encode(
        hashlib.sha256(data).digest()).decode().rstrip("=")
    w.refused(2, "MISUSE", "get", "notes", "x", "-o", ".")
    w.refused(8, "E_SYSTEM", "get", "notes", "x", "-o", "none/out")
    w.refused(2, "MISUSE", "get", "notes", "x", "-o", "")
    assert sorted(p.name for p in w.dir.iterdir()) == ["home", "kept", "notes", "out"]


def test_conditions(w):
    w.key()
    w.ate("put", "notes", "x", "1", "--if-absent")
    line = w.refused(1, "EXISTS", "put", "notes", "x", "2", "--if-absent")
    assert "sequence 1" in line
    o = w.ate("put", "notes", "x", "2", "--if", "1", "--json").object()
    assert o["sequence"] == 2 and o["stage"] == "durable" and len(o["head"]) == 43, o
    line = w.refused(4, "CONFLICT", "put", "notes", "x", "3", "--if", "1")
    assert "it is at sequence 2, not 1" in line
    w.refused(4, "CONFLICT", "put", "notes", "y", "3", "--if", "1")
    w.refused(2, "MISUSE", "put", "notes", "x", "3", "--if", "2", "--if-absent")
    assert w.ate("get", "notes", "x").out == b"2"
    # Large values, whose last transaction decides.
    large = content(2 * MIB)
    w.refused(1, "EXISTS", "put", "notes", "x", "--if-absent", stdin=large)
    w.refused(4, "CONFLICT", "put", "notes", "x", "--if", "7", stdin=large)
    w.ate("put", "notes", "x", "--if", "2", stdin=large)
    assert w.ate("get", "notes", "x").out == large
    assert w.ate("ls", "notes").lines() == ["x"], "what was not finished is gone"


def test_parents(w):
    w.key()
    w.ate("put", "notes", "a/b/c", "deep")
    w.ate("put", "notes", "/a/d/", "beside")
    assert w.ate("get", "notes", "a/b/c").out == b"deep"
    assert w.ate("ls", "notes", "-R").lines() == ["a", "a/b", "a/b/c", "a/d"]
    o = info(w, "a/b")
    assert o["type"] == "dir" and o["mode"] == "0755" and o["uid"] == 0 and o["gid"] == 0
    assert o["mtime"] == "1970-01-01T00:00:00.000000Z"
    line = w.refused(2, "MISUSE", "get", "notes", "a")
    assert "ate ls" in line
    line = w.refused(4, "CONFLICT", "put", "notes", "a/b", "over a directory")
    assert "directory" in line
    w.refused(4, "CONFLICT", "put", "notes", "a/b/c/below", "a value is no directory")
    deep = "/".join(["d"] * 200)
    w.ate("put", "notes", deep, "x")
    assert w.ate("get", "notes", deep).out == b"x"
    w.refused(7, "TOO_BIG", "put", "notes", "/".join("d" * 1025), "x")


def test_names(w):
    w.key()
    good = ["a", "x" * 255, "...", ".hidden", "with blank", "-dash", "new\nline", "t\u00e4g",
            os.fsdecode(b"\xff\xfe latin"), "*", "\u202ebidi", "a\\b"]
    for n, name in enumerate(good):
        w.ate("put", "notes", "--", name, str(n))
        assert w.ate("get", "notes", "--", name).out == str(n).encode()
    assert len(w.ate("ls", "notes").lines()) == len(good)
    for bad in ("", "/", ".", "..", "a/../b", "./a", "a//b", "//a", "x" * 256, "a/" + "x" * 256):
        w.refused(2, "MISUSE", "put", "notes", "--", bad, "x")
    assert len(w.ate("ls", "notes").lines()) == len(good)


def test_nothing_is_made_in_vain(w):
    w.key()
    w.refused(1, "NOT_FOUND", "put", "notes", "x", "@no such file")
    w.refused(2, "MISUSE", "put", "notes", "x", "@.")
    w.refused(2, "MISUSE", "put", "notes", "..", "x")
    w.refused(7, "MALFORMED", "put", "notes", "x", "text", "--type", "task")
    assert not w.path("notes").exists()
    w.refused(7, "MALFORMED", "put", "not legal", "x", "y")
    for word in ("get", "rm", "ls", "log", "verify", "watch"):
        more = ["x"] if word in ("get", "rm") else []
        w.refused(1, "NOT_FOUND", word, "notes", *more)
    assert sorted(p.name for p in w.dir.iterdir()) == ["home"]


def test_past(w):
    w.key()
    w.ate("put", "notes", "docs/x", "one")
    large = content(2 * MIB + 3)
    w.ate("put", "notes", "docs/x", stdin=large)
    last = w.ate("log", "notes", "--json").objects()[-1]["sequence"]
    w.ate("put", "notes", "docs/x", "three")
    w.ate("mv", "notes", "docs", "old")
    w.ate("rm", "notes", "-r", "old")
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/x")
    assert w.ate("get", "notes", "docs/x", "--at", "1").out == b"one"
    assert w.ate("get", "notes", "docs/x", "--at", str(last)).out == large
    assert w.ate("get", "notes", "docs/x", "--at", str(last + 1)).out == b"three"
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/x", "--at", str(last + 2))
    assert w.ate("get", "notes", "old/x", "--at", str(last + 2)).out == b"three"
    w.refused(1, "NOT_FOUND", "get", "notes", "old/x", "--at", str(last + 3))
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/x", "--at", "0")
    times = [t["time"] for t in w.ate("log", "notes", "--json").objects()]
    assert w.ate("get", "notes", "docs/x", "--at", times[1]).out == b"one"
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/x", "--at", "1999-12-31")
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/x", "--at", "2199-12-31T23:59")
    o = w.ate("get", "notes", "docs/x", "--at", "1", "--json").object()
    assert o["value"] == "one" and o["type"] == "text" and o["sequence"] == 1, o
    w.ate("get", "notes", "docs/x", "--at", str(last), "-o", "out")
    assert w.path("out").read_bytes() == large
    for bad in ("", "x", "-1", "2027-13-01", "yesterday", "-2y", "2027-01-01T00:00+24:00"):
        w.refused(2, "MISUSE", "get", "notes", "docs/x", "--at=" + bad)
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/x", "--at", str(last + 4))
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/x", "--at", "-7d")  # before the chain
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/x", "--at", "-0s")  # as now
    assert w.ate("ls", "-R", "notes", "--at", str(last + 2)).out == b"old\nold/x\n"
    assert w.ate("ls", "notes", "docs", "--at", str(last)).out == b"x\n"
    w.ate("export", "notes", "then", "--at", str(last))
    assert w.path("then/docs/x").read_bytes() == large
    zone = times[1].replace("Z", "+00:00")
    assert w.ate("get", "notes", "docs/x", "--at", zone).out == b"one"


def test_history(w):
    w.key()
    for words in (["put", "notes", "docs/x", "one"], ["put", "notes", "docs/x", "two"],
                  ["mv", "notes", "docs/x", "docs/y"], ["mv", "notes", "docs/y", "y"],
                  ["put", "notes", "y", "three"], ["mv", "notes", "y", "docs/x"],
                  ["rm", "notes", "-r", "docs"], ["put", "notes", "y", "another"]):
        w.ate(*words)
    found = w.ate("history", "notes", "y", "--at", "4", "--json").objects()
    said = [(v["sequence"], v["what"], v.get("name")) for v in found]
    assert said == [(7, ["deleted"], None), (6, ["moved", "renamed"], "x"), (5, ["changed"], "y"),
                    (4, ["moved"], "y"), (3, ["renamed"], "y"), (2, ["changed"], "x"),
                    (1, ["created"], "x")], said
    assert all(len(v["authors"]) == 1 for v in found)
    again = w.ate("history", "notes", "docs/x", "--at", "1", "--json", "-n", "2").objects()
    assert again == found[:2]
    lines = w.ate("history", "notes", "y").out.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("8  ") and "  created  text  " in lines[0]
    assert "--at" in w.refused(1, "NOT_FOUND", "history", "notes", "docs/x")
    w.refused(2, "MISUSE", "history", "notes", "/")
    w.refused(2, "MISUSE", "history", "notes", "y", "-n", "0")
    w.ate("put", "notes", "bad\x1b[31m\nname", "x")
    out = w.ate("history", "notes", "bad\x1b[31m\nname").out
    assert b"\x1b" not in out and len(out.splitlines()) == 1, out
    w.key("other.key")
    w.refused(3, "NO_KEY", "history", "notes", "y", "-k", "other.key", "--root",
              w.ate("key", "show", "--json").object()["fingerprint"])


def test_compacted_past(w):
    """What compaction left of an object: its history, and not what it was."""
    w.key()
    w.ate("put", "notes", "x", "one")
    for i in range(20):
        w.ate("put", "notes", "x", stdin=content(20000 + i))
    w.ate("put", "notes", "x", "two")
    said = w.ate("compact", "notes", "--json").object()
    assert said["payloads"] > 0, said
    found = w.ate("history", "notes", "x", "--json").objects()
    assert found[0]["payload"] and found[-1]["what"] == ["created"], found
    assert not any(v["payload"] for v in found[10:-1]), found  # newer ones may still be there
    assert b"  -  compacted" in w.ate("history", "notes", "x").out
    w.refused(1, "COMPACTED", "get", "notes", "x", "--at", "9")
    w.ate("ls", "notes", "--at", "9")
    assert w.ate("get", "notes", "x").out == b"two"
    assert w.ate("get", "notes", "x", "--at", str(found[0]["sequence"])).out == b"two"


def test_scopes(w):
    w.key()
    said = w.ate("put", "notes", "x", "1", "--scope", "local", "--json").object()
    assert said["stage"] == "durable"
    assert w.ate("put", "notes", "x", "2", "--scope", "none", "--json").object()["stage"] in (
        "queued", "durable")
    assert w.ate("get", "notes", "x").out == b"2"
    w.refused(2, "MISUSE", "put", "notes", "x", "3", "--scope", "all")


if __name__ == "__main__":
    main(__name__)
