# SPDX-License-Identifier: MIT OR Apache-2.0
"""ls, rm, mv: names and what lies below them."""
from world import main


def names(w, *words):
    return w.ate("ls", "notes", *words).lines()


def test_ls(w):
    w.key()
    for name in ("b", "a", "docs/z", "docs/y/x", "Zebra", "\u00e4"):
        w.ate("put", "notes", name, name)
    assert names(w) == ["Zebra", "a", "b", "docs", "\u00e4"]
    assert names(w, "/") == names(w)
    assert names(w, "docs") == ["y", "z"]
    assert names(w, "-R") == ["Zebra", "a", "b", "docs", "docs/y", "docs/y/x", "docs/z", "\u00e4"]
    assert names(w, "-R", "docs") == ["y", "y/x", "z"]
    assert names(w, "a") == ["a"], "what nothing lies below is listed itself"
    w.refused(1, "NOT_FOUND", "ls", "notes", "nothing")
    line = w.refused(1, "NOT_FOUND", "ls", "notes", "docs/nothing/x")
    assert '"nothing"' in line


def test_ls_long(w):
    root = w.key()
    w.ate("put", "notes", "text", "12345")
    w.ate("put", "notes", "file", stdin=b"x" * (2 << 20))
    w.ate("put", "notes", "dir/x", "1")
    rows = {r.split()[-1]: r.split() for r in names(w, "-l")}
    assert rows["text"][:2] == ["text", "5"] and rows["file"][:2] == ["file", str(2 << 20)], rows
    assert rows["text"][2] == "1" and rows["text"][5:7] == [root[:8], root[:8]]
    objects = {o["name"]: o for o in w.ate("ls", "notes", "-lR", "--json").objects()}
    assert objects["dir/x"]["size"] == 1 and objects["dir/x"]["readers"] == [root]
    assert objects["text"]["authors"] == [root] and objects["dir"]["type"] == "dir"
    assert w.ate("ls", "notes", "-R", "--json").objects()[0].keys() == objects["dir"].keys()


def test_hidden_things(w):
    """Pages are part of their file; an object without a name is listed by its id."""
    w.key()
    w.ate("put", "notes", "f", stdin=b"y" * (3 << 20))
    assert names(w, "-R") == ["f"] and names(w, "f") == ["f"]


def test_rm(w):
    w.key()
    for name in ("x", "docs/a", "docs/b", "docs/c/d"):
        w.ate("put", "notes", name, "1")
    assert w.ate("rm", "notes", "x", "--json").object()["stage"] == "durable"
    w.refused(1, "NOT_FOUND", "rm", "notes", "x")
    line = w.refused(4, "CONFLICT", "rm", "notes", "docs")
    assert line.endswith("it has children: a, b, c; -r removes them with it"), line
    for n in range(8):
        w.ate("put", "notes", f"docs/m{n}", "1")
    line = w.refused(4, "CONFLICT", "rm", "notes", "docs")
    assert "and 6 more" in line, line
    assert len(names(w, "docs")) == 11
    w.ate("rm", "notes", "docs", "-r")
    assert names(w) == []
    w.refused(1, "NOT_FOUND", "get", "notes", "docs/a")
    w.ate("put", "notes", "docs", "a deleted name can be used again")
    w.ate("rm", "-r", "notes", "docs")
    w.refused(2, "MISUSE", "rm", "notes", "/")
    w.refused(2, "MISUSE", "rm", "notes")


def test_mv(w):
    w.key()
    w.ate("put", "notes", "a/b/c", "1")
    w.ate("put", "notes", "x", "2")
    before = w.ate("get", "notes", "a/b/c", "--json").object()["id"]
    w.ate("mv", "notes", "a/b", "moved")
    assert names(w, "-R") == ["a", "moved", "moved/c", "x"]
    assert w.ate("get", "notes", "moved/c").out == b"1"
    assert w.ate("get", "notes", "moved/c", "--json").object()["id"] == before
    w.ate("mv", "notes", "x", "a/y", "-v")
    assert w.ate("get", "notes", "a/y").out == b"2"
    w.ate("mv", "notes", "a/y", "a/y")
    o = w.ate("mv", "notes", "a/y", "a/\udcff", "--json").object()
    assert o["old_name"] == "a/y" and o["name_bytes"] == "YS__" and o["stage"] == "durable", o
    o = w.ate("mv", "notes", "a/\udcff", "a/y", "--json").object()
    assert o["old_name_bytes"] == "YS__" and o["name"] == "a/y" and "name_bytes" not in o, o
    line = w.refused(1, "EXISTS", "mv", "notes", "a/y", "moved")
    assert "taken" in line
    w.refused(1, "NOT_FOUND", "mv", "notes", "x", "z")
    w.refused(1, "NOT_FOUND", "mv", "notes", "a/y", "none/z")
    w.refused(2, "MISUSE", "mv", "notes", "moved", "moved/c/inside")
    w.refused(2, "MISUSE", "mv", "notes", "/", "z")
    w.refused(2, "MISUSE", "mv", "notes", "a", "/")
    w.refused(2, "MISUSE", "mv", "notes", "a", "..")
    assert names(w, "-R") == ["a", "a/y", "moved", "moved/c"]


def test_names_on_a_terminal(w):
    """What a chain says is escaped before a terminal sees it, and a line stays a line."""
    w.key()
    evil = "\x1b]0;owned\x07\x1b[2J\r\nx\u202e"
    w.ate("put", "notes", evil, "value \x1b[31m\u202e\x9b0m\n\tend")
    listed = w.ate("ls", "notes").out
    assert listed == b"\\x1b]0;owned\\x07\\x1b[2J\\x0d\\x0ax\\xe2\\x80\\xae\n", listed
    for words in (["ls", "notes"], ["ls", "-l", "notes"], ["log", "notes"], ["get", "notes", evil],
                  ["ls", "notes", "--json"], ["watch", "notes", "--since", "0", "--count", "1"],
                  ["rm", "notes", evil + "x"], ["verify", "notes"]):
        shown = w.on_terminal("ate", *words, "--color", "never", status=None).out
        assert shown, words
        for bad in (b"\x1b", b"\x07", b"\r", "\u202e".encode(), b"\x9b"):
            assert bad not in shown, (words, shown)
    shown = w.on_terminal("ate", "get", "notes", evil).out
    assert shown == b"value \\x1b[31m\\xe2\\x80\\xae\\xc2\\x9b0m\n\tend\n", shown
    w.ate("put", "notes", "plain", "no newline")
    assert w.on_terminal("ate", "get", "notes", "plain").out == b"no newline\n"
    assert w.ate("get", "notes", "plain").out == b"no newline"
    o = w.ate("ls", "notes", "--json").objects()[0]
    assert o["name"] == evil


def test_color(w):
    w.key()
    w.ate("put", "notes", "dir/x", "1")
    assert b"\x1b" not in w.ate("ls", "notes").out
    assert b"\x1b[1;34mdir\x1b[0m" in w.ate("ls", "notes", "--color", "always").out
    assert b"\x1b[1;34mdir" in w.on_terminal("ate", "ls", "notes").out
    assert b"\x1b" not in w.on_terminal("ate", "ls", "notes", env={"NO_COLOR": "1"}).out
    assert b"\x1b" not in w.on_terminal("ate", "ls", "notes", env={"TERM": "dumb"}).out


if __name__ == "__main__":
    main(__name__)
