# SPDX-License-Identifier: MIT OR Apache-2.0
"""Chains that compress: what goes in comes out, whichever way; only the files are smaller."""
import json
import random

from world import main

PATH = "/example.com/joe/books"


def records(count):
    r = random.Random(9)
    return [{"id": i, "name": f"customer {r.randrange(1000)}", "address": "1 Long Street, London",
             "orders": [{"item": r.choice(["ink", "paper", "pens"]), "count": r.randrange(9)}
                        for _ in range(12)]} for i in range(count)]


def test_made_once(w):
    w.key()
    for bad in ("", "gzip", "ZSTD", "zstd "):
        w.refused(2, "MISUSE", "put", "books", "a", "1", f"--compress={bad}")
    assert not w.path("books").exists()
    w.ate("put", "books", "a", "1", "--compress", "zstd")
    w.ate("put", "books", "b", "1", "--compress", "zstd")
    w.ate("put", "books", "c", "1")
    assert w.ate("verify", "books", "--json").objects()[-1]["compression"] == "zstd"
    assert b"\nwhat is stored is compressed (zstd)\n" in w.ate("verify", "books").out
    w.refused(1, "EXISTS", "put", "books", "d", "1", "--compress", "zstd", "--worm")
    w.ate("put", "plain", "a", "1")
    line = w.refused(1, "EXISTS", "put", "plain", "b", "1", "--compress", "zstd")
    assert "does not compress: that is said when it is created, and never later" in line
    assert w.ate("ls", "plain").lines() == ["a"]
    assert "compression" not in w.ate("verify", "plain", "--json").objects()[-1]
    assert b"compress" not in w.ate("verify", "plain").out


def fill(w, chain, *options):
    """The same values in each: large and small, of every kind."""
    for i, record in enumerate(records(8)):
        w.ate("put", chain, f"of/{i}", json.dumps(record), "--type", "customer", *options)
    w.ate("put", chain, "tiny", "x")
    w.ate("put", chain, "empty", stdin=b"")
    w.ate("put", chain, "noise", stdin=random.Random(4).randbytes(70000))
    w.ate("put", chain, "zeros", stdin=bytes(900000))
    w.ate("put", chain, "open", "for everyone " * 100, "--public")
    w.ate("put", chain, "large", stdin=b"so it goes\n" * 300000)
    w.ate("put", chain, "tiny", "another " * 50)
    w.ate("mv", chain, "of/3", "moved")


def told(w, chain):
    """All that the commands tell of it, without ids, times and hashes."""
    rows = []
    for o in w.ate("ls", "-R", chain, "--json").objects():
        rows.append([o["name"], o["type"], o["size"], o["sequence"]])
        if o["type"] != "dir":
            rows.append(w.ate("get", chain, o["name"]).out)
    for o in w.ate("history", chain, "tiny", "--json").objects():
        rows.append([o["sequence"], o["size"], o["payload"]])
    for t in w.ate("log", chain, "--json").objects():
        rows.append([[e["kind"], e.get("size")] for e in t["events"] if e.get("readable")])
    tiny = next(o["sequence"] for o in w.ate("history", chain, "tiny", "--json").objects()[::-1])
    rows.append(w.ate("get", chain, "tiny", "--at", str(tiny)).out)
    rows.append(w.ate("get", chain, "of/0", "--json").object()["value"])
    return rows


def test_with_and_without(w):
    w.key()
    fill(w, "plain")
    w.ate("put", "books", "of/0", "1", "--compress", "zstd")
    w.ate("rm", "-r", "books", "of")
    w.ate("put", "padding", "of/0", "1")
    w.ate("rm", "-r", "padding", "of")
    fill(w, "padding")
    fill(w, "books")
    assert told(w, "books") == told(w, "padding")
    assert b"all holds" in w.ate("verify", "books").out
    size = {c: w.ate("verify", c, "--json").objects()[-1]["bytes"] for c in ("books", "padding")}
    assert size["books"] < size["padding"] - 3000000, size
    for chain in ("books", "padding"):  # an export knows nothing of it
        w.ate("export", chain, f"{chain}.out")
    w.run("diff", "-r", "books.out", "padding.out")
    # Compaction, backup and back.
    w.ate("compact", "books", "--deep", "--cut-off", "now")
    w.ate("backup", "books", "saved")
    w.ate("restore", "saved", "again")
    assert w.ate("get", "again", "large").out == b"so it goes\n" * 300000
    assert w.ate("verify", "again", "--json").objects()[-1]["compression"] == "zstd"


def test_trees(w):
    w.key()
    r = random.Random(6)
    w.file("tree/text", b"a line of text\n" * 200000)
    w.file("tree/noise", r.randbytes((1 << 20) + 1))
    w.file("tree/sub/empty", b"")
    w.file("tree/sub/zeros", bytes(5 << 20))
    (w.path("tree") / "link").symlink_to("text")
    w.ate("import", "books", "tree", "t", "--compress", "zstd")
    w.ate("export", "books", "out", "t")
    assert w.run("diff", "-r", "--no-dereference", "tree", "out").out == b""
    again = w.ate("import", "books", "tree", "t", "--json").objects()[-1]
    assert again["unchanged"] == 6 and again["failed"] == 0, again
    assert w.ate("verify", "books", "--json").objects()[-1]["bytes"] < 2 << 20


def test_server(w):
    """Thin, in a mirror, by somebody else."""
    w.key()
    w.key("bob")
    bob = w.public("bob", "bob.pub")
    server = w.server()
    w.ate("name", "work", server.chain(PATH))
    w.ate("put", "@work", "a", "once upon a time " * 90, "--compress", "zstd", "-k",
          "home/.config/ate/key", "-k", bob)
    w.refused(1, "EXISTS", "put", "@work", "b", "1", "--compress", "zstd", "--worm")
    w.ate("put", "@work", "zeros", stdin=bytes(3 << 20))
    for more in ([], ["--mirror", "copy"], ["-k", "bob", "--root",
                 w.ate("key", "show", "--json").object()["fingerprint"]]):
        assert w.ate("get", "@work", "a", *more).out == b"once upon a time " * 90
        assert w.ate("get", "@work", "zeros", *more).out == bytes(3 << 20)
    assert w.ate("get", "copy", "a").out == b"once upon a time " * 90
    o = w.ate("ls", "@work", "--json").objects()[0]
    assert o["name"] == "a" and o["size"] == 90 * 17
    assert w.ate("verify", "@work", "--json").objects()[-1]["compression"] == "zstd"
    w.ate("put", "@work", "b", "two " * 400, "-k", "bob", "--root",
          w.ate("key", "show", "--json").object()["fingerprint"])
    assert w.ate("get", "@work", "b").out == b"two " * 400
    server.stop()


if __name__ == "__main__":
    main(__name__)
