# SPDX-License-Identifier: MIT OR Apache-2.0
"""Archives: what is made one, what is refused there and why, holds, files of any size."""
import random
import shutil

from world import main

PATH = "/example.com/joe/books"


def until_allowed(w, *words):
    """A command that is refused for a second more. How often it is tried is the clock's affair."""
    while True:
        tried = w.ate(*words, status=None)
        if tried.status == 0:
            return
        assert tried.status == 3 and b"in an archive it is kept until 20" in tried.err, tried


def test_made_once(w):
    w.key()
    w.refused(2, "MISUSE", "put", "books", "a", "1", "--retain", "1y")
    for bad in ("0d", "1", "y", "-1d", "1001y", "1M", "1 d", "7Y"):
        w.refused(2, "MISUSE", "put", "books", "a", "1", "--worm", f"--retain={bad}")
    assert not w.path("books").exists()
    w.ate("put", "books", "a", "1", "--worm", "--retain", "365d")
    w.ate("put", "books", "b", "1", "--worm", "--retain", "1y")  # the same
    w.ate("put", "books", "c", "1")
    for other in (["--retain", "364d"], ["--retain", "366d"], []):
        line = w.refused(1, "EXISTS", "put", "books", "d", "1", "--worm", *other)
        assert "keeps everything for 31536000 s; how long is said when it is created" in line
    w.ate("put", "plain", "a", "1")
    line = w.refused(1, "EXISTS", "put", "plain", "b", "1", "--worm")
    assert "it is made one when it is created, and never later" in line
    assert w.ate("ls", "plain").lines() == ["a"]


def refuse_changes(w, chain):
    line = w.refused(3, "DENIED", "put", chain, "docs/a", "another")
    assert "in an archive nothing replaces it" in line
    w.refused(1, "EXISTS", "put", chain, "docs/a", "another", "--if-absent")
    w.refused(3, "DENIED", "put", chain, "docs/a", "another", "--public")
    line = w.refused(3, "DENIED", "mv", chain, "docs/a", "a")
    assert "nothing is moved" in line
    w.refused(3, "DENIED", "rm", chain, "docs/a")
    w.refused(3, "DENIED", "rm", "-r", chain, "docs")
    assert w.ate("get", chain, "docs/a").out == b"1"


def test_kept_for_ever(w):
    w.key()
    w.ate("put", "books", "docs/a", "1", "--worm")
    refuse_changes(w, "books")
    assert "everything is kept for ever" in w.refused(3, "DENIED", "rm", "books", "docs/a")
    o = w.ate("get", "books", "docs/a", "--json").object()
    assert o["kept_until"] == "for ever" and o["held"] is False and "held_at" not in o
    assert b"  for ever  " in w.ate("ls", "-l", "books").out
    w.ate("put", "plain", "a", "1")
    assert "kept_until" not in w.ate("get", "plain", "a", "--json").object()
    assert b"for ever" not in w.ate("ls", "-l", "plain").out
    assert b"all holds" in w.ate("verify", "books").out


def test_until_a_time(w):
    w.key()
    w.ate("put", "books", "docs/a", "1", "--worm", "--retain", "1s")
    w.ate("put", "books", "docs/b", "1")
    until_allowed(w, "rm", "books", "docs/a")
    until_allowed(w, "rm", "-r", "books", "docs")
    assert w.ate("ls", "books").lines() == []
    events = [e["kind"] for t in w.ate("log", "books", "--json").objects()
              for e in t["events"]]
    assert events.count("deleted") == 3  # each by itself
    assert b"all holds" in w.ate("verify", "books").out


def test_holds(w):
    w.key()
    w.key("bob")
    bob = w.public("bob", "bob.pub")
    w.ate("put", "books", "docs/a", "1", "--worm", "--retain", "1s", "-k", "home/.config/ate/key",
          "-k", bob)
    w.ate("hold", "books", "docs")
    w.ate("hold", "books", "docs")
    rows = {o["name"]: o for o in w.ate("ls", "-R", "books", "--json").objects()}
    assert rows["docs"]["held"] and rows["docs/a"]["held_at"] == rows["docs"]["id"]
    assert all(b", held" in line for line in w.ate("ls", "-lR", "books").out.splitlines())
    line = w.refused(3, "DENIED", "rm", "books", "docs/a", "-k", "home/.config/ate/key")
    while "it is kept until" in line:
        line = w.refused(3, "DENIED", "rm", "books", "docs/a")
    assert f"it is held at {rows['docs']['id']}" in line
    for who, what in (("release", "docs"), ("hold", "docs/a")):  # who may write all of it
        line = w.refused(3, "DENIED", who, "books", what, "-k", "bob",
                         "--root", w.ate("key", "show", "--json").object()["fingerprint"])
        assert "only a root key of the chain holds and releases" in line
    w.ate("hold", "books", "/")
    w.ate("release", "books", "docs")
    assert "it is held at the top" in w.refused(3, "DENIED", "rm", "books", "docs/a")
    w.ate("release", "books", "/", "--json")
    w.ate("rm", "books", "docs/a")
    w.refused(1, "NOT_FOUND", "hold", "books", "docs/a")
    w.ate("put", "plain", "a", "1")
    w.refused(7, "UNSUPPORTED", "hold", "plain", "a")
    w.refused(7, "UNSUPPORTED", "release", "plain", "a")


def test_server(w):
    w.key()
    server = w.server()
    w.ate("name", "work", server.chain(PATH))
    w.ate("put", "@work", "docs/a", "1", "--worm", "--retain", "90d")
    w.ate("put", "@work", "b", "1", "--worm", "--retain", "90d")
    w.refused(1, "EXISTS", "put", "@work", "c", "1", "--worm")
    refuse_changes(w, "@work")
    w.ate("hold", "@work", "docs")
    assert w.ate("get", "@work", "docs/a", "--json").object()["held"]
    assert w.ate("get", "@work", "docs/a", "--json", "--mirror", "copy").object()["held"]
    assert "copy" in w.refused(3, "READ_ONLY", "put", "copy", "x", "1")
    w.ate("release", "@work", "docs")
    assert not w.ate("get", "@work", "docs/a", "--json").object()["held"]
    assert b"all holds" in w.ate("verify", "@work").out
    large = random.Random(3).randbytes((5 << 20) + 11)
    w.ate("put", "@work", "large", stdin=large)
    assert w.ate("get", "@work", "large").out == large
    server.stop()


def make_tree(w):
    r = random.Random(5)
    w.file("tree/sub/large", r.randbytes((9 << 20) + 3))
    w.file("tree/sub/middle", r.randbytes((1 << 20) + 1))
    w.file("tree/small", b"x")
    (w.path("tree") / "link").symlink_to("small")
    (w.path("tree") / "hard").hardlink_to(w.path("tree/sub/large"))


def same_tree(w, out):
    made = w.run("diff", "-r", "--no-dereference", "tree", out)
    return made.out == b""


def test_trees(w):
    w.key()
    make_tree(w)
    w.ate("import", "books", "tree", "t", "--worm", "--retain", "1d")
    w.ate("export", "books", "out", "t")
    assert same_tree(w, "out")
    again = w.ate("import", "books", "tree", "t", "--json").objects()[-1]
    assert again["unchanged"] == 6 and again["failed"] == 0, again
    # What changed is named, what is new is stored.
    w.file("tree/small", b"y")
    w.file("tree/sub/large", b"z" * (2 << 20))
    w.file("tree/sub/new", b"new")
    failed = w.ate("import", "books", "tree", "t", status=3).err
    assert failed.count(b"in an archive nothing replaces it") == 3, failed  # and the hard link
    assert w.ate("get", "books", "t/sub/new").out == b"new"
    assert w.ate("get", "books", "t/small").out == b"x"
    assert b"all holds" in w.ate("verify", "books").out
    assert w.ate("ls", "books", "t").lines() == ["hard", "link", "small", "sub"]


def test_large_files_go_whole(w):
    """Its pages lie apart, and are held and deleted with it."""
    w.key()
    large = random.Random(7).randbytes((3 << 20) + 1)
    w.ate("put", "books", "large", "--worm", "--retain", "1s", stdin=large)
    assert w.ate("get", "books", "large", "--at", "2100-01-01").out == large
    w.ate("hold", "books", "large")
    held = [e for t in w.ate("log", "books", "--json").objects()[-1:] for e in t["events"]]
    assert len(held) == 2, held
    w.refused(3, "DENIED", "rm", "books", "large")
    assert w.ate("get", "books", "large").out == large
    w.ate("release", "books", "large")
    until_allowed(w, "rm", "books", "large")
    last = w.ate("log", "books", "--json").objects()[-1]["events"]
    assert [e["kind"] for e in last] == ["deleted"] * 6, last  # the file, 4 pages, what held them


def test_set_back(w):
    """Whoever can write the files of an archive deletes nothing: an older copy is noticed."""
    w.key()
    w.ate("put", "books", "a", "1", "--worm")
    shutil.copytree(w.path("books"), w.path("older"))
    w.ate("put", "books", "b", "1")
    shutil.rmtree(w.path("books"))
    shutil.move(w.path("older"), w.path("books"))
    w.refused(6, "ROLLED_BACK", "ls", "books")


if __name__ == "__main__":
    main(__name__)
