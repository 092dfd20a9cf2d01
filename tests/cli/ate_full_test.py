# SPDX-License-Identifier: MIT OR Apache-2.0
"""Files of a size; a disk that really is full: a small tmpfs, and a small ext4 on a loop device.

Mounting needs a privilege. Who has none gets it in a user namespace of his own, for the tmpfs;
where that is forbidden too the tests say so and are skipped (the simulated disk of
tests/unit/redo/room_test.c and tests/unit/chain/full_test.c needs none)."""
import contextlib
import os
import shutil
import subprocess
import sys
import time

from world import PATIENCE_S, Skipped, main

MIB = 1 << 20


def call(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Skipped(f"{' '.join(words[:3])}: {done.stdout.decode(errors='replace').strip()}")


@contextlib.contextmanager
def mounted(w, kind):
    """A file system of 12 MiB."""
    place = w.path("disk")
    place.mkdir()
    if kind == "tmpfs":
        call("mount", "-t", "tmpfs", "-o", "size=12m", "none", str(place))
    else:
        image = w.path("image")
        with open(image, "wb") as f:
            f.truncate(16 * MIB)
        if not shutil.which("mkfs.ext4"):
            raise Skipped("there is no mkfs.ext4")
        call("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image))
        call("mount", "-o", "loop", str(image), str(place))
    try:
        yield place
    finally:
        for server in w.servers:
            server.end(15)
        subprocess.run(["umount", str(place)], check=True)


def take(place, leave):
    """Another program takes all but so many bytes."""
    with open(place / "other", "ab", 0) as f:
        for size in (65536, 4096, 65536, 4096):  # what was only promised is given by the sync
            with contextlib.suppress(OSError):
                while f.write(bytes(size)) == size:
                    pass
            os.fsync(f.fileno())
    with open(place / "other", "r+b") as f:
        f.truncate(max(0, os.path.getsize(place / "other") - leave))


def fill(w, chain, status, name):
    """Puts until there is no room; gives what was acknowledged."""
    sizes, n = {}, 0
    while True:
        value = w.file("value", os.urandom(200000 + n % 7 * 5000))
        object_name = f"o{n % 20}"
        r = w.ate("put", "--timeout", "10s", chain, object_name, f"@{value}", status=None)
        n += 1
        assert n < 1000
        if status == 5 and b": UNKNOWN: " in r.err:  # its time was over before
            sizes.pop(object_name, None)
        elif r.status:
            assert r.status == status and name in r.err, r
            assert b"the disk is full" in r.err and b"delete and compact" in r.err, r
            return sizes
        else:
            sizes[object_name] = w.path("value").read_bytes()


def check(w, chain, there):
    for name, value in there.items():
        assert w.ate("get", chain, name).out == value, name


def goes_on_by_itself(w, chain):
    """How often it is tried is the clock's affair: the server looks for room each second."""
    until = time.monotonic() + PATIENCE_S
    while w.ate("put", chain, "again", "x", status=None).status:
        assert time.monotonic() < until
    assert w.ate("get", chain, "again").out == b"x"


def in_directory(w, kind):
    w.key()
    with mounted(w, kind) as disk:
        chain = str(disk / "notes")
        there = fill(w, chain, 8, b"E_NO_SPACE")
        take(disk, 0)
        check(w, chain, there)
        small = w.ate("put", chain, "small", f"@{w.file('value', os.urandom(9000))}", status=8)
        assert b"the disk is full" in small.err, small
        check(w, chain, there)
        w.ate("rm", chain, "o1")
        del there["o1"]
        w.ate("rm", chain, "o2")
        del there["o2"]
        w.ate("compact", chain)  # what was replaced and deleted goes
        check(w, chain, there)
        assert b"all holds" in w.ate("verify", chain).out
        w.ate("put", chain, "o1", f"@{w.file('value', os.urandom(50000))}")
        there["o1"] = w.path("value").read_bytes()
        check(w, chain, there)
        (disk / "other").unlink()
        w.ate("put", chain, "more", "x")
        check(w, chain, there)


def at_server(w, kind):
    w.key()
    with mounted(w, kind) as disk:
        os.symlink(disk, w.path("logs"))
        server = w.server("--no-auth")
        chain = server.chain("/example.com/joe/notes")
        w.ate("put", chain, "first", "1")
        take(disk, 3 * MIB)
        there = fill(w, chain, 5, b"the disk is full")
        check(w, chain, there)
        w.ate("rm", chain, "first")  # also while it is full
        w.ate("put", "--timeout", "1s", chain, "small", "x" * 50000, status=5)
        check(w, chain, there)
        assert b"all holds" in w.ate("verify", chain).out
        process = server.process.pid
        (disk / "other").unlink()
        goes_on_by_itself(w, chain)
        check(w, chain, there)
        assert server.process.poll() is None and server.process.pid == process
        server.stop()
        assert b"all holds" in w.ate("verify", str(disk / "example.com/joe/notes")).out


def test_segment_size(w):
    """Files of a size; where it is not told again they grow on."""
    w.key()
    for bad in ("5", "63K", "65537", "128M", "x"):
        w.refused(2, "MISUSE", "put", "notes", "a", "1", f"--segment-size={bad}")
    assert not w.path("notes").exists()
    value, there = w.file("value", os.urandom(30000)), w.path("value").read_bytes()
    for n in range(6):
        w.ate("put", "notes", f"a{n}", f"@{value}", "--segment-size", "64K")
    files = [f.stat().st_size for f in w.path("notes/,chain").glob("*.seg")]
    assert len(files) >= 5 and max(files) <= 65536, files
    for n in range(6):
        w.ate("put", "notes", f"b{n}", f"@{value}")
    files = [f.stat().st_size for f in w.path("notes/,chain").glob("*.seg")]
    assert max(files) > 65536, files
    for n in range(6):
        for name in "a", "b":
            assert w.ate("get", "notes", f"{name}{n}").out == there
    assert b"all holds: 13 transactions" in w.ate("verify", "notes").out
    # A server's chains.
    r = w.run("atedb", "--segment-size", "65537", "logs", status=2)
    assert b"a multiple of 4096" in r.err, r
    server = w.server("--no-auth", "--segment-size", "64K")
    chain = server.chain("/example.com/joe/notes")
    for n in range(5):
        w.ate("put", chain, f"a{n}", f"@{value}")
    server.stop()
    files = [f.stat().st_size for f in (server.logs / "example.com/joe/notes/,chain").glob("*.seg")]
    assert len(files) >= 3 and max(files) <= 65536, files


def test_directory_on_tmpfs(w):
    in_directory(w, "tmpfs")


def test_directory_on_ext4(w):
    in_directory(w, "ext4")


def test_server_on_tmpfs(w):
    at_server(w, "tmpfs")


def test_server_on_ext4(w):
    at_server(w, "ext4")


def own_namespace():
    """Once more where mounting is allowed, if it is not here."""
    if os.geteuid() == 0 or os.environ.get("ATE_IN_NAMESPACE"):
        return
    words = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") and not subprocess.run([*words, "true"], check=False).returncode:
        os.environ["ATE_IN_NAMESPACE"] = "1"
        os.execvp("unshare", [*words, sys.executable, "-B", *sys.argv])


if __name__ == "__main__":
    own_namespace()
    main(__name__)
