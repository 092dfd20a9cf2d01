# SPDX-License-Identifier: MIT OR Apache-2.0
"""Who may read and write: keys given when a chain is made, outsiders, what is public."""
import json
import os
import re

from world import main


def outsider(w):
    """The environment of somebody with a key of their own."""
    home = w.path("outsider")
    home.mkdir()
    env = {"HOME": str(home)}
    w.ate("key", "new", env=env)
    return env


def fingerprint(w, file):
    return w.ate("key", "show", file, "--json").object()["fingerprint"]


def test_key_show(w):
    w.ate("key", "new", "a.key", "--label", "caf\u00e9 of Ada")
    o = w.ate("key", "show", "a.key", "--json").object()
    assert o["private"] and o["label"] == "caf\u00e9 of Ada", o
    assert o["algorithm"] == "mldsa65-ed25519-sha512 x-wing"
    public = w.ate("key", "show", "a.key", "--public").out
    assert public.startswith(b"ate-public-key 1\n") and b"seed" not in public
    w.path("a.pub").write_bytes(public)
    p = w.ate("key", "show", "a.pub", "--json").object()
    assert p["fingerprint"] == o["fingerprint"] and not p["private"]
    assert w.ate("key", "show", "a.pub", "--public").out == public
    text = w.ate("key", "show", "a.key").out.decode()
    assert re.fullmatch(r"a\.key  [\w-]{43}   private key, .*, caf\u00e9 of Ada\n", text), text
    w.refused(1, "NOT_FOUND", "key", "show", "none")
    w.refused(2, "MISUSE", "key", "delete", "a.key")
    w.refused(2, "MISUSE", "key", "new", "b.key", "--label", "two\nlines")
    w.refused(2, "MISUSE", "key", "new", "b.key", "--public")
    w.refused(2, "MISUSE", "key", "show", "a.key", "--label", "x")
    assert not w.path("b.key").exists()


def test_bad_key_files(w):
    w.key("good.key")
    good = w.path("good.key").read_bytes()
    os.chmod(w.path("good.key"), 0o644)
    line = w.refused(3, "DENIED", "put", "notes", "x", "1", "-k", "good.key")
    assert line.endswith("make it yours alone: chmod 600 good.key"), line
    assert "chmod 600" in line
    seed = re.search(rb"seed (\S{43})", good)[1]
    for n, bad in enumerate([b"", b"x", good[:-20], good.replace(b"ate-key 1", b"ate-key 3"),
                             good.replace(b"mldsa65", b"mldsa99"), b"\0" * 4096,
                             good.replace(seed, seed[:-1]), b"a" * (1 << 20),
                             good + b"more x\n"]):
        name = f"bad{n}.key"
        w.path(name).write_bytes(bad)
        os.chmod(w.path(name), 0o600)
        r = w.ate("put", "notes", "x", "1", "-k", name, status=7)
        assert seed not in r.err and len(r.err.splitlines()) == 1, r
    w.refused(7, "MALFORMED", "put", "notes", "x", "1", "-k", ".")
    line = w.refused(3, "NO_KEY", "put", "notes", "x", "1", "-k", "none.key")
    assert "ate key new none.key" in line
    assert not w.path("notes").exists()


def test_several_keys(w):
    """The first key signs and owns, all of them read and write."""
    a, b = w.key("a.key"), w.key("b.key")
    w.public("b.key", "b.pub")
    w.ate("put", "-k", "a.key", "-k", "b.pub", "notes", "x", "by a")
    assert w.ate("get", "-k", "a.key", "notes", "x").out == b"by a"
    # b holds no root key, so it says which one it trusts.
    line = w.refused(6, "UNTRUSTED", "get", "-k", "b.key", "notes", "x")
    assert line.endswith(f", conf.root says so (--root {a})"), line
    line = w.refused(6, "WRONG_CHAIN", "get", "-k", "b.key", "--root", b, "notes", "x")
    assert line.endswith(f"(--root {a})"), line
    w.public("a.key", "a.pub")
    assert w.ate("get", "-k", "b.key", "--root", a, "notes", "x").out == b"by a"
    assert w.ate("get", "-k", "b.key", "--root-key", "a.pub", "notes", "x").out == b"by a"
    w.ate("put", "-k", "b.key", "--root", a, "notes", "x", "by b")
    w.ate("put", "-k", "b.key", "--root", a, "notes", "sub/y", "by b, deep")
    assert w.ate("get", "-k", "a.key", "notes", "sub/y").out == b"by b, deep"
    o = w.ate("get", "-k", "a.key", "notes", "x", "--json").object()
    assert o["authors"] == [b] and o["value"] == "by b"
    log = w.ate("log", "-k", "a.key", "notes", "--json").objects()
    assert [t["authors"] for t in log] == [[a], [a], [b], [b]]
    rules = [e for e in log[0]["events"] if "read" in e]
    assert sorted(rules[0]["read"]) == sorted([a, b])
    line = w.refused(3, "NO_KEY", "put", "-k", "b.pub", "-k", "a.key", "other", "x", "1")
    assert "private" in line


def test_keys_that_may_not_read(w):
    """An error, never a private part of the chain."""
    w.key("a.key"), w.key("b.key")
    b = fingerprint(w, "b.key")
    w.public("b.key", "b.pub")
    w.ate("put", "-k", "a.key", "notes", "docs/x", "1")
    for words in (["put", "notes", "y", "2"], ["put", "notes", "docs/y", "2"],
                  ["put", "notes", "new/y", "2"], ["import", "notes", "home", "imported"]):
        line = w.refused(3, "NO_KEY", *words, "-k", "a.key", "-k", "b.pub")
        assert "b.pub" in line and b[:8] in line, line
    assert w.ate("ls", "-R", "-k", "a.key", "notes").lines() == ["docs", "docs/x"]


def test_outsiders(w):
    root = w.key()
    w.ate("put", "notes", "docs/hello", "world")
    env = outsider(w)
    for words in (["get", "notes", "docs/hello"], ["get", "notes", "docs/nothing"],
                  ["get", "notes", "docs"], ["get", "notes", "nothing"],
                  ["rm", "notes", "docs/hello"], ["rm", "notes", "nothing"],
                  ["mv", "notes", "docs", "x"],
                  ["put", "notes", "docs/hello", "x"], ["put", "notes", "new", "x"]):
        line = w.refused(3, "NO_KEY", *words, "--root", root, env=env)
        if words[0] != "put":
            assert line.endswith(f"readers: {root[:8]}... (ate ls -l shows them)"), line
        w.refused(6, "UNTRUSTED", *words, env=env)
    # Without any key at all it is the same.
    bare = {"HOME": str(w.path("bare"))}
    w.refused(3, "NO_KEY", "get", "notes", "docs/hello", "--root", root, env=bare)
    assert w.ate("ls", "notes", "--root", root, env=bare).lines() == ["private"]
    o = w.ate("ls", "notes", "--root", root, "-l", "--json", env=bare).object()
    assert o["private"] and "name" not in o and "type" not in o and o["readers"] == [root]
    # What anybody may see: that there are transactions, and that they hold.
    assert b"all holds" in w.ate("verify", "notes", "--root", root, env=bare).out
    log = w.ate("log", "notes", "--root", root, env=bare).out.decode()
    assert "private" in log and "docs" not in log and "hello" not in log and "verified" in log


def test_names_cannot_be_guessed(w):
    """The same answer for a name that is there and one that is not, byte for byte."""
    root = w.key()
    w.ate("put", "notes", "hello", "world")
    env = outsider(w)
    errors = [w.ate("get", "notes", name, "--root", root, env=env, status=3).err.decode()
              for name in ("hello", "olleh")]
    assert errors[0].replace("hello", "") == errors[1].replace("olleh", ""), errors


def test_right_to_change(w):
    """Where only the right is missing, it is DENIED: what is public can be read by all."""
    root = w.key()
    w.ate("put", "notes", "open", "to all", "--public")
    w.ate("put", "notes", "closed", "to others")
    env = outsider(w)
    assert w.ate("get", "notes", "open", "--root", root, env=env).out == b"to all"
    assert w.ate("get", "notes", "open", "--root", root, "--json", env=env).object()["public"]
    w.refused(3, "NO_KEY", "get", "notes", "closed", "--root", root, env=env)
    w.refused(3, "DENIED", "put", "notes", "open", "mine now", "--root", root, env=env)
    w.refused(3, "DENIED", "rm", "notes", "open", "--root", root, env=env)
    assert w.ate("get", "notes", "open").out == b"to all"
    assert sorted(w.ate("ls", "notes", "--root", root, env=env).lines()) == ["open", "private"]


def test_public(w):
    root = w.key()
    bare = {"HOME": str(w.path("bare"))}
    large = bytes(range(256)) * (1 << 13)
    w.ate("put", "notes", "large", "--public", stdin=large)
    w.ate("put", "notes", "file", "--public", "--type", "file", stdin=b"small")
    w.ate("put", "notes", "task", '{"a":1}', "--public", "--type", "task")
    w.ate("put", "notes", "secret", "x")
    for name, value in (("large", large), ("file", b"small"), ("task", b'{"a":1}')):
        assert w.ate("get", "notes", name, "--root", root, env=bare).out == value
    # It stays public when it is replaced, and one that was private becomes it.
    w.ate("put", "notes", "task", "text now")
    assert w.ate("get", "notes", "task", "--root", root, env=bare).out == b"text now"
    w.ate("put", "notes", "secret", "no more", "--public")
    assert w.ate("get", "notes", "secret", "--root", root, env=bare).out == b"no more"
    rows = {o["name"]: o for o in w.ate("ls", "notes", "--json").objects()}
    assert all(o["public"] and o["readers"] == "everyone" for o in rows.values()), rows
    # A directory that put makes on the way is not.
    w.ate("put", "notes", "dir/open", "x", "--public")
    assert "private" in w.ate("ls", "notes", "--root", root, env=bare).lines()


def test_secrets_are_never_printed(w):
    w.key()
    seed = re.search(r"seed (\S+)", (w.home / ".config/ate/key").read_text())[1]
    w.ate("put", "notes", "x", "1")
    for words in (["key", "show"], ["key", "show", "--public"], ["get", "notes", "x", "--json"],
                  ["log", "notes"], ["verify", "notes", "--json"], ["put", "notes", "x", "2", "-v"],
                  ["ls", "notes", "-l"]):
        r = w.ate(*words)
        assert seed.encode() not in r.out + r.err
    assert all(seed.encode() not in p.read_bytes() for p in w.path("notes").rglob("*")
               if p.is_file())


def test_roots(w):
    a, b = w.key("a.key"), w.key("b.key")
    w.ate("put", "-k", "a.key", "notes", "x", "1")
    line = w.refused(6, "WRONG_CHAIN", "get", "notes", "x", "--root", b, "-k", "a.key")
    assert a in line
    w.ate("get", "notes", "x", "--root", b, "--root", a, "-k", "a.key")
    w.refused(1, "NOT_FOUND", "get", "notes", "x", "--root", "no.pub", "-k", "a.key")
    w.refused(7, "MALFORMED", "get", "notes", "x", "--root", "home", "-k", "a.key")


def test_json_errors(w):
    r = w.ate("put", "notes", "x", "1", "--json", status=3)
    o = json.loads(r.out)
    assert r.err == b"" and o["error"] == "NO_KEY" and o["exit"] == 3, r
    assert o["command"] == "put" and "ate key new" in o["text"]


if __name__ == "__main__":
    main(__name__)
