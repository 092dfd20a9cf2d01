# SPDX-License-Identifier: MIT OR Apache-2.0
"""ate backup, restore and repair: of chains in use, killed on the way, with damage."""
import os
import pathlib
import pty
import shutil
import signal
import subprocess

from world import PATIENCE_S, Skipped, main


def fill(w, count, begin=0):
    for n in range(begin, begin + count):
        w.ate("put", "notes", f"k{n}", stdin=bytes([n % 251]) * 3000)


def head(w, chain):
    v = w.ate("verify", chain, "--json").objects()[-1]
    return v["size"], v["head"]


def segments(w, chain):
    return sorted(pathlib.Path(w.path(chain), ",chain").glob("*.seg"))


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_incremental(w):
    w.key()
    fill(w, 40)
    first = w.ate("backup", "notes", "copy", "--json").object()
    assert first["size_before"] == 0 and first["files_kept"] == 0, first
    again = w.ate("backup", "notes", "copy", "--json").object()
    assert again["files_copied"] == again["bytes_copied"] == 0, again
    fill(w, 40, 40)
    more = w.ate("backup", "notes", "copy", "--json").object()
    assert more["size_before"] == first["size"] and more["files_kept"] >= 1, more
    assert head(w, "copy") == head(w, "notes") == (more["size"], more["head"])
    assert w.ate("get", "copy", "k77").out == bytes([77]) * 3000
    w.ate("compact", "notes")
    w.ate("backup", "notes", "copy")
    w.ate("backup", "notes", "fresh")
    for a, b in zip(segments(w, "copy"), segments(w, "fresh"), strict=True):
        assert a.name == b.name and a.read_bytes() == b.read_bytes(), (a, b)


def test_in_use(w):
    """A writer that goes on, one group after the other, while copies are made."""
    w.key()
    fill(w, 10)
    big = w.path("big")
    for n in range(60):
        w.file(f"big/{n}", os.urandom(40000))
    writer = w.popen("ate", "import", "notes", big, "in", stdout=subprocess.PIPE)
    sizes = [w.ate("backup", "notes", "copy", "--json").object()["size"] for _ in range(4)]
    assert sizes == sorted(sizes) and sizes[0] >= 11, sizes
    writer.communicate()
    assert writer.returncode == 0
    w.ate("backup", "notes", "copy")
    assert head(w, "copy") == head(w, "notes")


def test_killed(w):
    """kill -9 at moments that the scheduler chooses: the copy is one, never a smaller one."""
    w.key()
    fill(w, 20)
    w.ate("backup", "notes", "copy")
    seen = head(w, "copy")[0]
    for n in range(12):
        fill(w, 3, 100 + 3 * n)
        process = w.popen("ate", "backup", "notes", "copy", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
        try:
            process.communicate(timeout=0.005 * n)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        now = head(w, "copy")[0]
        assert now >= seen, (now, seen)
        seen = now
    w.ate("backup", "notes", "copy")
    assert head(w, "copy") == head(w, "notes")
    left = [p.name for p in pathlib.Path(w.path("copy"), ",chain").iterdir()]
    assert not [name for name in left if name.endswith(".new")], left


def test_damaged_copy(w):
    w.key()
    fill(w, 30)
    w.ate("backup", "notes", "copy")
    for segment in segments(w, "copy"):
        flip(segment, segment.stat().st_size // 2)
        assert w.ate("verify", "copy", status=6).err
        mended = w.ate("backup", "notes", "copy", "--json").object()
        assert mended["files_copied"] == 1, mended
        assert head(w, "copy") == head(w, "notes")
    flip(segments(w, "copy")[0], 20000)
    assert w.ate("restore", "copy", "back", status=6).err
    assert not pathlib.Path(w.path("back"), ",chain").exists()


def test_refused(w):
    w.key()
    fill(w, 10)
    w.ate("backup", "notes", "copy")
    w.ate("restore", "copy", "early", "--to", "5")
    assert head(w, "early")[0] == 6
    assert b"ROLLED_BACK" in w.ate("backup", "early", "copy", status=6).err
    assert b"EXISTS" in w.ate("restore", "copy", "early", status=1).err
    w.ate("restore", "copy", "early", "--existing")
    w.ate("put", "early", "other", "history")
    w.ate("put", "notes", "one", "history")
    w.ate("backup", "notes", "copy")
    assert b"FORKED" in w.ate("backup", "early", "copy", status=6).err
    w.ate("put", "another", "x", "y")
    assert b"WRONG_CHAIN" in w.ate("backup", "another", "copy", status=6).err
    w.ate("backup", "notes", "notes", status=2)
    line = w.refused(1, "NOT_FOUND", "restore", "copy", "new", "--to", "4711")
    assert line == "ate: restore: new: NOT_FOUND: the chain has 12 transactions", line
    assert not pathlib.Path(w.path("new")).exists()
    w.ate("restore", "copy", "first", "--to", "0")
    said = w.ate("verify", "first").out
    assert said.startswith(b"all holds: 1 transaction, 2 events, 1 signature, "), said
    assert b"all holds: 1 transaction; there is" in w.ate("repair", "first").out
    for verb in ("repair", "destroy"):
        assert w.refused(1, "NOT_FOUND", verb, "new").startswith(f"ate: {verb}: new: NOT_FOUND: ")
    assert head(w, "copy") == head(w, "notes")
    # What was seen at a place is not set back unless its loss is accepted.
    subprocess.run(["rm", "-r", w.path("early")], check=True)
    assert b"ROLLED_BACK" in w.ate("restore", "copy", "early", "--to", "5", status=6).err
    w.ate("restore", "copy", "early", "--to", "5", "--accept-loss")
    assert head(w, "early")[0] == 6


def test_remote(w):
    w.key()
    server = w.server("--no-auth")
    where = server.chain("/example.com/joe/notes")
    w.ate("put", where, "a", "b")
    first = w.ate("backup", where, "copy", "--json").object()
    w.ate("put", where, "c", "d")
    assert w.ate("backup", where, "copy", "--json").object()["size"] == first["size"] + 1
    assert w.ate("get", "copy", "c").out == b"d"
    w.ate("restore", where, "copy", status=2)
    # Neither a backup nor what is restored lies at a server.
    w.ate("name", "work", where)
    w.ate("restore", "copy", "@work", status=2)
    w.ate("restore", "copy", where, status=2)
    w.ate("backup", "copy", "@work", status=2)
    w.ate("backup", where, "@work", status=2)
    assert not pathlib.Path(w.path("@work")).exists()
    server.stop()


def test_remote_over_another(w):
    """A place where another chain was seen takes no mirror, whatever is left there."""
    w.key()
    server = w.server("--no-auth")
    one, other = (server.chain(f"/example.com/joe/{name}") for name in ("one", "other"))
    w.ate("put", one, "a", "b")
    w.ate("put", other, "c", "d")
    w.ate("backup", one, "copy")
    assert w.ate("get", "copy", "a").out == b"b"
    shutil.rmtree(w.path("copy"))
    said = w.ate("backup", other, "copy", status=6)
    assert b"WRONG_CHAIN" in said.err and b"remembered" in said.err, str(said)
    assert b"WRONG_CHAIN" in w.ate("ls", other, "--mirror", w.path("copy"), status=6).err
    assert not os.listdir(w.path("copy")), os.listdir(w.path("copy"))
    w.ate("backup", one, "copy")
    assert w.ate("get", "copy", "a").out == b"b"
    assert b"WRONG_CHAIN" in w.ate("backup", other, "copy", status=6).err
    w.ate("backup", other, "another")
    server.stop()


def test_remote_by_two_at_once(w):
    """Two processes at one mirror that has to begin anew: one does it, the other waits."""
    w.key()
    server = w.server("--no-auth")
    path = "/example.com/joe/notes"
    where = server.chain(path)
    for n in range(300):
        w.file(f"big/{n}", os.urandom(3000))
    w.ate("put", where, "first", "one")
    w.ate("backup", where, "early")
    for n in range(3):
        w.ate("import", where, w.path("big"), f"in{n}")
        w.ate("rm", where, f"in{n}", "-r")
    w.ate("put", where, "last", "two")
    server.stop()
    w.ate("compact", w.path(str(server.logs) + path), "--deep", "--cut-off", "now")
    server.start()
    want = None
    for n in range(4):
        shutil.copytree(w.path("early"), w.path(f"m{n}"))
        both = [w.popen("ate", "backup", where, f"m{n}", stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE) for _ in range(2)]
        said = [(p.communicate(timeout=PATIENCE_S)[1], p.returncode) for p in both]
        assert all(not status or b"IN_USE" in err for err, status in said), said
        assert any(not status for _, status in said), said
        want = want or head(w, f"m{n}")
        assert head(w, f"m{n}") == want
        assert w.ate("get", f"m{n}", "last").out == b"two"
        assert not pathlib.Path(w.path(f"m{n}"), ",resync").exists()
    server.stop()


def test_repair(w):
    w.key()
    fill(w, 30)
    assert b"nothing to repair" in w.ate("repair", "notes").out
    segment = segments(w, "notes")[0]
    flip(segment, segment.stat().st_size // 2)
    damaged = segment.read_bytes()
    said = w.ate("repair", "notes", status=6)
    assert b"are lost" in said.out and b"--yes" in said.err, str(said)
    assert segment.read_bytes() == damaged and not pathlib.Path(w.path("notes"),
                                                                ",damaged-1").exists()
    done = w.ate("repair", "notes", "--yes", "--json").object()
    assert done["repaired"] and 0 < done["lost"] < 31 and done["behind"], done
    notes = pathlib.Path(w.path("notes"))
    assert (notes / done["original"] / segment.name).read_bytes() == damaged
    listed = (notes / done["salvage"] / "list").read_text().splitlines()
    assert len([line for line in listed if line[0] != "#"]) == done["behind"], listed
    assert head(w, "notes") == (done["size"], done["head"])
    w.ate("put", "notes", "goes", "on")
    w.ate("repair", "tcp://localhost:1/a#pin=" + 43 * "A", status=2)
    w.ate("repair", "nowhere", status=1)


def test_repair_of_what_was_rolled_back(w):
    w.key()
    fill(w, 5)
    shutil.copytree(w.path("notes"), w.path("old"))
    fill(w, 5, 5)
    shutil.rmtree(w.path("notes"))
    shutil.copytree(w.path("old"), w.path("notes"))
    assert b"ROLLED_BACK" in w.ate("verify", "notes", status=6).err
    for options in ((), ("--yes",)):
        said = w.ate("repair", "notes", *options, status=6)
        assert b"ROLLED_BACK" in said.err and b"11" in said.err and not said.out, str(said)
    said = w.ate("repair", "notes", "--json", status=6).object()
    assert said["error"] == "ROLLED_BACK" and said["exit"] == 6, said
    assert b"nothing to repair" in w.ate("repair", "old").out


def answer(w, words, answered):
    """The command with a terminal as its stdin and stdout."""
    try:
        master, slave = pty.openpty()
    except OSError as why:
        raise Skipped(f"no terminals here, is /dev/pts mounted? {why}") from why
    process = w.popen(*words, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while b"repair it?" not in shown:
        shown += os.read(master, 4096)
    os.write(master, answered)
    status = process.wait(PATIENCE_S)
    os.close(master)
    return status


def test_asks(w):
    w.key()
    fill(w, 20)
    flip(segments(w, "notes")[0], 40000)
    assert answer(w, ("ate", "repair", "notes"), b"y\n") == 6
    assert w.ate("verify", "notes", status=6).err
    assert answer(w, ("ate", "repair", "notes"), b"yes\n") == 0
    assert head(w, "notes")[0] > 3


if __name__ == "__main__":
    main(__name__)
