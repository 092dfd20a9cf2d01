# SPDX-License-Identifier: MIT OR Apache-2.0
"""Files of a size; a disk that really is full: a small tmpfs. tests/cli/ate_disk_test.py has the
file systems of a disk.

Mounting needs a privilege. Who has none gets it in a user namespace of his own; where that is
forbidden too the tests say so and are skipped (the simulated disk of tests/unit/redo/room_test.c
and tests/unit/chain/full_test.c needs none)."""
import os

from disks import full_directory, full_server, own_namespace
from world import main


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


def test_directory(w):
    full_directory(w, "tmpfs")


def test_server(w):
    full_server(w, "tmpfs")


if __name__ == "__main__":
    own_namespace()
    main(__name__)
