# SPDX-License-Identifier: MIT OR Apache-2.0
"""log, verify, watch: what happened, and whether it holds."""
import json
import os
import re
import shutil
import subprocess

from world import Lines, main


def some_history(w):
    root = w.key()
    w.ate("put", "notes", "docs/a", "1")
    w.ate("put", "notes", "docs/a", "22")
    w.ate("put", "notes", "open", "x", "--public")
    w.ate("mv", "notes", "docs/a", "b")
    w.ate("rm", "notes", "docs", "-r")
    return root


def test_log(w):
    root = some_history(w)
    text = w.ate("log", "notes").out.decode()
    lines = text.splitlines()
    assert [line.split()[0] for line in lines if line[0].isdigit()] == list("012345"), text
    assert sum(f"by {root}" in line and line.endswith("verified") for line in lines) == 6, text
    assert "    * chain /notes" in lines
    assert f"    ! rules for /  read: {root[:8]}  write: {root[:8]}  key sealed to 1" in lines
    assert "    - docs  with all below it" in lines, text
    assert any(line.startswith("    ~ text") and line.endswith("  b") for line in lines), text
    log = w.ate("log", "notes", "--json").objects()
    assert [t["sequence"] for t in log] == list(range(6)) and all(t["verified"] for t in log)
    assert all(t["authors"] == [root] for t in log)
    body = [e for e in log[1]["events"] if e["kind"] == "object"]
    assert [(e["type"], e["name"]) for e in body] == [("dir", "docs"), ("text", "docs/a")]
    assert body[1]["parent"] == body[0]["id"] and body[0]["creates"]
    assert [e["kind"] for e in log[5]["events"]] == ["deleted"] and log[5]["events"][0]["subtree"]


def test_log_range(w):
    some_history(w)
    sequences = lambda *words: [t["sequence"]
                                for t in w.ate("log", "notes", "--json", *words).objects()]
    assert sequences("--since", "3") == [3, 4, 5]
    assert sequences("-n", "2") == [0, 1]
    assert sequences("--since", "2", "--number", "2") == [2, 3]
    assert sequences("--since", "100") == []
    # Names come from what was before.
    events = w.ate("log", "notes", "--since", "2", "-n", "1", "--json").object()["events"]
    assert events[0]["name"] == "docs/a"


def test_verify(w):
    root = some_history(w)
    o = w.ate("verify", "notes", "--json").objects()
    ranges, result = o[:-1], o[-1]
    assert result["verified"] and result["root"] == root and result["transactions"] == 6
    assert result["signatures"] == 6 and len(result["head"]) == 43
    assert ranges and all(r["size"] > 0 for r in ranges)
    for r in ranges:
        assert r["offset"] + r["size"] <= (w.path("notes/,chain") / r["in_use"]).stat().st_size
    text = w.ate("verify", "notes").out.decode()
    assert text.startswith("all holds: 6 transactions") and result["head"] in text


def flip(path, offset):
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)
        f.seek(offset)
        f.write(bytes([byte[0] ^ 0x10]))


def test_flipped_bytes(w):
    """Flip a byte that verify says is in use, in a copy: verify names the place."""
    root = some_history(w)
    ranges = w.ate("verify", "notes", "--json").objects()[:-1]
    places = [(r["in_use"], r["offset"] + (r["size"] - 1) * part // 8)
              for r in ranges for part in range(9)]
    for file, offset in places:
        shutil.copytree(w.path("notes"), w.path("copy"))
        flip(w.path("copy/,chain") / file, offset)
        before = {p.name: p.read_bytes() for p in w.path("copy/,chain").iterdir()}
        r = w.ate("verify", "copy", "--root", root, status=6)
        lines = r.err.decode().splitlines()
        assert len(lines) == 1 and r.out == b"" and file in lines[0], r
        o = w.ate("verify", "copy", "--root", root, "--json", status=6).objects()[-1]
        assert o["exit"] == 6 and file in o["text"], o
        assert {p.name: p.read_bytes() for p in w.path("copy/,chain").iterdir()} == before
        shutil.rmtree(w.path("copy"))


def damaged(w, copy="copy"):
    """A copy of five values whose log is broken where the 4th transaction lies."""
    root = w.key()
    for i in range(1, 6):
        w.ate("put", "notes", f"n{i}", f"value {i}")
    segment = "0000000000000001.seg"
    clean = w.ate("verify", "notes", "--json").objects()[:-1]
    assert [r["in_use"] for r in clean if r["in_use"].endswith(".seg")] == [segment]
    shutil.copytree(w.path("notes"), w.path(copy))
    flip(w.path(copy) / ",chain" / segment, 5 * clean[-1]["size"] // 6)
    return root, segment


READING = [(["ls", "copy"], b"n1\nn2\nn3\n"), (["ls", "-R", "copy"], b"n1\nn2\nn3\n"),
           (["ls", "-l", "copy", "n1"], None), (["get", "copy", "n2"], b"value 2"),
           (["get", "copy", "n1", "--at", "2"], b"value 1"),
           (["get", "copy", "n5"], b""), (["log", "copy"], None),
           (["log", "copy", "-n", "1"], None),
           (["watch", "copy", "--since", "0", "--count", "2"], None),
           (["export", "copy", "out"], b""), (["verify", "copy"], b"")]


def test_reading_a_damaged_chain(w):
    """What is intact is given; what is wrong and where is said; the status is 6."""
    root, segment = damaged(w)
    before = {p.name: p.read_bytes() for p in w.path("copy/,chain").iterdir()}
    for words, out in READING:
        r = w.ate(*words, "--root", root, status=6)
        lines = r.err.decode().splitlines()
        told = [line for line in lines if ": TAMPERED: " in line]
        assert len(told) == 1 and lines[0] == told[0], r
        assert told[0].startswith(f"ate: {words[0]}: copy") and segment in told[0], r
        assert "byte " in told[0] and "transaction 4" in told[0], r
        assert (r.out == out) if out is not None else r.out, r
        shutil.rmtree(w.path("out"), ignore_errors=True)
        o = w.ate(*words, "--root", root, "--json", status=6).objects()
        errors = [e for e in o if e.get("error") == "TAMPERED"]
        assert len(errors) == 1 and errors[0]["exit"] == 6, o
        assert errors[0]["file"] == segment and errors[0]["sequence"] == 4, o
        assert errors[0]["offset"] > 0 and len(o) > 1 or words[0] == "verify", o
        if words[0] == "export":
            assert sorted(p.name for p in w.path("out").iterdir()) == ["n1", "n2", "n3"]
        shutil.rmtree(w.path("out"), ignore_errors=True)
    assert {p.name: p.read_bytes() for p in w.path("copy/,chain").iterdir()} == before


def test_changing_a_damaged_chain(w):
    root, segment = damaged(w)
    before = {p.name: p.read_bytes() for p in w.path("copy/,chain").iterdir()}
    for words in (["put", "copy", "n1", "x"], ["rm", "copy", "n1"], ["mv", "copy", "n1", "n9"],
                  ["import", "copy", str(w.home)]):
        line = w.refused(6, "TAMPERED", *words, "--root", root)
        assert segment in line, line
    assert {p.name: p.read_bytes() for p in w.path("copy/,chain").iterdir()} == before


def test_a_damaged_list(w):
    """One of the two lists of a log is enough to read all of it, and to mend the other."""
    w.key()
    w.ate("put", "notes", "x", "1")
    flip(w.path("notes/,chain/meta.a"), 20)
    r = w.ate("get", "notes", "x", status=6)
    assert r.out == b"1" and b"TAMPERED: meta.a, " in r.err and len(r.err.splitlines()) == 1, r
    w.ate("put", "notes", "x", "2")
    r = w.ate("get", "notes", "x")
    assert r.out == b"2" and r.err == b"", r


def test_a_server_with_a_damaged_chain(w):
    """It serves what lies before the damage, and whoever reads that is told so."""
    root, _ = damaged(w)
    server = w.server()
    address = server.chain("/example.com/joe/notes")
    for i in range(1, 6):
        w.ate("put", address, f"n{i}", f"value {i}")
    server.stop()
    log = server.logs / "example.com/joe/notes/,chain/0000000000000001.seg"
    used = w.ate("verify", log.parents[1], "--json").objects()[-2]
    flip(log, 5 * used["size"] // 6)
    server.start()
    # Who saw more is not content with less; who did not is told of the damage.
    w.refused(6, "ROLLED_BACK", "get", address, "n1")
    fresh = {"HOME": str(w.path("fresh")), "ATE_KEY": str(w.home / ".config/ate/key")}
    for words, out in (["ls", "{}"], b"n1\nn2\nn3\n"), (["get", "{}", "n2"], b"value 2"), \
            (["get", "{}", "n5"], b""), (["log", "{}"], None), (["export", "{}", "out"], b""), \
            (["watch", "{}", "--since", "0", "--count", "2"], None), (["verify", "{}"], b""), \
            (["get", "{}", "n1", "--at", "2"], b"value 1"), \
            (["ls", "{}", "--mirror", "m"], b"n1\nn2\nn3\n"):
        here = [word.format(address) for word in words]
        r = w.ate(*here, env=fresh, status=6)
        told = [line for line in r.err.decode().splitlines() if ": TAMPERED: " in line]
        assert len(told) == 1 and "transaction 4" in told[0] and "server" in told[0], r
        assert (r.out == out) if out is not None else r.out, r
        shutil.rmtree(w.path("out"), ignore_errors=True)
    line = w.refused(3, "READ_ONLY", "put", address, "n1", "x", env=fresh)
    assert "damage" in line, line
    assert "damage at transaction 4" in server.log_text()


def test_garbage_in_place_of_a_chain(w):
    w.key()
    w.ate("put", "notes", "x", "1")
    for name in sorted(p.name for p in w.path("notes/,chain").iterdir()):
        for what in (b"", b"\0" * 64, os.urandom(5000)):
            shutil.copytree(w.path("notes"), w.path("copy"))
            (w.path("copy/,chain") / name).write_bytes(what)
            before = (w.path("copy/,chain") / name).read_bytes()
            for words in (["verify", "copy"], ["ls", "copy"], ["log", "copy"]):
                r = w.ate(*words, status=None)
                assert r.status in (0, 1, 6, 7) and len(r.err.splitlines()) <= 1, (name, r)
            assert (w.path("copy/,chain") / name).read_bytes() == before, name
            shutil.rmtree(w.path("copy"))


def test_rolled_back(w):
    """A shorter history than was seen here is refused; at another place it is judged as it lies."""
    w.key()
    w.ate("put", "notes", "x", "1")
    shutil.copytree(w.path("notes"), w.path("old"))
    w.ate("put", "notes", "x", "2")
    shutil.rmtree(w.path("notes"))
    shutil.copytree(w.path("old"), w.path("notes"))
    w.refused(6, "ROLLED_BACK", "get", "notes", "x")
    assert w.ate("get", "old", "x").out == b"1"


def test_another_chain_in_its_place(w):
    w.key()
    w.ate("put", "notes", "x", "1")
    (w.path("elsewhere")).mkdir()
    w.ate("put", "elsewhere/notes", "x", "other")
    shutil.rmtree(w.path("notes"))
    shutil.copytree(w.path("elsewhere/notes"), w.path("notes"))
    w.refused(6, "WRONG_CHAIN", "get", "notes", "x")


def test_watch_since(w):
    some_history(w)
    lines = w.ate("watch", "notes", "--since", "0", "--count", "6").lines()
    told = [(line.split()[0], line.split()[3], line.split()[-1]) for line in lines]
    assert told == [("1", "created", "docs"), ("1", "created", "docs/a"),
                    ("2", "updated", "docs/a"), ("3", "created", "open"),
                    ("4", "updated", "b"), ("5", "deleted", "docs")], lines
    o = w.ate("watch", "notes", "--since", "1", "--count", "2", "--json").objects()
    assert [(e["change"], e["type"], e["name"], e["last"]) for e in o] == [
        ("created", "dir", "docs", False), ("created", "text", "docs/a", True)]


def test_watch_below(w):
    w.key()
    for name in ("docs/a", "other", "docs/b/c", "docs/a"):
        w.ate("put", "notes", name, "1")
    w.ate("rm", "notes", "docs/a")
    o = w.ate("watch", "notes", "docs", "--since", "0", "--count", "5", "--json").objects()
    assert [(e["change"], e["name"]) for e in o] == [
        ("created", "docs/a"), ("created", "docs/b"), ("created", "docs/b/c"),
        ("updated", "docs/a"), ("deleted", "docs/a")], o
    w.refused(1, "NOT_FOUND", "watch", "notes", "none", "--since", "0")
    w.refused(5, "TIMEOUT", "watch", "notes", "--timeout", "20ms")


def test_watch_as_it_happens(w):
    w.key()
    server = w.server()
    w.ate("name", "work", server.chain("/example.com/joe/notes"))
    w.ate("put", "@work", "first", "1")
    process = w.popen("ate", "watch", "@work", "--count", "2", "--json", "-v",
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = Lines(process, process.stdout)
    assert b"watching from sequence 2" in process.stderr.readline()
    w.ate("put", "@work", "second", "2")
    event = json.loads(lines.next())
    assert event["name"] == "second" and event["change"] == "created", event
    w.ate("rm", "@work", "first")
    event = json.loads(lines.next())
    assert event["change"] == "deleted", event
    assert process.wait() == 0
    lines.end()
    process.stdout.close()
    process.stderr.close()


def test_compact(w):
    w.key()
    for n in range(60):
        w.ate("put", "notes", f"file {n % 3}", stdin=bytes([n]) * 20000)
    before = w.ate("verify", "notes", "--json").objects()[-1]
    log = [(t["sequence"], t["hash"]) for t in w.ate("log", "notes", "--json").objects()]
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    keyless = {"HOME": str(w.path("nobody")), "XDG_CONFIG_HOME": "", "ATE_KEY": ""}
    r = w.ate("compact", "notes", "--deep", "--root", root, env=keyless, status=3)
    assert b"NO_KEY" in r.err, r
    done = w.ate("compact", "notes", "--json", "--root", root, env=keyless).object()
    assert done["rewritten"] and done["payloads"] > 30, done
    assert done["bytes_before"] - done["bytes_after"] > 19000 * done["payloads"], done
    after = w.ate("verify", "notes", "--json").objects()[-1]
    for same in ("size", "head", "transactions", "events", "signatures", "root"):
        assert before[same] == after[same], (before, after)
    assert log == [(t["sequence"], t["hash"]) for t in w.ate("log", "notes", "--json").objects()]
    for n in range(3):
        assert w.ate("get", "notes", f"file {n}").out == bytes([57 + n]) * 20000
    assert w.ate("ls", "notes", "--at", "3").out == 3 * b"compacted\n"
    r = w.ate("export", "notes", "then", "--at", "3", status=1)
    assert r.err.endswith(b"export: skipped: 3 whose content of then was compacted away\n"), r
    assert b"nothing to gain" in w.ate("compact", "notes").out
    w.ate("put", "notes", "file 0", "new")
    # A watch passes over values that are gone.
    assert len(w.ate("watch", "notes", "--since", "0", "--count", "5", "--json").objects()) == 5
    assert w.ate("compact", "tcp://localhost:1/a#pin=" + 43 * "A", status=None).status != 0


def test_compact_deep(w):
    """What is gone is said: in short by verify, where it was by log."""
    w.key()
    for n in range(270):
        w.ate("put", "notes", "file", f"value {n}")
    assert b"--cut-off says what is" in w.ate("compact", "notes", "--deep").out
    said = w.ate("compact", "notes", "--deep", "--cut-off", "265").out.decode()
    lost = re.search(r"below transaction 265: (\d+) events went, and (\d+) tr", said)
    assert lost[1] == lost[2] and int(lost[2]) > 200, said
    gone = int(lost[2])
    said = w.ate("verify", "notes").out.decode().splitlines()
    assert said[0].startswith(f"all holds: {272 - gone} transactions, "), said
    assert re.fullmatch(f"gone below transaction 265, as a certificate in the chain allows: {gone} "
                        r"transactions, \d+ more events, \d+ more values?", said[1]), said
    done = w.ate("verify", "notes", "--json").objects()[-1]
    assert done["cut_off"] == 265 and done["size"] - done["transactions"] == gone, done
    assert done["transactions_gone"] == gone and done["payloads_gone"] >= 1, done
    log = w.ate("log", "notes").out.decode()
    assert f"2 to {gone + 1}  compacted away\n" in log, log
    assert "    * certificate  transactions below 265 may be compacted away\n" in log, log
    assert re.search(r"\n    \+ compacted  \d+ B  \(\w{8}\)\n", log), log
    gap, after = w.ate("log", "notes", "--since", "100", "-n", "1", "--json").objects()
    assert gap == {"sequence": 100, "count": gone - 98, "compacted": True}, gap
    assert after["sequence"] == gone + 2, after
    last = w.ate("log", "notes", "--since", "271", "--json").object()
    event = last["events"][0]
    assert event["kind"] == "certificate" and event["certified"] == 265, last
    assert w.ate("get", "notes", "file").out == b"value 269"


if __name__ == "__main__":
    main(__name__)
