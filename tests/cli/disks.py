# SPDX-License-Identifier: MIT OR Apache-2.0
"""Real file systems of a test's own: a tmpfs; ext4, xfs and btrfs in a file, on a loop device; and
what has to hold when they are full.

The images are as small as their mkfs allows: xfs wants 300 MiB, of which the file takes what is
written."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

from world import PATIENCE_S, Skipped

MIB = 1 << 20
MAKE = {
    "ext4": (32, ["mkfs.ext4", "-q", "-m", "0"]),
    "xfs": (320, ["mkfs.xfs", "-q"]),
    "btrfs": (256, ["mkfs.btrfs", "-q"]),
}


def call(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Skipped(f"{' '.join(words[:3])}: {done.stdout.decode(errors='replace').strip()}")


def make(image, kind):
    size, words = MAKE[kind]
    if not shutil.which(words[0]):
        raise Skipped(f"there is no {words[0]}")
    with open(image, "wb") as f:
        f.truncate(size * MIB)
    call(*words, str(image))


@contextlib.contextmanager
def mount(w, kind, image):
    """At the end servers are gone, and so is the mount; the image stays."""
    place = w.path("disk")
    place.mkdir(exist_ok=True)
    if kind == "tmpfs":
        call("mount", "-t", "tmpfs", "-o", "size=12m", "none", str(place))
    else:
        call("mount", "-t", kind, "-o", "loop", str(image), str(place))
    try:
        yield place
    finally:
        for server in w.servers:
            server.end(signal.SIGTERM)
        subprocess.run(["umount", str(place)], check=True)


@contextlib.contextmanager
def mounted(w, kind):
    """A new one."""
    if kind != "tmpfs":
        make(w.path("image"), kind)
    with mount(w, kind, w.path("image")) as place:
        yield place


def take(place, leave):
    """Another program takes all but about so many bytes."""
    folder = place / "other"
    folder.mkdir(exist_ok=True)
    n = len(list(folder.iterdir()))
    about = os.statvfs(place)
    for size in (about.f_bavail * about.f_frsize - leave - 2 * MIB, 65536, 4096, 65536, 4096):
        while size > 0:
            n += 1
            if not one_more(folder / f"{n:06}", size):
                break
            about = os.statvfs(place)
            if size > 65536 or about.f_bavail * about.f_frsize <= leave - size:
                break


def one_more(path, size):
    try:
        with open(path, "xb", 0) as f:
            if size > 65536:
                os.posix_fallocate(f.fileno(), 0, size)
            elif f.write(bytes(size)) != size:
                return False
            os.fsync(f.fileno())  # what was only promised is given now
    except OSError:
        return False
    return True


# ---- full ones ----


def fill(w, chain, status, name, prefix="o", size=200000):
    """Puts until there is no room; gives what was acknowledged."""
    sizes, n = {}, 0
    while True:
        value = w.file("value", os.urandom(size + n % 7 * 5000))
        object_name = f"{prefix}{n % 20}"
        r = w.ate("put", "--timeout", "10s", chain, object_name, f"@{value}", status=None)
        n += 1
        assert n < 1000
        if r.status == 5 and b": UNKNOWN: " in r.err:
            sizes.pop(object_name, None)
            if status == 8:  # met in the midst of a write, as where the file system copies on write
                assert b"No space left on device" in r.err, r
                return sizes
            # at a server: its time was over before
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


def deleted(w, kind, chain, name):
    """Where the file system copies on write, the log learns that the disk is full by a write that
    fails, which may be this one: its outcome is not known then, and that of the next one is."""
    for _ in range(3 if kind == "btrfs" else 1):
        r = w.ate("rm", chain, name, status=None)
        if r.status == 0 or b": NOT_FOUND: " in r.err:
            return
        assert kind == "btrfs" and b": UNKNOWN: " in r.err, r
        assert b"No space left on device" in r.err, r
    raise AssertionError(r)


def full_directory(w, kind):
    w.key()
    with mounted(w, kind) as disk:
        take(disk, 12 * MIB)
        chain = str(disk / "notes")
        there = fill(w, chain, 8, b"E_NO_SPACE")
        take(disk, 0)
        check(w, chain, there)
        there |= fill(w, chain, 8, b"E_NO_SPACE", "small", 9000)
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
        shutil.rmtree(disk / "other")
        w.ate("put", chain, "more", "x")
        check(w, chain, there)


def full_server(w, kind):
    w.key()
    with mounted(w, kind) as disk:
        os.symlink(disk, w.path("logs"))
        server = w.server("--no-auth")
        chain = server.chain("/example.com/joe/notes")
        w.ate("put", chain, "first", "1")
        take(disk, 3 * MIB)
        there = fill(w, chain, 5, b"the disk is full")
        check(w, chain, there)
        deleted(w, kind, chain, "first")  # also while it is full
        take(disk, 0)  # what xfs has given back meanwhile, too
        there |= fill(w, chain, 5, b"the disk is full", "small", 50000)
        check(w, chain, there)
        assert b"all holds" in w.ate("verify", chain).out
        process = server.process.pid
        shutil.rmtree(disk / "other")
        goes_on_by_itself(w, chain)
        check(w, chain, there)
        assert server.process.poll() is None and server.process.pid == process
        server.stop()
        assert b"all holds" in w.ate("verify", str(disk / "example.com/joe/notes")).out


def own_namespace():
    """Once more where mounting is allowed, if it is not here."""
    if os.geteuid() == 0 or os.environ.get("ATE_IN_NAMESPACE"):
        return
    words = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") and not subprocess.run([*words, "true"], check=False).returncode:
        os.environ["ATE_IN_NAMESPACE"] = "1"
        os.execvp("unshare", [*words, sys.executable, "-B", *sys.argv])
