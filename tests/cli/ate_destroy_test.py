# SPDX-License-Identifier: MIT OR Apache-2.0
"""ate destroy: who may, the name that is asked for, what its place is then, also at a server."""
import os
import pty
import subprocess
import time

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
        line = w.refused(3, "DENIED", "destroy", where, "--yes", PATH)
        assert "--allow-destroy" in line, line
    there = f"logs{PATH}"
    w.refused(5, "IN_USE", "destroy", there, "--yes", PATH)
    w.refused(3, "READ_ONLY", "destroy", "copy", "--yes", PATH)
    server.stop()
    w.ate("destroy", there, "--yes", PATH)
    server.start()
    line = w.refused(6, "ROLLED_BACK", "get", "@work", "a")  # it was signed for a directory
    assert "destroyed by its owner" in line, line
    w.refused(6, "ROLLED_BACK", "put", "@work", "a", "1")
    forgetful = {"XDG_STATE_HOME": str(w.path("state"))}
    line = w.refused(1, "NOT_FOUND", "get", "@work", "a", env=forgetful)
    assert "destroyed by its owner" in line, line
    line = w.refused(3, "DENIED", "put", "@work", "a", "1", env=forgetful)
    assert "destroyed by its owner" in line, line
    assert w.ate("get", "copy", "a").out == b"1"
    server.stop()


def test_from_afar(w):
    w.key()
    w.key("bob")
    server = w.server("--no-auth", "--allow-destroy")
    w.ate("name", "work", server.chain(PATH))
    w.ate("put", "@work", "a", "1")
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    watch = w.popen("ate", "watch", "@work", "--mirror", "copy", stderr=subprocess.PIPE)
    while not w.path("copy/,chain").exists():
        time.sleep(0.01)
    line = w.refused(3, "DENIED", "destroy", "@work", "--yes", PATH, "-k", "bob", "--root", root)
    assert "only a root key in force" in line, line
    assert f"--yes {PATH} destroys it" in w.refused(3, "DENIED", "destroy", "@work")
    w.refused(3, "DENIED", "destroy", "@work", "--yes", "/notes")
    assert w.ate("get", "@work", "a").out == b"1"
    o = w.ate("destroy", "@work", "--yes", PATH, "--json").object()
    assert o["destroyed"] and o["name"] == PATH and o["size"] == 2 and o["key"] == root, o
    told = watch.communicate(timeout=PATIENCE_S)[1].decode()
    assert watch.returncode == 1 and "its owner destroyed this chain" in told, told
    assert "NOT_FOUND" in told and "this mirror stays as it is" in told, told
    for _ in range(2):
        for words in (("get", "@work", "a"), ("ls", "@work"), ("verify", "@work"),
                      ("get", "@work", "a", "--mirror", "copy"),
                      ("destroy", "@work", "--yes", PATH)):
            line = w.refused(1, "NOT_FOUND", *words)
            assert f"signed with root key {root}" in line, line
        w.refused(3, "DENIED", "put", "@work", "a", "1")
        server.stop()
        server.start()
    assert os.listdir(w.path(f"logs{PATH}")) == [",destroyed"]
    assert w.ate("get", "copy", "a").out == b"1"
    server.stop()


def test_killed(w):
    """Whenever the server is killed, the chain is whole or destroyed, and so say all."""
    w.key()
    server = w.server("--no-auth", "--allow-destroy")
    ended = set()
    for number in range(12):
        path = f"/a/{number}"
        where = server.chain(path)
        w.ate("put", where, "a", "1")
        owner = w.popen("ate", "destroy", where, "--yes", path, "--timeout", "20s",
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.004 * number)
        server.kill()
        server.start()
        said = owner.communicate(timeout=PATIENCE_S)
        read = w.run("ate", "get", where, "a", status=None)
        gone = read.status == 1
        assert gone or read.out == b"1", read
        assert gone == (owner.returncode == 0), (owner.returncode, said, read)
        there = set(os.listdir(w.path(f"logs{path}")))
        assert there == ({",destroyed"} if gone else {",chain"}) or \
            there == {",destroyed", ",chain"}, there
        ended.add(gone)
    assert True in ended, ended
    server.stop()


if __name__ == "__main__":
    main(__name__)
