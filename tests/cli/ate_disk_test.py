# SPDX-License-Identifier: MIT OR Apache-2.0
"""The log on a file system of a disk, on a loop device: ate_disk_test.py BUILD/src KIND [TEST].

ext4 and xfs write in place, with blocks that are given ahead; btrfs writes each block anew. Full,
cut off from power, mounted anew, copied with holes and with shared blocks; and the unit tests that
are about the real disk, on it.

Who may not mount, or has no such file system in his kernel, is told so: the test is skipped as a
whole, and the last line of `make check` counts it."""
import os
import pathlib
import shutil
import subprocess
import sys

from disks import full_directory, full_server, mount, mounted
from world import PROGRAMS, main

KIND = sys.argv.pop(2)
UNIT = {
    "base_vfs_posix": (),
    "redo_kernel": (),
    "redo_process": (),
    "chain_whole": (),
    "api_cycles": ("100",),
}


def put_some(w, chain, count, there, begin=0):
    for n in range(begin, begin + count):
        value = os.urandom(1000 + 7919 * n % 40000)
        w.ate("put", chain, f"k{n}", f"@{w.file('value', value)}")
        there[f"k{n}"] = value


def check(w, chain, there):
    for name, value in there.items():
        assert w.ate("get", chain, name).out == value, name
    assert b"all holds" in w.ate("verify", chain).out


def segments(folder):
    return sorted(pathlib.Path(folder).glob("**/*.seg"))


def test_power_loss(w):
    """What the device has at the moment of the acknowledgement is all that the next machine gets:
    the file system's own recovery runs, then ours."""
    w.key()
    there, losses = {}, []
    with mounted(w, KIND) as disk:
        os.symlink(disk, w.path("logs"))
        server = w.server("--no-auth", "--segment-size", "256K")
        chain = server.chain("/example.com/joe/notes")
        local = str(disk / "local")
        for n in range(4):
            put_some(w, chain, 6, there, 6 * n)
            put_some(w, local, 1, there, 100 + n)
            shutil.copyfile(w.path("image"), w.path(f"loss{n}"))  # with what is not synced left out
            losses.append(dict(there))
    for n, acknowledged in enumerate(losses):
        shutil.rmtree(w.home / ".local/state")  # what a client remembers is newer than that
        with mount(w, KIND, w.path(f"loss{n}")) as disk:
            for place, kept in (("local", range(100, 999)), ("example.com/joe/notes", range(100))):
                part = {f"k{i}": acknowledged[f"k{i}"] for i in kept if f"k{i}" in acknowledged}
                check(w, str(disk / place), part)
                put_some(w, str(disk / place), 2, part, 1000)
                check(w, str(disk / place), part)
        w.path(f"loss{n}").unlink()


def test_mounted_anew(w):
    """Nothing is read from memory: compacted, backed up to another file system and back."""
    w.key()
    there = {}
    with mounted(w, KIND) as disk:
        put_some(w, str(disk / "notes"), 20, there)
        put_some(w, str(disk / "notes"), 10, there)
    with mount(w, KIND, w.path("image")) as disk:
        chain = str(disk / "notes")
        check(w, chain, there)
        w.ate("compact", chain)
        check(w, chain, there)
        w.ate("backup", chain, "copy")
        w.ate("rm", chain, "k3")
    del there["k3"]
    with mount(w, KIND, w.path("image")) as disk:
        check(w, str(disk / "notes"), there)
        w.ate("backup", str(disk / "notes"), "copy")
        w.ate("restore", "copy", str(disk / "back"))
        check(w, str(disk / "back"), there)


def test_blocks(w):
    """What is prewritten has its blocks; zeros that became holes, and blocks that two chains share,
    are the same bytes, and neither changes the other."""
    w.key()
    there = {}
    with mounted(w, KIND) as disk:
        os.symlink(disk, w.path("logs"))
        server = w.server("--no-auth")
        put_some(w, server.chain("/example.com/joe/notes"), 25, there)
        log = disk / "example.com/joe/notes"
        if KIND != "btrfs":
            for s in segments(log):
                assert s.stat().st_blocks * 512 >= s.stat().st_size, s
        subprocess.run(["cp", "-a", "--sparse=always", log, disk / "holes"], check=True)
        server.stop()
        ways = ["never"] if KIND == "ext4" else ["never", "always"]
        for way in ways:
            subprocess.run(["cp", "-a", f"--reflink={way}", log, disk / way], check=True)
        for place in ("holes", *ways):
            theirs = dict(there)
            check(w, str(disk / place), theirs)
            put_some(w, str(disk / place), 3, theirs, 50)
            w.ate("compact", str(disk / place))
            check(w, str(disk / place), theirs)
        check(w, str(log), there)


def test_units(w):
    """On it: the calls to the disk, processes that are killed, 64 writers, again and again."""
    with mounted(w, KIND) as disk:
        for name, more in UNIT.items():
            program = PROGRAMS.parent / f"tests/unit/{name}_test"
            w.run(str(program), *more, env={"TMPDIR": str(disk)})


def test_full_directory(w):
    full_directory(w, KIND)


def test_full_server(w):
    full_server(w, KIND)


if __name__ == "__main__":
    main(__name__)
