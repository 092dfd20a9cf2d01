# SPDX-License-Identifier: MIT OR Apache-2.0
"""Names of a private tree cannot be guessed from a stolen log.

Of an object whose name is open the log holds a tag that anybody can compute from the parent's id
and the name (docs/format/trust.md, Names): whoever has the log looks for the tags of the names that
he guesses. Here he knows the ids, and guesses every name right, and finds none of them. The tag is
made from the page alone, without the library; that it is the right one, and that the search finds
what is there, shows in objects that are open.
"""
import hashlib
import struct

from tree import noise, write
from world import main

TOP = bytes(16)
PATH = "/example.com/joe/notes"
# What anybody would guess first.
NAMES = ["README", "Makefile", "stdio.h", "errno.h", "passwords.txt", "index.html", "copyright",
         "changelog.gz", "main.c", "config", "id_rsa", "notes.txt", "caf\u00e9", "a", "x" * 255]


def frame(label, *fields):
    out = bytes([len(label)]) + label
    for field in fields:
        out += struct.pack("<Q", len(field)) + field
    return out


def open_tag(parent, name):
    return hashlib.sha256(frame(b"ate open name 1", parent, name)).digest()[:16]


def make_tree(w, folders=40):
    """Some hundred names that everybody knows, in folders with names of that kind; each file's
    content is its own, so that what is found is not found by accident."""
    top = w.path("tree")
    for n in range(folders):
        for name in NAMES:
            write(top / f"lib{n:02}" / name, noise(f"{n}/{name}", 40))
    return top


def objects_of(w, chain):
    """(parent's id, last part of the path) of all objects that the history names."""
    found = {}
    for t in w.ate("log", chain, "--json").objects():
        for e in t["events"]:
            if e["kind"] == "object" and "name" in e:
                name = e["name"].encode().rsplit(b"/", 1)[-1]
                found[e["name"]] = (bytes.fromhex(e["parent"]), name)
    return found


def stolen(folder):
    """Every byte of every file that the server has of the chain."""
    return b"\n".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())


def guessed(objects, log):
    """The paths whose open tag lies in the log."""
    return sorted(path for path, (parent, name) in objects.items() if open_tag(parent, name) in log)


def test_the_tag_of_the_page(w):
    """A vector made without this library (tests/vectors has the same for the library itself)."""
    assert frame(b"ab", b"c", b"") == b"\x02ab\x01\0\0\0\0\0\0\0c\0\0\0\0\0\0\0\0"
    w.key()
    w.ate("put", "notes", "hello", "x", "--public")
    log = stolen(w.path("notes/,chain"))
    assert log.count(open_tag(TOP, b"hello")) == 1
    assert open_tag(TOP, b"hellp") not in log and open_tag(b"\1" * 16, b"hello") not in log


def check(w, chain, folder):
    objects = objects_of(w, chain)
    assert len(objects) == 1 + 40 + 40 * len(NAMES), len(objects)  # tree, its folders, their files
    log = stolen(folder)
    assert len(log) > 100 * len(objects)
    assert guessed(objects, log) == []
    # Nor does a name stand there as it is.
    for name in ("passwords.txt", "changelog.gz", "lib07", "x" * 255):
        assert name.encode() not in log, name
    # One object is opened: now this one is found, and still no other.
    w.ate("put", chain, "tree/lib07/notice", "read this", "--public")
    objects = objects_of(w, chain)
    log = stolen(folder)
    assert guessed(objects, log) == ["tree/lib07/notice"], guessed(objects, log)
    assert b"read this" in log and b"passwords.txt" not in log


def test_private_tree_in_a_directory(w):
    w.key()
    w.ate("import", "notes", make_tree(w), "tree")
    check(w, "notes", w.path("notes/,chain"))


def test_private_tree_at_a_server(w):
    w.key()
    server = w.server()
    w.ate("name", "work", server.chain(PATH))
    w.ate("import", "@work", make_tree(w), "tree")
    check(w, "@work", server.logs)


def test_public_tree(w):
    """The same search finds every name of a tree that is open."""
    w.key()
    w.ate("put", "notes", "other", "1")
    w.ate("import", "notes", make_tree(w, 4), "tree", "--public")
    objects = objects_of(w, "notes")
    log = stolen(w.path("notes/,chain"))
    found = guessed(objects, log)
    assert found == sorted(path for path in objects if path != "other"), (len(found), found[:5])


if __name__ == "__main__":
    main(__name__)
