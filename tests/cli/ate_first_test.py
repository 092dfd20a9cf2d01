# SPDX-License-Identifier: MIT OR Apache-2.0
"""The first minute, as the manual shows it, on disk and at a server."""
import re
import stat

from world import main


def test_first_minute(w):
    r = w.ate("put", "notes", "hello", "world", status=3)
    assert r.err == b"ate: put: NO_KEY: you have no key yet; make one with: ate key new\n"
    assert r.out == b"" and not w.path("notes").exists()

    r = w.ate("key", "new")
    made = re.fullmatch(r"~/\.config/ate/key  ([\w-]{43})   \(Ed25519 \+ ML-DSA-65, X-Wing\)\. "
                        r"Back it up: nobody can restore it\.\n", r.out.decode())
    assert made and r.err == b"", r
    key = w.home / ".config/ate/key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700

    r = w.ate("put", "notes", "hello", "world")
    assert r.out == b"" and r.err.decode() == f"notes: new chain, root {made[1]}\n"
    r = w.ate("get", "notes", "hello")
    assert r.out == b"world" and r.err == b""


def test_first_minute_at_a_server(w):
    fingerprint = w.key()
    server = w.server()
    w.ate("name", "work", server.chain("/example.com/joe/notes"))
    r = w.ate("put", "@work", "hello", "world")
    address = f"tcp://127.0.0.1:{server.port}/example.com/joe/notes#pin={server.pin}," \
              f"root={fingerprint}"
    assert r.err.decode() == f"@work: new chain; address to share: {address}\n", r
    assert w.ate("get", "@work", "hello").out == b"world"
    # The address is all that somebody else needs to check the chain.
    assert b"all holds" in w.ate("verify", address, env={"HOME": str(w.path("other"))}).out


def test_key_is_never_overwritten(w):
    w.key()
    key = w.home / ".config/ate/key"
    before = key.read_bytes()
    line = w.refused(1, "EXISTS", "key", "new")
    assert "~/.config/ate/key" in line
    assert key.read_bytes() == before


def test_what_is_missing_is_said_with_what_makes_it(w):
    r = w.ate("key", "show", status=1)
    assert r.err == b"ate: key: ~/.config/ate/key: NOT_FOUND: there is no such key file; " \
                    b"ate key new makes one\n", r
    w.key()
    w.path("empty").mkdir()
    for where in "nowhere", "empty":
        r = w.ate("get", where, "hello", status=1)
        text = f"ate: get: {where}/hello: NOT_FOUND: no chain lies there: open "
        assert r.err.decode().startswith(text), r
        assert r.err.decode().endswith(" (ate put and ate import make one)\n"), r
    w.path("home/.config/ate/config").write_text("name work\n")
    line = w.refused(7, "MALFORMED", "ls", "@work")
    assert line.endswith('/.config/ate/config: line 1 is not "name NAME ADDRESS"'), line
    w.path("home/.config/ate/config").unlink()
    assert "an address begins with tcp://" in w.refused(7, "MALFORMED", "ls", "http://host/path")
    r = w.ate("put", "nowhere/notes", "hello", "world", status=1)
    assert b"NOT_FOUND: open nowhere: no such directory" in r.err, r
    w.ate("put", "notes", "hello", "world")
    r = w.ate("get", "notes", "hello", "--at", "yesterday", status=2)
    assert b"a time such as 2027-01-31, 2027-01-31T23:59:59+01:00, -2h or -7d" in r.err, r
    assert b"--at, which is a sequence or a time: " in r.err, r
    r = w.ate("get", "notes", "hello", "--at", "99", status=1)
    assert r.err.endswith(b"NOT_FOUND: the newest sequence is 1, not 99\n"), r
    r = w.ate("compact", "notes", "--deep", "--cut-off", "yesterday", status=2)
    assert b"--cut-off, which is a sequence or `now`: " in r.err, r
    assert w.refused(1, "NOT_FOUND", "prove", "notes", "1").endswith(
        "(ate checkpoint, with the same --mirror)")


def test_places(w):
    config, state = w.path("config"), w.path("state")
    env = {"XDG_CONFIG_HOME": str(config), "XDG_STATE_HOME": str(state)}
    w.ate("key", "new", env=env)
    w.ate("put", "notes", "a", "1", env=env)
    assert (config / "ate/key").exists() and not (w.home / ".config").exists()
    assert any((state / "ate").iterdir()) and not (w.home / ".local").exists()
    w.refused(3, "NO_KEY", "put", "notes", "a", "2")
    # $ATE_KEY names another key; -k is before it.
    w.key("one.key"), w.key("two.key")
    w.ate("put", "mine", "a", "1", env={"ATE_KEY": "one.key"})
    w.refused(3, "NO_KEY", "get", "mine", "a", "-k", "two.key",
              "--root", w.ate("key", "show", "one.key", "--json").object()["fingerprint"])
    assert w.ate("get", "mine", "a", env={"ATE_KEY": "one.key"}).out == b"1"
    assert w.ate("get", "mine", "a", "-k", "one.key", env={"ATE_KEY": "two.key"}).out == b"1"


if __name__ == "__main__":
    main(__name__)
