# SPDX-License-Identifier: MIT OR Apache-2.0
"""ate import: what is kept of a tree of files, what is not sent again, what fails and what then
goes on."""
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import threading
import time

from tree import MIB, give, noise, ordinary, same, tree, write
from world import PATIENCE_S, Failed, Lines, Skipped, main


def imported(w, *words, status=0, **more):
    """The summary of an import, and its transactions."""
    *transactions, summary = [o for o in w.ate("import", *words, "--json", status=status,
                                               **more).objects() if "error" not in o]
    assert all("transaction" in t for t in transactions) and "files" in summary, summary
    return summary, transactions


def exported(w, chain, *name, **more):
    out = w.path(f"out{sum(1 for p in w.dir.iterdir() if p.name.startswith('out'))}")
    w.ate("export", chain, out, *name, **more)
    return out


def all_kinds(top):
    """A tree with one of everything."""
    write(top / "empty")
    write(top / "small", b"small", 0o640)
    write(top / "1 MiB", noise(1, MIB))
    write(top / "1 MiB and 1", noise(2, MIB + 1))
    write(top / "5 MiB", noise(3, 5 * MIB))
    write(top / "all bits", b"x", 0o1777 if os.geteuid() else 0o7777)  # root alone restores these
    os.mkdir(top / "nothing in it")
    for name in (b"caf\xe9", b"\xff\xfe", b"new\nline", b"\x1b[31m", b"-r", b" ", b"n" * 255):
        write(os.path.join(os.fsencode(top), b"names", name), name)
    write(top / "locked/in/it", b"1")
    os.chmod(top / "locked/in", 0o555)
    os.chmod(top / "locked", 0o500)
    with open(top / "sparse", "wb") as f:
        f.truncate(3 * MIB)
        f.seek(MIB + 5)
        f.write(b"x")
    os.link(top / "small", top / "small again")
    os.link(top / "5 MiB", top / "names/5 MiB again")
    os.symlink("small", top / "link")
    os.symlink("loop", top / "loop")
    os.symlink("../..", top / "up")
    os.symlink(b"/no/where\xff", os.path.join(os.fsencode(top), b"dangling"))
    if os.geteuid() == 0:
        os.chown(top / "1 MiB", 1234, 5678)
        os.lchown(top / "nothing in it", 4321, 8765)
    for i, name in enumerate(("small", "5 MiB", "nothing in it", "locked/in")):
        os.utime(top / name, ns=(1, 1234567890123456789 + i))
    os.utime(top / "1 MiB", ns=(1, -1))
    os.utime(top, ns=(1, 987654321))


def test_everything_comes_back(w):
    w.key()
    all_kinds(w.path("in"))
    s, transactions = imported(w, "chain", "in", "some/place")
    assert (s["files"], s["links"], s["hard_links"]) == (17, 4, 2), s
    assert s["directories"] == 5 and s["failed"] == s["skipped"] == s["left_out"] == 0, s
    assert s["bytes"] == (5 + 1 + 1 + 3) * MIB + 1 + 5 + 1 + 1 + sum((4, 2, 8, 5, 2, 1, 255))
    assert [t["transaction"] for t in transactions] == list(range(1, len(transactions) + 1))
    assert sum(t["bytes"] for t in transactions) == s["bytes"] + 5 + 4 + 5 + 10  # links' targets
    assert [t["sequence"] for t in transactions] == sorted({t["sequence"] for t in transactions})
    same(tree(w.path("in")), tree(exported(w, "chain", "some/place")))
    assert b"all holds" in w.ate("verify", "chain").out


def test_into_the_top(w):
    w.key()
    all_kinds(w.path("in"))
    s, _ = imported(w, "chain", "in")
    assert s["directories"] == 4, s
    before, after = tree(w.path("in")), tree(exported(w, "chain"))
    assert before.pop(b".") != after.pop(b".")  # the top of a chain has neither mode nor time
    same(before, after)


def test_what_is_there_is_not_sent_again(w):
    w.key()
    all_kinds(w.path("in"))
    first, _ = imported(w, "chain", "in", "x")
    again, transactions = imported(w, "chain", "in", "x")
    assert transactions == [] and again["transactions"] == 0
    assert again["unchanged"] == again["files"] + again["links"] + again["directories"] - 1
    for what in ("files", "links", "hard_links", "directories", "bytes"):
        assert again[what] == first[what], what


def test_changes_are_sent(w):
    w.key()
    top = w.path("in")
    all_kinds(top)
    write(top / "was a link", b"file")
    os.symlink("old", top / "new target")
    imported(w, "chain", "in", "x")

    st = os.stat(top / "small")
    write(top / "small", b"SMALL")  # same size, same time: the hash tells
    os.utime(top / "small", ns=(1, st.st_mtime_ns))
    os.chmod(top / "empty", 0o600)
    write(top / "1 MiB", noise(4, MIB + 7))
    write(top / "1 MiB and 1", b"short now")
    os.utime(top / "5 MiB")
    os.chmod(top / "nothing in it", 0o700)
    os.unlink(top / "new target"), os.symlink("new", top / "new target")
    os.unlink(top / "was a link"), os.symlink("small", top / "was a link")
    os.unlink(top / "link"), write(top / "link", b"file now")
    write(top / "names/new", b"new")
    s, transactions = imported(w, "chain", "in", "x")
    # The pages of the file that has a new time alone stay where they are.
    assert sum(t["bytes"] for t in transactions) == 5 + (MIB + 7) + 9 + 8 + 3 + len("newsmall")
    out = exported(w, "chain", "x")
    same(tree(top), tree(out))
    assert imported(w, "chain", "in", "x")[1] == []
    assert s["unchanged"] > 0 and b"all holds" in w.ate("verify", "chain").out


def test_hard_links_follow_their_file(w):
    w.key()
    top = w.path("in")
    for size in (10, 2 * MIB):
        write(top / f"b{size}", noise(1, size))
        os.link(top / f"b{size}", top / f"c{size}")
    imported(w, "chain", "in", "x")
    for size in (10, 2 * MIB):
        os.link(top / f"b{size}", top / f"a{size}")  # it comes first now
        os.link(top / f"b{size}", top / f"d{size}")
    imported(w, "chain", "in", "x")
    same(tree(top), tree(exported(w, "chain", "x")))
    for size in (10, 2 * MIB):
        os.unlink(top / f"a{size}")
        write(top / f"a{size}", b"one of its own")
        os.unlink(top / f"b{size}")
        w.ate("rm", "chain", f"x/b{size}")
    imported(w, "chain", "in", "x")
    found = tree(exported(w, "chain", "x"))
    for size in (b"10", b"2097152"):
        assert found[b"c" + size][1:4] == found[b"d" + size][1:4] and found[b"a" + size][2] == 14
    assert imported(w, "chain", "in", "x")[1] == []


def test_what_has_no_content_is_skipped(w):
    w.key()
    top = w.path("in")
    write(top / "a")
    os.mkfifo(top / "fifo")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(top / "socket"))
    expected = 2
    if os.geteuid() == 0:
        try:
            os.mknod(top / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
            expected = 3
        except PermissionError:
            pass  # a container may refuse it
    s, _ = imported(w, "chain", "in", "x")
    assert (s["skipped"], s["files"]) == (expected, 1), s
    assert b"1 socket, " in w.ate("import", "chain", "in", "x").err
    assert [o["name"] for o in w.ate("ls", "chain", "x", "--json").objects()] == ["a"]


def test_unreadable(w):
    user = ordinary(w)
    w.ate("key", "new", user=user)
    top = w.path("in")
    write(top / "a", b"1"), write(top / "b", b"2", 0), write(top / "c/d", b"3")
    write(top / "e/f", b"4"), write(top / "g", b"5")
    os.chmod(top / "c", 0)
    give(top, user)
    os.chmod(w.dir, 0o777)
    r = w.ate("import", "chain", "in", "x", status=8, user=user)
    lines = [line for line in r.err.decode().splitlines() if "E_SYSTEM" in line]
    assert [line.split(": ")[2] for line in lines] == ["in/b", "in/c"], r
    assert all("Permission denied" in line for line in lines), r
    errors = [o for o in w.ate("import", "chain", "in", "x", "--json", status=8,
                               user=user).objects() if "error" in o]
    assert [(o["subject"], o["exit"]) for o in errors] == [("in/b", 8), ("in/c", 8)]
    names = w.ate("ls", "-R", "chain", user=user).lines()
    assert names == ["x", "x/a", "x/c", "x/e", "x/e/f", "x/g"], names
    os.chmod(top / "b", 0o600), os.chmod(top / "c", 0o700)
    imported(w, "chain", "in", "x", user=user)
    out = exported(w, "chain", "x", user=user)
    same(tree(top), tree(out))


def test_limits(w):
    w.key()
    top = w.path("in")
    for i, name in enumerate(("a/1", "a/2", "b/3", "b/4", "c/5")):
        write(top / name, b"x" * 100 * (i + 1))
    s, _ = imported(w, "c1", "in", "--max-files", "3")
    assert (s["files"], s["left_out"], s["left_out_bytes"]) == (3, 2, 900), s
    assert w.ate("ls", "-R", "c1").lines() == ["a", "a/1", "a/2", "b", "b/3"]
    r = w.ate("import", "c2", "in", "--max-bytes", "699")
    assert b"left out by the limits: 2 files, 900 B" in r.err, r
    s, _ = imported(w, "c2", "in", "--max-bytes", "1K")  # goes on where the other ended
    assert (s["files"], s["bytes"], s["unchanged"]) == (4, 1000, 5), s
    assert imported(w, "c2", "in")[0]["left_out"] == 0
    assert imported(w, "c3", "in", "--max-files", "0")[0]["left_out"] == 5
    assert w.ate("ls", "-R", "c3").lines() == ["a"]  # the way to the first that is left out


def test_small_files_share_transactions(w):
    w.key()
    for i in range(3000):
        write(w.path("in") / f"{i % 50}/{i}", b"%d" % i)
    s, transactions = imported(w, "chain", "in", "many")
    assert s["files"] == 3000 and len(transactions) <= 20, len(transactions)
    assert imported(w, "chain", "in", "many")[1] == []
    same(tree(w.path("in")), tree(exported(w, "chain", "many")))


def test_more_names_than_a_window_holds(w):
    w.key()
    top = w.path("in")
    top.mkdir()
    for i in range(16390):
        os.mknod(top / f"{i * 7919 % 16390:05}")
    (top / "16389").unlink(), (top / "16389").mkdir()
    (top / "16389/x").mkdir()
    s, _ = imported(w, "chain", "in", "x")
    assert (s["files"], s["directories"]) == (16389, 3), s
    os.mknod(top / "00000a")
    s, transactions = imported(w, "chain", "in", "x")
    assert s["unchanged"] == 16389 + 2 and sum(t["objects"] for t in transactions) == 2, s


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))


def deep(top, levels):
    """Directories inside each other: the path is longer than any call takes."""
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for i in range(levels):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        if i % 100 == 0:
            os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def test_deep(w):
    w.key()
    deep(w.path("in"), 600)
    words = ("import", "chain", "in", "x", "--json")
    s = json.loads(subprocess.run(["ate", *words], env=w.env, cwd=w.dir, check=True,
                                  preexec_fn=few_descriptors,
                                  capture_output=True).stdout.splitlines()[-1])
    assert (s["directories"], s["files"]) == (601, 6), s
    subprocess.run(["ate", "export", "chain", "out", "x"], env=w.env, cwd=w.dir, check=True,
                   preexec_fn=few_descriptors, stderr=subprocess.DEVNULL)
    same(tree(w.path("in")), tree(w.path("out")))


def test_too_deep(w):
    w.key()
    deep(w.path("in"), 1030)
    write(w.path("in") / "z")
    try:
        r = w.ate("import", "chain", "in", "x", status=7)
        lines = r.err.decode().splitlines()
        assert sum("TOO_BIG: more than 1024 directories" in line for line in lines) == 1, lines[-3:]
        assert any(line.startswith("import: 12 files, 1023 directories") for line in lines), r
        w.ate("export", "chain", "out", "x")
        assert w.path("out/z").exists()
    finally:  # Python goes down too few levels to do it
        subprocess.run(["rm", "-rf", w.path("in"), w.path("out")], check=True)


def test_the_chain_itself_is_passed_over(w):
    w.key()
    write(w.path("in/a"))
    r = w.ate("import", "in/chain", "in", "x")
    assert b"in/chain: passed over: it is the chain itself" in r.err, r
    assert w.ate("ls", "in/chain", "x").lines() == ["a"]
    w.refused(2, "MISUSE", "import", "in/chain", "in/chain", "x")


def test_where_it_cannot_go(w):
    w.key()
    write(w.path("in/a/b"), b"1"), write(w.path("in/c"), b"2")
    w.refused(1, "NOT_FOUND", "import", "chain", "nowhere")
    w.refused(2, "MISUSE", "import", "chain", "in/c", "x")
    w.refused(2, "MISUSE", "import", "chain", "in", "x/../y")
    assert not w.path("chain").exists()
    w.ate("put", "chain", "value", "text")
    w.refused(4, "CONFLICT", "import", "chain", "in", "value")
    w.refused(4, "CONFLICT", "import", "chain", "in", "value/below")
    # One name that is taken by another kind does not stop the others.
    w.ate("put", "chain", "x/a", "text")
    w.ate("put", "chain", "x/c/d", "text")
    r = w.ate("import", "chain", "in", "x", status=4)
    lines = [line for line in r.err.decode().splitlines() if "CONFLICT" in line]
    assert [line.split(": ")[2] for line in lines] == ["in/a", "in/c"], r
    assert w.ate("get", "chain", "x/c/d").out == b"text"


def test_values_are_replaced(w):
    w.key()
    write(w.path("in/a"), b"file")
    w.ate("put", "chain", "x/a", "text"), w.ate("put", "chain", "x/b", "text")
    imported(w, "chain", "in", "x")
    o = w.ate("get", "chain", "x/a", "--json").object()
    assert (o["type"], o["value"]) == ("file", "file"), o
    same(tree(w.path("in"))[b"a"], tree(exported(w, "chain", "x"))[b"a"])
    assert w.ate("get", "chain", "x/b").out == b"text"


def test_what_changes_while_it_is_read(w):
    w.key()
    top = w.path("in")
    write(top / "calm", b"1"), write(top / "restless", noise(1, 12 * MIB))
    over = threading.Event()

    def disturb():
        while not over.is_set():
            os.utime(top / "restless")

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        r = w.ate("import", "chain", "in", "x", status=8)
    finally:
        over.set()
        thread.join()
    assert b"in/restless: E_SYSTEM: it was changed while it was read, 3 times" in r.err, r
    assert [o.get("name") for o in w.ate("ls", "chain", "x", "--json").objects()] == ["calm"]
    imported(w, "chain", "in", "x")
    same(tree(top), tree(exported(w, "chain", "x")))


def test_a_size_that_is_not_true(w):
    """Files of /proc have none, and content all the same."""
    w.key()
    top = "/proc/sys/kernel/random"
    if not os.path.exists(f"{top}/boot_id") or os.stat(f"{top}/boot_id").st_size:
        return
    r = w.ate("import", "chain", top, "x", status=8)
    assert b"boot_id: E_SYSTEM: it was changed while it was read" in r.err, r


def test_public(w):
    w.key()
    write(w.path("in/a/b"), b"open"), write(w.path("in/big"), noise(1, 2 * MIB))
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    stranger = {"HOME": str(w.path("stranger"))}
    w.refused(2, "MISUSE", "import", "chain", "in", "--public")
    imported(w, "chain", "in", "shown", "--public")
    w.ate("put", "chain", "hidden", "secret")
    imported(w, "chain", "in", "shown", "--public")  # once more is no harm
    write(w.path("in/later"), b"inherits")
    imported(w, "chain", "in", "shown")
    assert w.ate("get", "chain", "shown/a/b", "--root", root, env=stranger).out == b"open"
    assert w.ate("get", "chain", "shown/later", "--root", root, env=stranger).out == b"inherits"
    w.refused(3, "NO_KEY", "get", "chain", "hidden", "--root", root, env=stranger)
    w.ate("export", "chain", "out", "shown", "--root", root, env=stranger)
    same(tree(w.path("in")), tree(w.path("out")))
    # What was private is not opened after the fact.
    imported(w, "chain", "in", "private")
    w.refused(1, "EXISTS", "import", "chain", "in", "private", "--public")


def test_keys_that_may_not_read(w):
    w.key()
    w.key("other.key")
    w.public("other.key", "other.pub")
    write(w.path("in/a"), b"1")
    imported(w, "chain", "in", "mine")
    line = w.refused(3, "NO_KEY", "import", "chain", "in", "ours", "-k",
                     str(w.home / ".config/ate/key"), "-k", "other.pub")
    assert "may not read there" in line, line
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    w.refused(3, "NO_KEY", "import", "chain", "in", "mine", "-k", "other.key", "--root", root)
    imported(w, "shared", "in", "ours", "-k", str(w.home / ".config/ate/key"), "-k", "other.pub")
    assert w.ate("get", "shared", "ours/a", "-k", "other.key", "--root", root).out == b"1"


def unfinished(w, chain):
    return [o for o in w.ate("ls", "-R", chain, "--json").objects() if o.get("unfinished")]


def test_killed_again_and_again(w):
    w.key()
    top = w.path("in")
    all_kinds(top)
    for i in range(400):
        write(top / f"many/{i}", noise(i, 2000))
    write(top / "zz", noise(9, 20 * MIB))
    done = 0
    for kill_at in (1, 2, 4, 7, 9):
        p = w.popen("ate", "import", "chain", "in", "x", "--json", stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL)
        lines = Lines(p, p.stdout)
        try:
            for _ in range(kill_at):
                lines.next()
            p.send_signal(signal.SIGKILL)
        except Failed:
            pass  # it was done before
        p.wait()
        lines.end()
        p.stdout.close()
        assert b"all holds" in w.ate("verify", "chain").out
        names = {o.get("name") for o in w.ate("ls", "-R", "chain", "--json").objects()}
        assert len(names) >= done, "what was acknowledged is gone"
        done = len(names)
    imported(w, "chain", "in", "x")
    same(tree(top), tree(exported(w, "chain", "x")))
    assert not unfinished(w, "chain")


def test_at_a_server(w):
    w.key()
    all_kinds(w.path("in"))
    for i in range(300):
        write(w.path("in") / f"many/{i}", noise(i, 30000))
    server = w.server()
    chain = server.chain("/example.com/tree")
    p = w.popen("ate", "import", chain, "in", "x", "--json", stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
    lines = Lines(p, p.stdout)
    for _ in range(3):
        assert "transaction" in json.loads(lines.next())
    server.kill()
    server.start()
    rest = p.communicate()[0].splitlines()
    lines.end()
    assert p.returncode == 0 and json.loads(rest[-1])["failed"] == 0, rest[-3:]
    assert imported(w, chain, "in", "x")[1] == []
    same(tree(w.path("in")), tree(exported(w, chain, "x")))
    server.stop()


def test_interrupted(w):
    w.key()
    write(w.path("in/big"), noise(1, 32 * MIB))
    process = w.popen("ate", "import", "chain", "in", "x", stderr=subprocess.PIPE)
    while not w.path("chain/,chain").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE_S)[1]
    if process.returncode == 0:
        raise Skipped("it was done before")
    assert process.returncode == 130, process.returncode
    assert said.endswith(b"ate: interrupted\nimport: run the same command again: it continues\n"), \
        said
    imported(w, "chain", "in", "x")
    same(tree(w.path("in")), tree(exported(w, "chain", "x")))


def test_progress(w):
    w.key()
    write(w.path("in/big"), noise(1, 4 * MIB))
    r = w.ate("import", "chain", "in", "x", "-v")
    lines = r.err.decode().splitlines()
    assert any(line.startswith("import: transaction 1: sequence 1, ") for line in lines), r
    assert any("1 file, 1 directory, 0 links, 4.0 MiB in" in line for line in lines), r
    assert w.ate("import", "chain", "in", "x", "-q").err == b""


if __name__ == "__main__":
    main(__name__)
