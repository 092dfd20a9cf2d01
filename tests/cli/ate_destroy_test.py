# SPDX-License-Identifier: MIT OR Apache-2.0
"""ate destroy: who may, the name that is asked for, what its place is then, also at a server."""
import os
import pty

from world import PATIENCE_S, Skipped, main

PATH = "/example.com/joe/notes"


def test_owner_alone(w):
    w.key()
    w.key("bob")
    bob = w.public("bob", "bob.pub")
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    w.ate("put", "notes", "a", "1", "-k", "home/.config/ate/key", "-k", bob)
    before = sorted(p.name for p in w.path("notes/,chain").iterdir())
    w.refused(1, "NOT_FOUND", "destroy", "nothing", "--yes", "/nothing")
    line = w.refused(3, "DENIED", "destroy", "notes", "--yes", "/notes", "-k", "bob", "--root",
                     root)
    assert f"only a root key in force destroys a chain; here that is {root}" in line, line
    w.refused(3, "DENIED", "destroy", "notes", "--yes", "/notes", "-k", "bob")
    line = w.refused(3, "DENIED", "destroy", "notes")
    assert "--yes /notes destroys it" in line, line
    for name in ("notes", "/note", "/notes/", "yes"):
        line = w.refused(3, "DENIED", "destroy", "notes", "--yes", name)
        assert "the chain here is /notes, not" in line, line
    w.refused(2, "MISUSE", "destroy", "notes", "--yes", "")
    w.refused(6, "WRONG_CHAIN", "destroy", "notes", "--yes", "/notes", "--root", "A" * 43)
    assert sorted(p.name for p in w.path("notes/,chain").iterdir()) == before
    assert w.ate("get", "notes", "a").out == b"1"
    o = w.ate("destroy", "notes", "--yes", "/notes", "--json").object()
    assert o["destroyed"] and o["name"] == "/notes" and o["size"] == 2 and o["key"] == root, o
    assert os.listdir(w.path("notes")) == [",destroyed"]
    for words in (("get", "notes", "a"), ("ls", "notes"), ("verify", "notes"), ("rm", "notes", "a"),
                  ("repair", "notes", "--yes"), ("destroy", "notes", "--yes", "/notes")):
        w.refused(1, "NOT_FOUND", *words)
    line = w.refused(3, "DENIED", "put", "notes", "a", "1")
    assert "destroyed by its owner" in line, line
    w.path("notes/,destroyed").unlink()
    w.ate("put", "notes", "a", "2")


def typed(w, text):
    """What a terminal shows, and the status, when this is typed."""
    try:
        master, slave = pty.openpty()
    except OSError as why:
        raise Skipped(f"no terminals here, is /dev/pts mounted? {why}") from why
    child = w.popen("ate", "destroy", "notes", stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    os.write(master, text.encode())
    shown = b""
    while True:
        try:
            more = os.read(master, 4096)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(master)
    return child.wait(PATIENCE_S), shown.decode()


def test_on_a_terminal(w):
    w.key()
    w.ate("put", "notes", "a", "1")
    for wrong in ("yes\n", "y\n", "\n", "notes\n"):
        status, shown = typed(w, wrong)
        assert status == 3 and "type its name to destroy it:" in shown, shown
        assert "/notes: 2 transactions, chain id " in shown, shown
    status, shown = typed(w, "/notes\n")
    assert status == 0 and "destroyed" in shown, shown
    assert not w.path("notes/,chain").exists()


def test_archive(w):
    w.key()
    w.ate("put", "ever", "a", "1", "--worm")
    assert "for ever" in w.refused(3, "DENIED", "destroy", "ever", "--yes", "/ever")
    w.ate("put", "books", "a", "1", "--worm", "--retain", "1s")
    w.ate("hold", "books", "a")
    while True:
        line = w.refused(3, "DENIED", "destroy", "books", "--yes", "/books")
        if "is held" in line:
            break
        assert "is kept for" in line, line
    w.ate("release", "books", "a")
    w.ate("destroy", "books", "--yes", "/books")


def test_server(w):
    w.key()
    server = w.server()
    w.ate("name", "work", server.chain(PATH))
    w.ate("put", "@work", "a", "1")
    w.ate("get", "@work", "a", "--mirror", "copy")
    for where in ("@work", server.chain(PATH)):
        w.refused(7, "UNSUPPORTED", "destroy", where, "--yes", PATH)
    there = f"logs{PATH}"
    w.refused(5, "IN_USE", "destroy", there, "--yes", PATH)
    w.refused(3, "READ_ONLY", "destroy", "copy", "--yes", PATH)
    server.stop()
    w.ate("destroy", there, "--yes", PATH)
    server.start()
    line = w.refused(1, "NOT_FOUND", "get", "@work", "a")
    assert "destroyed by its owner" in line, line
    line = w.refused(3, "DENIED", "put", "@work", "a", "1")
    assert "destroyed by its owner" in line, line
    assert w.ate("get", "copy", "a").out == b"1"
    server.stop()


if __name__ == "__main__":
    main(__name__)
