# SPDX-License-Identifier: MIT OR Apache-2.0
"""bench: the figures are well-formed, and nothing is touched that it did not make."""
import re
import signal
import subprocess

from world import PATIENCE_S, Lines, main

PATH = "/example.com/joe/bench"
FEW = {"append": ["--count", "5"], "open": ["--count", "2", "--objects", "20"],
       "get": ["--count", "30", "--objects", "7"], "watch": ["--count", "4"]}
TIME = r"\d+(\.\d+)? (us|ms|s)"
LINE = re.compile(rf"(append|open|get|watch)(, [a-z ]+)?: \d+ [a-z]+(, \d+ objects)? of [\d.]+ "
                  rf"(B|KiB|MiB), \d+ clients?, {TIME}: \d+(\.\d+)?/s, p50 {TIME}, p99 {TIME}, "
                  rf"p99\.9 {TIME}")


def check_figures(o, what, count, clients=1, size=1024):
    assert (o["bench"], o["count"], o["clients"], o["size"]) == (what, count, clients, size), o
    assert 0 < o["p50_ns"] <= o["p99_ns"] <= o["p999_ns"], o
    assert o["elapsed_ns"] > 0, o
    assert abs(o["rate"] / (o["count"] * 1e9 / o["elapsed_ns"]) - 1) < 1e-6, o
    # Nobody can be faster than his own time for half of what he did.
    assert o["p50_ns"] * count / 2 / clients <= o["elapsed_ns"] * 1.01, o


def test_each_in_a_directory(w):
    w.key()
    for what, few in FEW.items():
        r = w.ate("bench", what, *few, "trial")
        assert r.lines() and all(LINE.fullmatch(line) for line in r.lines()), r
        # It made the chain, and it is gone.
        assert not w.path("trial").exists()
    assert sorted(p.name for p in w.dir.iterdir()) == ["home"]


def test_json(w):
    w.key()
    for what, count in (("append", 5), ("get", 30), ("watch", 4)):
        o = w.ate("bench", what, *FEW[what], "--size", "100", "t", "--json").object()
        check_figures(o, what, count, size=100)
        assert o["remote"] is False and ("objects" in o) == (what == "get"), o
    for o in w.ate("bench", "open", *FEW["open"], "t", "--json").objects():
        check_figures(o, "open", 2)
        assert o["objects"] == 20 and o["view_image"] is False, o
        # What lies between two opens counts nowhere; of two, the quantiles are the two.
        assert o["elapsed_ns"] == o["p50_ns"] + o["p99_ns"], o


def test_clients(w):
    w.key()
    check_figures(w.ate("bench", "append", "-c", "8", "--count", "40", "t", "--json").object(),
                  "append", 40, 8)
    check_figures(w.ate("bench", "get", "-c", "4", *FEW["get"], "t", "--json").object(),
                  "get", 30, 4)
    o = w.ate("bench", "watch", "-c", "3", "--count", "10", "t", "--json").object()
    assert (o["count"], o["clients"]) == (30, 3), o
    # More of them than there is to do.
    check_figures(w.ate("bench", "append", "-c", "256", "--count", "2", "t", "--json").object(),
                  "append", 2, 256)


def test_view_image(w):
    """Two lines, once the log is long enough for an image."""
    w.key()
    words = ["bench", "open", "--count", "2", "--objects", "1500", "t"]
    replayed, image = w.ate(*words, "--json").objects()
    assert replayed["view_image"] is False and image["view_image"] is True
    first, second = w.ate(*words).lines()
    assert first.startswith("open, all verified: 2 opens, 1500 objects of 1.0 KiB, "), first
    assert second.startswith("open, with a view image: 2 opens, "), second
    r = w.ate("bench", "open", *FEW["open"], "t")
    assert b"too short for a view image" in r.err and len(r.lines()) == 1, r
    assert not w.path("t").exists()


def test_what_holds_something_is_refused(w):
    w.key()
    w.ate("put", "notes", "hello", "world")
    before = {p: p.read_bytes() for p in w.path("notes").rglob("*") if p.is_file()}
    for what, few in FEW.items():
        line = w.refused(1, "EXISTS", "bench", what, *few, "notes")
        assert "(transactions: 1)" in line, line
    assert {p: p.read_bytes() for p in w.path("notes").rglob("*") if p.is_file()} == before
    # Where everything was deleted again, too: its history is somebody's.
    w.ate("rm", "notes", "hello")
    w.refused(1, "EXISTS", "bench", "append", "notes")


def test_only_what_it_made_goes(w):
    w.key()
    # A folder with something of the user's in it.
    w.file("mine/letter", b"dear")
    w.ate("bench", "append", "--count", "2", "mine")
    assert [p.name for p in w.path("mine").iterdir()] == ["letter"]
    # An empty one that was there.
    w.path("empty").mkdir()
    w.ate("bench", "append", "--count", "2", "empty")
    assert list(w.path("empty").iterdir()) == []
    # A chain that was there, and holds nothing: what was written stays, and is told.
    r = w.ate("put", "old", "x", "y", "--if-absent", "--json")
    w.ate("restore", *make_backup_of_genesis(w), "fresh", "--to", "0")
    r = w.ate("bench", "append", "--count", "2", "fresh")
    assert b"fresh: what was written stays in the chain\n" in r.err, r
    assert w.ate("verify", "fresh").out.startswith(b"all holds: 3 transactions, ")
    w.refused(1, "EXISTS", "bench", "append", "fresh")


def make_backup_of_genesis(w):
    w.ate("backup", "old", "saved")
    return ["saved"]


def test_at_a_server(w):
    w.key()
    server = w.server()
    for n, (what, few) in enumerate(FEW.items()):
        chain = server.chain(f"{PATH}{n}")
        r = w.ate("bench", what, *few, "-c", "2", chain, "--json") if what != "open" else \
            w.ate("bench", what, *few, chain, "--json")
        o = r.object()
        assert o["remote"] is True and o["bench"] == what, o
        assert b"what was written stays in the chain" in r.err, r
        w.refused(1, "EXISTS", "bench", what, *few, chain)
    r = w.ate("bench", "watch", "--count", "3", "--mirror", "copy", server.chain(PATH))
    assert LINE.fullmatch(r.lines()[0]) and w.path("copy/,chain").is_dir(), r


def test_interrupted(w):
    """The chain is left, whole, with what was committed."""
    w.key()
    process = w.popen("ate", "bench", "append", "--count", "1000000", "t", stderr=subprocess.PIPE)
    lines = Lines(process, process.stderr)
    assert lines.next().startswith("t: new chain, root ")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    lines.end()
    process.stderr.close()
    assert w.ate("verify", "t").out.startswith(b"all holds: ")


def test_usage(w):
    for words in (["append"], ["sleep", "t"], ["append", "t", "u"], ["append", "-c", "0", "t"],
                  ["append", "-c", "257", "t"], ["append", "--size", "0", "t"],
                  ["append", "--size", "2M", "t"], ["append", "--count", "0", "t"],
                  ["append", "--count", "1000001", "t"], ["append", "--objects", "5", "t"],
                  ["watch", "--objects", "5", "t"], ["get", "--objects", "1000001", "t"],
                  ["open", "-c", "2", "t"], ["watch", "-c", "256", "--count", "1000000", "t"]):
        r = w.ate("bench", *words, status=2)
        assert r.out == b"" and b": MISUSE: " in r.err and len(r.err.splitlines()) == 1, r
    w.refused(3, "NO_KEY", "bench", "append", "t")
    assert list(w.dir.iterdir()) == [w.home]
    w.key()
    w.file("file", b"x")
    w.refused(2, "MISUSE", "bench", "append", "file")


def test_progress(w):
    w.key()
    shown = w.on_terminal("ate", "bench", "append", "--count", "20", "--progress", "always", "t")
    assert LINE.fullmatch(shown.lines()[-1].split("\r")[-1].replace("\x1b[K", "")), shown
    r = w.ate("bench", "append", "--count", "20", "--progress", "never", "-q", "t")
    assert r.err == b"" and len(r.lines()) == 1, r


if __name__ == "__main__":
    main(__name__)
