# SPDX-License-Identifier: MIT OR Apache-2.0
"""Chains at a server: conflicts, time limits, mirrors, servers not there or not the one."""
import base64
import os
import random
import shutil
import socket
import subprocess
import threading
import time

from world import PATIENCE_S, Failed, main

PATH = "/example.com/joe/notes"


def work(w, *options):
    server = w.server(*options)
    w.ate("name", "work", server.chain(PATH))
    return server


def test_all_commands(w):
    root = w.key()
    work(w)
    large = random.Random(3).randbytes((5 << 20) + 11)
    w.ate("put", "@work", "docs/a", "1")
    w.ate("put", "@work", "docs/large", stdin=large)
    w.ate("put", "@work", "docs/a", "2", "--if", "1")
    assert w.ate("get", "@work", "docs/large").out == large
    assert w.ate("get", "@work", "docs/a", "--at", "1").out == b"1"
    w.ate("mv", "@work", "docs/a", "b")
    assert w.ate("ls", "@work", "-R").lines() == ["b", "docs", "docs/large"]
    rows = {o["name"]: o for o in w.ate("ls", "@work", "-lR", "--json").objects()}
    assert rows["b"]["authors"] == [root] and rows["docs/large"]["size"] == len(large)
    w.ate("rm", "@work", "docs", "-r")
    assert w.ate("ls", "@work").lines() == ["b"]
    assert b"all holds" in w.ate("verify", "@work").out
    log = w.ate("log", "@work", "--json").objects()
    assert all(t["verified"] and t["authors"] == [root] for t in log)
    assert w.ate("watch", "@work", "--since", "0", "--count", "1").lines()[0].endswith("docs")
    w.refused(7, "UNSUPPORTED", "put", "@work", "x", "1", "--scope", "local")
    w.refused(4, "CONFLICT", "put", "@work", "b", "3", "--if", "1")
    w.refused(1, "EXISTS", "put", "@work", "b", "3", "--if-absent")


def test_compacted_deeply(w):
    """Who has nothing, a mirror that was left behind, and a stream get what is left."""
    w.key()
    server = work(w)
    chain = f"{server.logs}{PATH}"
    w.ate("put", "@work", "kept", "one")
    w.ate("ls", "@work", "--mirror", "behind")
    for i in range(40):
        w.ate("put", "@work", "x", stdin=os.urandom(9000))
        w.ate("put", "@work", "gone", stdin=os.urandom(9000))
        w.ate("rm", "@work", "gone")
    value = w.ate("get", "@work", "x").out
    server.kill()
    w.ate("compact", chain, "--deep", "--cut-off", "now")
    there = w.ate("log", chain).out
    server.start()
    assert w.ate("log", "@work").out == there
    assert b"all holds: 123 transactions" in w.ate("verify", "@work").out
    for mirror in "behind", "fresh":
        assert w.ate("get", "@work", "x", "--mirror", mirror).out == value
        assert w.ate("get", "@work", "kept", "--mirror", mirror).out == b"one"
        assert os.listdir(w.path(mirror)) == [",chain"]
        assert w.ate("log", mirror).out == there
    w.ate("put", "@work", "x", "more", "--mirror", "behind")
    assert w.ate("get", "@work", "x", "--mirror", "fresh").out == b"more"
    w.ate("export", "@work", "out")
    assert w.path("out/x").read_bytes() == b"more"


def test_outsider(w):
    root = w.key()
    server = work(w)
    w.ate("put", "@work", "hello", "world")
    w.ate("put", "@work", "open", "x", "--public")
    env = {"HOME": str(w.path("other"))}
    w.ate("key", "new", env=env)
    address = server.chain(PATH, f",root={root}")
    for words in (["get", address, "hello"], ["get", address, "nothing"],
                  ["put", address, "hello", "x"], ["rm", address, "hello"],
                  ["rm", address, "nothing"]):
        w.refused(3, "NO_KEY", *words, env=env)
    assert w.ate("get", address, "open", env=env).out == b"x"
    w.refused(3, "DENIED", "rm", address, "open", env=env)
    w.refused(3, "DENIED", "put", address, "open", "y", env=env)
    assert sorted(w.ate("ls", address, env=env).lines()) == ["open", "private"]
    assert b"all holds" in w.ate("verify", address, env=env).out
    w.refused(6, "UNTRUSTED", "get", server.chain(PATH), "hello", env=env)


def test_conflicts_are_tried_again(w):
    """Writers of one name, all at once: each of them gets there, in some order."""
    w.key()
    work(w)
    w.ate("put", "@work", "x", "0")
    writers = [w.popen("ate", "put", "@work", "x", str(n), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE) for n in range(1, 7)]
    for process in writers:
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
    log = w.ate("log", "@work", "--json").objects()
    assert sum(e.get("name") == "x" for t in log for e in t["events"]) == 7
    # With --if one of them wins, and the others are told.
    o = w.ate("get", "@work", "x", "--json").object()
    writers = [w.popen("ate", "put", "@work", "x", "if", "--if", str(o["sequence"]),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    results = sorted((p.communicate(timeout=PATIENCE_S), p.returncode)[1] for p in writers)
    assert results == [0, 4, 4, 4], results


def test_parents_made_by_several(w):
    w.key()
    work(w)
    w.ate("put", "@work", "first", "0")
    writers = [w.popen("ate", "put", "@work", f"a/b/{n}", str(n), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE) for n in range(5)]
    for process in writers:
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
    assert w.ate("ls", "@work", "a/b").lines() == list("01234")


def test_creation_refused(w):
    w.key()
    server = w.server("--quiet")
    r = w.ate("put", server.chain(PATH), "x", "1", status=3)
    assert b"DENIED" in r.err or b"NO_ACCESS" in r.err, r
    w.refused(1, "NOT_FOUND", "get", server.chain(PATH), "x")


def test_wrong_server(w):
    w.key()
    server = work(w)
    w.ate("put", "@work", "x", "1")
    wrong = server.chain(PATH).replace(server.pin, "A" * 43)
    r = w.ate("get", wrong, "x", status=6)
    assert len(r.err.splitlines()) == 1, r
    w.refused(6, "UNTRUSTED", "get", server.chain(PATH).split("#")[0], "x")
    r = w.ate("get", server.chain("/"), "x", status=7)
    assert b"path" in r.err, r
    assert w.ate("get", "@work", "x").out == b"1"


def test_not_reached(w):
    w.key()
    server = work(w)
    w.ate("put", "@work", "x", "1")
    server.stop()
    for words in (["get", "@work", "x"], ["put", "@work", "x", "2"], ["rm", "@work", "x"],
                  ["ls", "@work"], ["verify", "@work"]):
        r = w.ate(*words, "--timeout", "300ms", status=5)
        assert len(r.err.splitlines()) == 1 and (b"OFFLINE" in r.err or b"TIMEOUT" in r.err), r
    server.start()
    assert w.ate("get", "@work", "x").out == b"1"


def test_timeout_bounds_the_command(w):
    """A server that takes connections and says nothing."""
    w.key()
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"tcp://127.0.0.1:{listener.getsockname()[1]}{PATH}#pin={'A' * 43}"
    for words in (["get", address, "x"], ["put", address, "x", "1"], ["rm", address, "x"],
                  ["ls", address]):
        begun = time.monotonic()
        r = w.ate(*words, "--timeout", "400ms", status=5)
        took = time.monotonic() - begun
        assert 0.3 < took < 20 and len(r.err.splitlines()) == 1, (took, r)
        r = w.ate(*words, "--timeout", "400ms", "--json", status=5)
        assert r.object()["exit"] == 5 and r.err == b"", r
    # So does a value that does not come.
    read, write = os.pipe()
    process = w.popen("ate", "put", "notes", "x", "--timeout", "300ms", stdin=read,
                      stderr=subprocess.PIPE)
    os.close(read)
    assert process.wait(PATIENCE_S) == 5
    assert process.stderr.read().count(b"\n") == 1
    process.stderr.close()
    os.close(write)
    listener.close()
    assert not w.path("notes").exists()


def test_garbage_from_the_server(w):
    w.key()
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"tcp://127.0.0.1:{listener.getsockname()[1]}{PATH}#pin={'A' * 43}"
    for garbage in (b"\0" * 100, b"HTTP/1.1 400 Bad Request\r\n\r\n", os.urandom(5000),
                    b"\x16\x03\x03\xff\xff" + b"x" * 5000):
        process = w.popen("ate", "get", address, "x", "--timeout", "5s", stderr=subprocess.PIPE)
        connection, _ = listener.accept()
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        status = process.wait(PATIENCE_S)
        assert status in (5, 6), (status, process.stderr.read())
        assert process.stderr.read().count(b"\n") == 1
        process.stderr.close()
        connection.close()
    listener.close()


def test_mirror(w):
    w.key()
    server = work(w)
    w.ate("put", "@work", "x", "1")
    assert w.ate("get", "@work", "x", "--mirror", "copy").out == b"1"
    assert any(w.path("copy").rglob("*.seg"))
    w.ate("put", "@work", "x", "2")
    assert w.ate("get", "@work", "x", "--mirror", "copy").out == b"2"
    assert w.ate("get", "@work", "x", "--mirror", "auto").out == b"2"
    cache = w.home / ".cache/ate"
    assert any(cache.rglob("*.seg"))
    other = w.path("cache")
    w.ate("ls", "@work", "--mirror", "auto", env={"XDG_CACHE_HOME": str(other)})
    assert any((other / "ate").rglob("*.seg"))
    # The cache may be emptied at any time.
    shutil.rmtree(cache)
    assert w.ate("get", "@work", "x", "--mirror", "auto").out == b"2"
    w.ate("put", "notes", "x", "1")
    w.refused(2, "MISUSE", "get", "notes", "x", "--mirror", "auto")
    assert b"all holds" in w.ate("verify", "@work", "--mirror", "copy").out
    # Nobody writes to the copy itself: what the server has next would be refused there.
    for words in (["put", "copy", "x", "3"], ["rm", "copy", "x"], ["mv", "copy", "x", "y"]):
        assert "a mirror of a chain at a server" in w.refused(3, "READ_ONLY", *words)
    assert w.ate("get", "copy", "x").out == b"2"
    w.ate("put", "@work", "x", "3", "--mirror", "copy")
    assert w.ate("get", "@work", "x", "--mirror", "copy").out == b"3"
    server.stop()


def test_not_reached_but_copied(w):
    """Who cannot reach the server is told of the copy at hand, and how to read it."""
    root = w.key()
    server = work(w)
    w.ate("put", "@work", "x", "1")
    shared = w.ate("name", "work").out.decode().strip() + ",root=" + root
    server.stop()
    line = w.refused(5, "OFFLINE", "get", "@work", "x")
    assert "is the server running" in line and "ate ls" not in line, line
    line = w.refused(5, "OFFLINE", "get", "@work", "x", "--mirror", "copy")
    assert "ate ls" not in line, line  # there is none yet
    server.start()
    w.ate("get", "@work", "x", "--mirror", "copy")
    server.stop()
    for words in (["get", "@work", "x"], ["put", "@work", "x", "2"], ["verify", "@work"]):
        line = w.refused(5, "OFFLINE", *words, "--mirror", "copy")
        assert line.endswith(" (what was copied can be read: ate ls copy)"), line
    assert "is the server running" in w.refused(5, "OFFLINE", "ls", "@work")
    server.start()
    w.ate("get", "@work", "x", "--mirror", "auto")
    server.stop()
    place = f"~/.cache/ate/127.0.0.1:{server.port}{PATH}"
    for words in (["get", "@work", "x"], ["ls", "@work", "--mirror", "auto"]):
        line = w.refused(5, "OFFLINE", *words)
        assert line.endswith(f"ate ls {place})"), line
    assert w.ate("ls", place.replace("~", str(w.home))).lines() == ["x"]
    # Whoever has no key of it trusts the copy by the root that the address names.
    env = {"XDG_CONFIG_HOME": str(w.path("none"))}
    line = w.refused(5, "OFFLINE", "ls", shared, env=env)
    assert line.endswith(f"ate ls {place} --root {root})"), line
    assert f": tcp://127.0.0.1:{server.port}{PATH}: OFFLINE: " in line, line
    w.ate("ls", place.replace("~", str(w.home)), "--root", root, env=env)
    o = w.ate("ls", "@work", "--json", status=5).object()
    assert o["error"] == "OFFLINE" and place in o["text"], o


def test_server_killed_while_it_is_written_to(w):
    """What was acknowledged is there, and what was not is whole or absent."""
    w.key()
    server = work(w)
    large = random.Random(5).randbytes(3 << 20)
    w.ate("put", "@work", "kept", stdin=large)
    for _ in range(3):
        process = w.popen("ate", "put", "@work", "new", "--timeout", "10s", stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE)
        process.stdin.write(large)
        server.kill()
        process.stdin.close()
        server.start()
        status = process.wait(PATIENCE_S)
        err = process.stderr.read()
        process.stderr.close()
        if status not in (0, 5):
            raise Failed(f"status {status}: {err}")
        assert w.ate("get", "@work", "kept").out == large
        r = w.ate("get", "@work", "new", status=None)
        assert r.status == (0 if status == 0 else r.status) and r.status in (0, 1), r
        assert r.out in (b"", large)
    assert b"all holds" in w.ate("verify", "@work").out


def test_clear_text_is_asked_for_by_both(w):
    w.key()
    server = w.server("--no-auth", "--no-wire-encryption")
    address = server.chain(PATH)
    w.ate("put", address, "x", "1", "--no-wire-encryption")
    assert w.ate("get", address, "x", "--no-wire-encryption").out == b"1"
    encrypted = work(w)
    r = w.ate("get", encrypted.chain(PATH), "x", "--no-wire-encryption", "--timeout", "3s",
              status=None)
    assert r.status in (5, 6, 7), r
    assert b"--no-wire-encryption" in r.err, r


def pump(source, target, heard):
    """What comes from the one goes to the other, and is kept."""
    try:
        while data := source.recv(1 << 16):
            heard.extend(data)
            target.sendall(data)
    except OSError:
        pass
    target.close()


def listen_between(server, heard):
    """The port of whoever stands between, for as many connections as come."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            client = listener.accept()[0]
            there = socket.create_connection(("127.0.0.1", int(server.port)))
            for ends in (client, there), (there, client):
                threading.Thread(target=pump, args=(*ends, heard), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def test_no_private_key_leaves(w):
    """Its seed is not in what client and server say to each other, nor in what either stores."""
    me = w.key()
    w.key("bob.key")
    bob = w.public("bob.key", "bob.public")
    heard = bytearray()
    server = w.server("--no-auth", "--no-wire-encryption")
    port = listen_between(server, heard)
    address = server.chain(PATH).replace(f":{server.port}", f":{port}")
    clear = "--no-wire-encryption"
    w.ate("put", address, "private", "of nobody else", clear)
    w.ate("protect", address, "private", "--read", f"{me},{bob}", clear)
    w.ate("get", address, "private", clear, "--mirror", "mirror")
    w.ate("log", address, clear)
    stored = b"".join(f.read_bytes() for top in (server.logs, "mirror")
                      for f in w.path(top).rglob("*") if f.is_file() and f.parent.name != ",server")
    assert PATH.encode() in heard and PATH.encode() in stored
    for key in w.path("bob.key"), w.home / ".config/ate/key":
        text = key.read_bytes().split(b"\nseed ")[1].split(b"\n")[0]
        seed = base64.urlsafe_b64decode(text + b"=")
        for secret in seed, text, seed.hex().encode():
            assert secret not in heard and secret not in stored, key


def test_what_is_typed_stands_behind_the_sentence(w):
    """The library names its own fields."""
    w.key()
    closed, lazy = w.server("-v"), w.server("--no-auth", "--sync", "never")
    line = w.refused(3, "DENIED", "put", closed.chain(PATH), "x", "1")
    assert "conf.no_auth" in line and line.endswith("(it has to be started with: atedb --no-auth)")
    w.ate("put", lazy.chain(PATH), "x", "1")
    line = w.refused(7, "UNSUPPORTED", "log", lazy.chain(PATH))
    assert line.endswith("(it runs with: atedb --sync never)"), line
    address = work(w).chain(PATH)
    w.ate("put", address, "x", "1")
    line = w.refused(1, "NOT_FOUND", "checkpoint", address)
    assert line.endswith("(its owner does, with: ate checkpoint --add-log-key FILE)"), line


if __name__ == "__main__":
    main(__name__)
