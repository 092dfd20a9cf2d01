# SPDX-License-Identifier: MIT OR Apache-2.0
"""atedb as users run it: its options, its ready line, its pin, its end."""
import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

from world import Failed, main

READY = re.compile(r"(tcp://([0-9.:\[\]]+):(\d+)/#pin=([\w-]{43}))     logs in (.*), (.*)\n")


class Atedb:
    """A process started with any options; its ready line, or how it failed."""

    def __init__(self, w, *words, env=None, **more):
        self.process = w.popen("atedb", *words, env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, **more)
        self.line = self.process.stdout.readline().decode()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        if self.process.returncode != 0 or out:
            raise Failed(f"status {self.process.returncode}\n{out}\n{err.decode()}")
        return err.decode().splitlines()


def refused(w, status, part, *words):
    r = w.run("atedb", *words, status=status)
    lines = r.err.decode().splitlines()
    assert r.out == b"" and len(lines) == 1 and lines[0].startswith("atedb: "), r
    assert part in lines[0], r


def test_ready_line(w):
    a = Atedb(w, "--no-auth", "-p", "0", "logs")
    m = READY.fullmatch(a.line)
    assert m and m[2] == "127.0.0.1" and m[5] == "logs", a.line
    assert m[6] == "anyone may create chains (--no-auth)"
    pin = m[4]
    key = w.path("logs/,server/key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert w.run("atedb", "pin", "logs").out.decode() == pin + "\n"  # beside it
    lines = a.stop()
    assert any(line.startswith("atedb: info: serving logs at tcp://127.0.0.1:") for line in lines)
    assert lines[-1] == "atedb: info: stopped"
    # The same pin again, without --no-auth, on another address, quietly.
    a = Atedb(w, "solo", "-q", "--listen=127.0.0.2", "--port", "0", "logs")
    m = READY.fullmatch(a.line)
    assert m and m[2] == "127.0.0.2" and m[4] == pin, a.line
    assert m[6] == "serves the chains it has and creates none"
    assert a.stop(signal.SIGINT) == []


def test_compact(w):
    for word in "always", "timer=", "timer=1x", "factor=1", "size=0", "factor-or-timer=2":
        refused(w, 2, "--compact: ", "logs", "--compact", word)
    refused(w, 2, "--compact-rate", "logs", "--compact-rate", "fast")
    for option in ["--compact-key", "key"], ["--compact-deep"]:
        refused(w, 2, "--compact-key and --compact-deep go with --compact", "logs", *option)
    refused(w, 1, "nowhere", "logs", "--compact", "on-open", "--compact-key", "nowhere")
    w.run("ate", "key", "new", "key")
    a = Atedb(w, "--no-auth", "-p", "0", "--compact", "size-or-timer=4M,1h", "--compact-key", "key",
              "--compact-rate=64M", "logs")
    where = READY.fullmatch(a.line)[1].replace("/#", "/a/b#")
    value = w.path("value")
    for i in range(12):
        value.write_bytes(os.urandom(1 << 20))
        w.run("ate", "put", where, "x", "@value", "-k", "key")
    for line in a.process.stderr:
        if line.startswith(b"atedb: info: compacted /a/b: "):
            break
    assert re.search(rb": \d+ of \d+ bytes went: \d+ old values, 0 events, 0 transactions", line)
    assert w.run("ate", "get", where, "x", "-k", "key").out == value.read_bytes()
    a.stop()
    w.run("ate", "verify", "logs/a/b", "-k", "key")


def test_pin_makes_the_key(w):
    pin = w.run("atedb", "pin", "new/logs").out.decode().strip()
    assert re.fullmatch(r"[\w-]{43}", pin)
    assert w.run("atedb", "pin", "--json", "new/logs").object() == {"pin": pin}
    a = Atedb(w, "-p", "0", "new/logs")
    assert f"#pin={pin}" in a.line
    a.stop()


def test_key_that_others_may_read(w):
    """It is no secret any more, and the server neither uses nor mends it."""
    pin = w.run("atedb", "pin", "logs").out
    key = w.path("logs/,server/key")
    before = key.read_bytes()
    for mode in (0o644, 0o640, 0o604, 0o620, 0o602, 0o601, 0o610, 0o777):
        os.chmod(key, mode)
        for words in (["atedb", "-p", "0", "logs"], ["atedb", "pin", "logs"]):
            r = w.run(*words, status=3)
            line = r.err.decode()
            assert r.out == b"" and line.count("\n") == 1 and "DENIED: " in line, r
            assert f"mode {mode:03o}" in line and line.endswith("chmod 600 logs/,server/key\n"), r
        assert key.read_bytes() == before and stat.S_IMODE(key.stat().st_mode) == mode
    for mode in (0o600, 0o400):
        os.chmod(key, mode)
        assert w.run("atedb", "pin", "logs").out == pin


def test_default_logs(w):
    data, state = w.path("data"), w.path("state")
    for env, logs in [({"STATE_DIRECTORY": str(state)}, state / "logs"),
                      ({"STATE_DIRECTORY": "", "XDG_DATA_HOME": str(data)}, data / "atedb/logs"),
                      ({"STATE_DIRECTORY": ""}, w.home / ".local/share/atedb/logs")]:
        if os.geteuid() == 0 and not env["STATE_DIRECTORY"]:
            continue  # root's is /var/lib/atedb/logs
        r = w.run("atedb", "pin", env=env)
        assert (logs / ",server/key").exists(), r


def test_host_key(w):
    key = w.path("state/host.key")
    Atedb(w, "-p", "0", "logs").stop()
    before = key.read_bytes()
    assert len(before) == 32 and stat.S_IMODE(key.stat().st_mode) == 0o600
    Atedb(w, "-p", "0", "logs").stop()
    assert key.read_bytes() == before
    for mode in (0o640, 0o604, 0o666):
        os.chmod(key, mode)
        r = w.run("atedb", "-p", "0", "logs", status=3)
        assert "DENIED: " in r.err.decode() and f"chmod 600 {key}" in r.err.decode(), r
    os.chmod(key, 0o600)
    os.chmod(key.parent, 0o777)
    r = w.run("atedb", "-p", "0", "logs", status=3)
    assert f"chmod go-w {key.parent}" in r.err.decode(), r
    os.chmod(key.parent, 0o700)
    key.write_bytes(before[:31])
    r = w.run("atedb", "-p", "0", "logs", status=7)
    assert "MALFORMED: " in r.err.decode(), r
    # Where there is no place for one, there are no view images, and the chains are served.
    a = Atedb(w, "-p", "0", "logs", env={"STATE_DIRECTORY": "/proc/nowhere"})
    assert any("without a host key" in line for line in a.stop())


def test_lost_host_key(w):
    state, chain = w.path("state"), w.path("logs/a/notes/,chain")

    def start():
        a = Atedb(w, "--no-auth", "-p", "0", "logs")
        return a, a.line.split()[0].replace("/#", "/a/notes#")

    def put(at, name, *more, status=0):
        w.ate("put", at, name, name, "--centralized", *more, status=status)

    w.key()
    a, at = start()
    w.path("log.pub").write_bytes(w.run("atedb", "log-key", "logs").out)
    put(at, "x", "--log-key", "log.pub")
    assert w.ate("get", at, "x", "--centralized").out == b"x"  # a checkpoint covers it
    before = (chain / "checkpoint").read_bytes()
    put(at, "y")
    a.process.kill()
    a.process.communicate()
    (chain / "checkpoint").write_bytes(before)
    key = (state / "host.key").read_bytes()
    os.unlink(state / "host.key")
    a, at = start()
    assert w.ate("get", at, "x", "--centralized", status=6).out == b"x"
    assert b"NOT_FOUND" in w.ate("get", at, "y", "--centralized", status=None).err
    put(at, "z", status=3)
    assert any("cannot be written here" in line and "host.key" in line for line in a.stop())
    r = w.ate("verify", "logs/a/notes", "--centralized", status=6)
    assert b"UNTRUSTED" in r.err and b"transaction 2" in r.err, r
    (state / "host.key").write_bytes(key)
    a, at = start()
    put(at, "z")
    for name in "xyz":
        assert w.ate("get", at, name, "--centralized").out == name.encode()
    a.stop()
    # A last checkpoint covers all: another machine goes on.
    os.unlink(state / "host.key")
    a, at = start()
    put(at, "more")
    a.stop()


def test_what_a_log_is_believed_for(w):
    state, checkpoint = w.path("state"), w.path("logs/a/notes/,chain/checkpoint")

    def log(status=0):
        r = w.ate("log", "logs/a/notes", "--centralized", "--json", status=status)
        return [(t["grounds"], t.get("log_key")) for t in r.objects() if "grounds" in t]

    w.key()
    a = Atedb(w, "--no-auth", "-p", "0", "logs")
    at = a.line.split()[0].replace("/#", "/a/notes#")
    w.path("log.pub").write_bytes(w.run("atedb", "log-key", "logs").out)
    w.ate("put", at, "x", "1", "--centralized", "--log-key", "log.pub")
    w.ate("put", at, "y", "2", "--centralized")
    w.ate("get", at, "y", "--centralized")  # a checkpoint covers it
    a.stop()
    seen = log()
    keys = {key for kind, key in seen if kind == "log key"}
    assert seen[0] == ("signed", None) and len(keys) == 1, seen
    assert all(kind == "log key" for kind, _ in seen[2:]), seen
    r = w.ate("log", "logs/a/notes", "--centralized").out.decode()
    assert "  attested, under log key " + keys.pop() in r, r
    os.unlink(checkpoint)
    assert {kind for kind, _ in log()} == {"signed", "host key"}
    r = w.ate("log", "logs/a/notes", "--centralized").out.decode()
    assert "  attested, under this machine's host key" in r, r
    os.unlink(state / "host.key")
    assert log(status=6) == []


def test_json(w):
    a = Atedb(w, "--json", "--no-auth", "-p", "0", "logs")
    ready = json.loads(a.line)
    assert ready["logs"] == "logs" and ready["no_auth"] is True
    assert re.fullmatch(r"tcp://127\.0\.0\.1:\d+/#pin=[\w-]{43}", ready["address"])
    for line in a.stop():
        assert set(json.loads(line)) == {"level", "text"}
    r = w.run("atedb", "--json", "--limit", "nothing=1", "logs", status=2)
    assert r.object()["error"] == "MISUSE" and r.object()["exit"] == 2


def test_ready_fd_and_notify(w):
    read, write = os.pipe()
    path = str(w.path("notify"))
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    notify.settimeout(60)
    a = Atedb(w, "-p", "0", "--ready-fd", str(write), "logs", env={"NOTIFY_SOCKET": path},
              pass_fds=[write])
    os.close(write)
    with os.fdopen(read) as pipe:
        assert pipe.readline() == a.line
    assert notify.recv(64) == b"READY=1"
    notify.close()
    a.stop()


def test_refused(w):
    refused(w, 2, "--frob", "--frob")
    refused(w, 2, "--port", "-p", "65536")
    refused(w, 2, "--port", "-p", "x")
    refused(w, 2, "not two", "a", "b")
    refused(w, 2, "--sync", "--sync", "sometimes")
    refused(w, 2, "interval", "--sync", "interval:0")
    refused(w, 2, "no such limit", "--limit", "frobs=1")
    refused(w, 2, "number from", "--limit", "streams=0")
    refused(w, 2, "NAME=VALUE", "--limit", "streams")
    refused(w, 7, "--no-auth", "--auth", "auth.example.com")
    refused(w, 7, "address to listen on", "-l", "nowhere", "logs")
    refused(w, 2, "this machine only", "-l", "0.0.0.0", "--no-wire-encryption", "logs")
    w.path("file").write_text("x")
    refused(w, 8, "file", "file")
    w.path("logs/,server/key").write_text("not a key\n")
    refused(w, 7, ",server/key", "-p", "0", "logs")


def test_in_use(w):
    a = Atedb(w, "-p", "0", "logs")
    port = READY.fullmatch(a.line)[3]
    refused(w, 5, "another server serves logs", "-p", "0", "logs")
    refused(w, 5, "another program", "-p", port, "other")
    a.stop()
    Atedb(w, "-p", "0", "logs").stop()


def test_help(w):
    text = w.run("atedb", "--help").out.decode()
    for word in ("--no-auth", "--sync", "--limit", "--ready-fd", "atedb pin", "create-bytes"):
        assert word in text, word
    assert max(len(line) for line in text.splitlines()) <= 100
    # Each limit that it names can be set to what it has.
    limits = re.findall(r"^  ([a-z-]+) +(\d+)$", text[text.index("Limits:"):], re.M)
    assert len(limits) > 20
    words = [word for name, value in limits for word in ("--limit", f"{name}={value}")]
    Atedb(w, *words, "-p", "0", "logs").stop()
    assert re.fullmatch(r"atedb \d+\.\d+\.\d+\n", w.run("atedb", "--version").out.decode())


def test_who_may_create(w):
    w.key()
    server = w.server("--limit", "idle-ms=1000")
    line = w.refused(3, "DENIED", "put", server.chain("/a"), "x", "1")
    assert "--no-auth" in line
    assert not w.path("logs/a").exists()
    server.stop()
    server.options = ("--no-auth",)
    server.start()
    w.ate("put", server.chain("/a"), "x", "1")
    server.stop()
    server.options = ()
    server.start()
    w.ate("put", server.chain("/a"), "x", "2")
    assert w.ate("get", server.chain("/a"), "x").out == b"2"
    log = server.log_text()
    assert "info: created /a for 127.0.0.1:" in log
    assert "info: did not create /a for 127.0.0.1:" in log


def forget(w):
    shutil.rmtree(w.home / ".local/state/ate")


def test_members_only(w):
    """A stranger is told nothing, a reader shown what is his, and nobody anything in clear text."""
    root = w.key()
    w.key("eve")
    w.key("bob")
    server = w.server("--no-auth", "--members-only", "-v", "--limit", "refusal-ms=300")
    chain = server.chain("/a")
    w.ate("put", chain, "x", "1", "-k", "home/.config/ate/key", "-k", w.public("bob", "reader.pub"))
    assert w.ate("get", chain, "x").out == b"1"
    assert w.ate("get", chain, "x", "-k", "bob", "--root", root).out == b"1"
    for words in (("get", chain, "x"), ("ls", chain), ("verify", chain),
                  ("get", chain, "x", "--mirror", "eves")):
        line = w.refused(3, "NO_ACCESS", *words, "-k", "eve", "--root", root)
        assert "prove a key that it holds" in line, line
    w.ate("key", "split", "bob")
    w.ate("key", "split", "eve")
    for more in ((), ("--mirror", "bobs")):
        assert w.ate("get", chain, "x", "-k", "bob.read", "--root", root, *more).out == b"1"
    line = w.refused(3, "NO_ACCESS", "get", chain, "x", "-k", "eve.read", "--root", root)
    assert "prove a key that it holds" in line, line
    w.ate("put", chain, "y", "2", "--mirror", "mine")
    forget(w)  # a mirror knows its chain
    assert w.ate("get", chain, "y", "--mirror", "mine").out == b"2"
    server.stop()
    log = server.log_text()
    assert re.search("debug: /a: 127.0.0.1:[0-9]+ has proved ", log), log
    assert re.search("info: /a: 127.0.0.1:[0-9]+ has proved no key of it", log), log


def test_members_only_address(w):
    """Who has never seen a chain needs its id, which the address has that is printed."""
    root = w.key()
    w.key("eve")
    server = w.server("--no-auth", "--members-only", "--limit", "refusal-ms=300")
    chain, nothing = server.chain("/a"), server.chain("/b")
    made = w.ate("put", chain, "x", "1")
    address = re.search(r"to share: (tcp://\S+)", made.err.decode())[1]
    assert ",chain=" in address and f"root={root}" in address, address
    forget(w)
    line = w.refused(3, "NO_ACCESS", "get", chain, "x")
    assert "an address with chain= does" in line, line
    assert w.ate("get", address, "x").out == b"1"
    forget(w)
    w.ate("name", "a", address)
    assert w.ate("get", "@a", "x").out == b"1"
    forget(w)
    w.ate("put", chain, "x", "2")  # who would create it is told by what is there
    assert w.ate("get", chain, "x").out == b"2"
    told = {w.refused(3, "NO_ACCESS", "get", at, "x", "-k", "eve").replace("/b", "/a")
            for at in (address, address.replace("/a#", "/b#"))}
    assert len(told) == 1, told
    w.refused(3, "NO_ACCESS", "get", nothing, "x")


def test_members_by_a_rule(w):
    """Who may add and has never signed is a member if the rule was given his public file."""
    root = w.key()
    w.key("ada")
    w.key("eve")
    server = w.server("--no-auth", "--members-only", "--limit", "refusal-ms=300")
    chain = server.chain("/a")
    eve = w.ate("key", "show", "eve", "--json").object()["fingerprint"]
    w.ate("put", chain, "box/first", "1")
    w.ate("protect", chain, "box", "--append", f"{w.public('ada', 'ada.pub')},{eve}")
    box = w.ate("protect", chain, "box", "--json").object()["id"]
    push = ("push", chain, f"({box})", "letter", "--root", root)
    made = w.ate(*push, "-k", "ada").out.decode().strip()
    assert w.ate("get", chain, made).out == b"letter"
    w.refused(3, "NO_ACCESS", *push, "-k", "eve")  # her fingerprint is all that the chain knows
    w.ate("key", "split", "eve")
    w.refused(3, "NO_ACCESS", *push[:2], "/", *push[3:], "-k", "eve.write")
    w.ate("protect", chain, "box", "--append", w.public("eve", "eve.pub"))
    w.ate(*push, "-k", "eve")
    w.refused(3, "DENIED", *push, "-k", "ada")


def test_descriptors_are_shared(w):
    """Connections that never say a word leave enough of them for the files of chains."""
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    a = Atedb(w, "--no-auth", "-p", "0", "logs", preexec_fn=few)
    port = int(READY.fullmatch(a.line)[3])
    files = f"/proc/{a.process.pid}/fd"
    before = len(os.listdir(files))
    silent = []
    for _ in range(100):
        silent.append(socket.create_connection(("127.0.0.1", port), timeout=10))
    most = 0
    for _ in range(20):  # all of them are in its queue, and it takes them
        most = max(most, len(os.listdir(files)))
        time.sleep(0.02)
    for s in silent:
        s.close()
    lines = a.stop()
    assert "atedb: info: 50 connections at most: this process may have 100 descriptors" in lines
    assert most - before <= 52 and most < 90, (before, most)


def test_stops_under_load(w):
    """Clients that write while it is told to end: each knows what became of its commit."""
    w.key()
    server = w.server("--no-auth")
    address = server.chain("/a")
    w.ate("put", address, "start", "0")
    done, lock = [], threading.Lock()

    def put(n):
        for i in range(1000):
            r = w.run("ate", "put", "--timeout", "5s", address, f"{n}/{i}", "x", status=None)
            if r.status != 0:
                assert r.status == 5, r
                return
            with lock:
                done.append(f"{n}/{i}")

    w.ate("put", address, "0/start", "-", stdin=b"")
    w.ate("put", address, "1/start", "-", stdin=b"")
    threads = [threading.Thread(target=put, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    while len(done) < 4:
        threads[0].join(0.01)
        assert all(thread.is_alive() for thread in threads)
    server.stop()
    for thread in threads:
        thread.join()
    server.start()
    for name in done:
        assert w.ate("get", address, name).out == b"x"


if __name__ == "__main__":
    main(__name__)
