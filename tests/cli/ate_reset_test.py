# SPDX-License-Identifier: MIT OR Apache-2.0
"""A chain that went back: who follows, who does not, and what happens to what was seen beyond."""
import shutil
import subprocess
import time

from world import main

PATH = "/example.com/joe/notes"


def work(w, *options):
    server = w.server(*options)
    w.ate("name", "work", server.chain(PATH))
    return server


def put(w, chain, *names, **more):
    for name in names:
        w.ate("put", chain, name, f"text of {name}", **more)


def lost(w, server, *options, **more):
    """The server's disk dies, and a backup takes its place."""
    server.kill()
    shutil.rmtree(f"{server.logs}{PATH}/,chain")
    done = w.ate("restore", "copy", f"{server.logs}{PATH}", *options, "--json", **more)
    server.start()
    return done.object()


def begin(w, *options):
    """A backup, and clients that have seen what came behind it: thin, with a mirror, both."""
    root = w.key()
    server = work(w, *options)
    put(w, "@work", "a", "b")
    server.stop()
    w.ate("backup", f"{server.logs}{PATH}", "copy")
    size = w.ate("verify", "copy", "--json").objects()[-1]["size"]
    server.start()
    return root, server, size


def other(w, name):
    """The environment of another user, who has a copy of the key."""
    home = w.path(name)
    shutil.copytree(w.home / ".config", home / ".config")
    return {"HOME": str(home)}


def test_clients_follow(w):
    root, server, size = begin(w)
    thin, mirror, newcomer, late = (other(w, n) for n in ("thin", "mirror", "newcomer", "late"))
    assert w.ate("get", "@work", "a", env=newcomer).out == b"text of a"
    put(w, "@work", "c", "d", "e")
    for env in thin, late:
        assert w.ate("get", "@work", "e", env=env).out == b"text of e"
    assert w.ate("get", "@work", "e", "--mirror", "m", env=mirror).out == b"text of e"
    done = lost(w, server, "--reset", "the disk died")
    assert done["reset"] and done["size"] == size + 1, done
    # Who has not seen more than the backup has goes on as if nothing had been.
    r = w.ate("get", "@work", "a", env=newcomer)
    assert r.out == b"text of a" and b"went back" not in r.err, r
    # Who has is told, once.
    r = w.ate("get", "@work", "b", env=thin)
    assert r.out == b"text of b" and b"went back" in r.err and b"the disk died" in r.err, r
    assert not w.ate("get", "@work", "b", env=thin).err
    w.refused(1, "NOT_FOUND", "get", "@work", "e", env=thin)
    # A mirror keeps what it held, to be read.
    r = w.ate("get", "@work", "b", "--mirror", "m", env=mirror)
    assert r.out == b"text of b" and b"3 are not in it" in r.err, r
    kept = f"m/,before-reset-{size}"
    assert kept.encode() in r.err, r
    assert w.ate("get", kept, "e", "--root", root).out == b"text of e"
    w.ate("export", kept, "/", "out", "--root", root, status=None)
    assert not w.ate("get", "@work", "b", "--mirror", "m", env=mirror).err
    # The chain goes on, for all of them.
    put(w, "@work", "f", env=mirror)
    w.ate("rm", "@work", "a", env=mirror)
    for env in thin, newcomer, None:
        assert w.ate("get", "@work", "f", env=env).out == b"text of f"
    assert w.ate("get", "@work", "f", "--mirror", "m", env=mirror).out == b"text of f"
    log = w.ate("log", "@work", "--json").objects()
    event = [e for t in log for e in t["events"] if e["kind"] == "reset"]
    assert len(event) == 1 and event[0]["text"] == "the disk died", event
    assert event[0]["reason"] == "restored", event
    assert "went back to the first" in w.ate("log", "@work").out.decode()
    server.stop()
    w.ate("compact", f"{server.logs}{PATH}", "--deep", "--cut-off", "now")
    assert "went back to the first" in w.ate("log", f"{server.logs}{PATH}").out.decode()
    # And for who comes only now, where much of what is behind it is gone.
    server.start()
    r = w.ate("get", "@work", "b", env=late)
    assert r.out == b"text of b" and b"the disk died" in r.err, r


def test_without_it_they_refuse(w):
    _, server, size = begin(w)
    mirror = other(w, "mirror")
    put(w, "@work", "c", "d", "e")
    assert w.ate("get", "@work", "e", "--mirror", "m", env=mirror).out == b"text of e"
    done = lost(w, server)
    assert not done["reset"] and done["size"] == size, done
    line = w.refused(6, "ROLLED_BACK", "get", "@work", "a")
    assert "were seen there before; no root key says" in line, line
    w.refused(6, "ROLLED_BACK", "get", "@work", "a", "--mirror", "m", env=mirror)
    newcomer = other(w, "newcomer")
    put(w, "@work", "x", "y", "z", "zz", env=newcomer)
    w.refused(6, "FORKED", "get", "@work", "a")
    w.refused(6, "FORKED", "get", "@work", "a", "--mirror", "m", env=mirror)
    assert w.ate("get", "m", "e", env=mirror).out == b"text of e"
    # Too late: it says nothing of what those have seen who saw the first history.
    server.stop()
    chain = f"{server.logs}{PATH}"
    w.ate("repair", chain, "--reset", "late", "--yes", env=newcomer)
    server.start()
    w.refused(6, "FORKED", "get", "@work", "a", "--mirror", "m", env=mirror)


def test_an_older_one_takes_nothing_back(w):
    """Who has passed a RESET is not led back to it by who kept the chain as it was just behind."""
    _, server, size = begin(w)
    mirror, thin = other(w, "mirror"), other(w, "thin")
    put(w, "@work", "c", "d")
    lost(w, server, "--reset", "once")
    chain = f"{server.logs}{PATH}"
    server.stop()
    shutil.copytree(f"{chain}/,chain", w.path("old"))
    server.start()
    put(w, "@work", "n", "o", "p", env=thin)
    assert w.ate("get", "@work", "p", "--mirror", "m", env=mirror).out == b"text of p"
    server.kill()
    shutil.rmtree(f"{chain}/,chain")
    shutil.copytree(w.path("old"), f"{chain}/,chain")
    server.start()
    for env, more in (thin, ()), (mirror, ("--mirror", "m")):
        line = w.refused(6, "ROLLED_BACK", "get", "@work", "a", *more, env=env)
        assert "signed before what was seen here last" in line, line
    # And a second one on top of it is followed.
    server.kill()
    w.ate("repair", chain, "--reset", "again", "--yes")
    server.start()
    for env, more in (thin, ()), (mirror, ("--mirror", "m")):
        r = w.ate("get", "@work", "a", *more, env=env)
        assert b"again" in r.err, r


def test_a_destruction_that_was_signed_before(w):
    """What the owner signed before the chain came back does not end it for those who followed."""
    _, server, _ = begin(w, "--no-auth", "--allow-destroy")
    mirror, thin = other(w, "mirror"), other(w, "thin")
    chain = f"{server.logs}{PATH}"
    put(w, "@work", "c", "d", "e")
    for env, more in (thin, ()), (mirror, ("--mirror", "m")):
        assert w.ate("get", "@work", "e", *more, env=env).out == b"text of e"
    w.ate("destroy", "@work", "--yes", PATH)
    server.stop()
    shutil.copy(w.path(chain) / ",destroyed", w.path("statement"))
    (w.path(chain) / ",destroyed").unlink()
    w.ate("restore", "copy", chain, "--reset", "it was a mistake", env=other(w, "operator"))
    server.start()
    for env, more in (thin, ()), (mirror, ("--mirror", "m")):
        r = w.ate("get", "@work", "a", *more, env=env)
        assert r.out == b"text of a" and b"went back" in r.err, r
    server.kill()
    shutil.rmtree(f"{chain}/,chain")
    shutil.copy(w.path("statement"), w.path(chain) / ",destroyed")
    server.start()
    for env, more in (thin, ()), (mirror, ("--mirror", "m")):
        line = w.refused(6, "ROLLED_BACK", "get", "@work", "a", *more, env=env)
        assert "signed before it went back" in line, line


def test_keys(w):
    """Nobody but who holds a root key takes a chain back; and who has no history believes only the
    root keys that he names."""
    root, server, size = begin(w)
    put(w, "@work", "c", "d")
    w.key("stranger.key")
    thin = other(w, "thin")
    (w.path("thin") / ".config/ate/key").unlink()
    w.ate("ls", "@work", "--root", root, env=thin)
    server.stop()
    chain = f"{server.logs}{PATH}"
    line = w.refused(3, "NO_KEY", "restore", "copy", "there", "--key", "stranger.key",
                     "--root", root, "--reset", "me")
    assert root in line and "only a root key" in line, line
    assert not w.path("there").exists()
    server.start()
    lost(w, server, "--reset", "the disk died")
    r = w.ate("ls", "@work", "--root", root, env=thin)
    assert b"went back" in r.err, r


def test_what_was_signed(w):
    """Behind a RESET the server signs again, and what it signed before is no evidence."""
    _, server, size = begin(w)
    w.path("server.pub").write_bytes(w.run("atedb", "log-key", str(server.logs)).out)
    w.ate("checkpoint", "@work", "--add-log-key", "server.pub")
    put(w, "@work", "c")
    server.stop()
    w.ate("backup", f"{server.logs}{PATH}", "copy")
    server.start()
    put(w, "@work", "d", "e")
    assert w.ate("checkpoint", "@work").out
    second = int(time.time())  # what is signed in it counts as signed at its end
    heads = w.home / ".local/state/ate/heads"
    assert list(heads.glob("*.checkpoint"))
    note = (w.path(f"{server.logs}{PATH}") / ",chain/checkpoint").read_bytes()
    while int(time.time()) == second:
        time.sleep(0.01)
    lost(w, server, "--reset", "the disk died", "--accept-loss")
    server.stop()
    (w.path(f"{server.logs}{PATH}") / ",chain/checkpoint").write_bytes(note)  # which was not lost
    server.start()
    r = w.ate("get", "@work", "a")
    assert b"went back" in r.err and not list(heads.glob("*.fork")), r
    assert w.ate("checkpoint", "@work").out
    put(w, "@work", "f", "g")
    assert w.ate("checkpoint", "@work").out
    lost(w, server, "--accept-loss", env=other(w, "operator"))
    w.refused(6, "ROLLED_BACK", "get", "@work", "a")


def test_a_reset_that_was_followed_excuses_nothing_later(w):
    """Behind a RESET that a client has followed, what contradicts what was signed is evidence."""
    _, server, _ = begin(w)
    chain = f"{server.logs}{PATH}"
    w.path("server.pub").write_bytes(w.run("atedb", "log-key", str(server.logs)).out)
    w.ate("checkpoint", "@work", "--add-log-key", "server.pub")
    server.stop()
    shutil.rmtree(w.path("copy"))
    w.ate("backup", chain, "copy")
    server.start()
    put(w, "@work", "d", "e")
    lost(w, server, "--reset", "the disk died", "--accept-loss")
    assert b"went back" in w.ate("get", "@work", "a").err
    server.stop()
    shutil.copytree(f"{chain}/,chain", w.path("old"))
    server.start()
    put(w, "@work", "f", "g", "h", "i")
    assert w.ate("checkpoint", "@work").out
    server.kill()
    shutil.rmtree(f"{chain}/,chain")
    shutil.copytree(w.path("old"), f"{chain}/,chain")
    (w.path(chain) / ",chain/checkpoint").unlink(missing_ok=True)
    server.start()
    line = w.refused(6, "ROLLED_BACK", "get", "@work", "a")
    assert list((w.home / ".local/state/ate/heads").glob("*.fork")), line


def test_an_archive_never_goes_back(w):
    """Not by its owner either: with a RESET everybody would follow to before what it keeps."""
    w.key()
    w.ate("put", "--worm", "notes", "a", "text")
    w.ate("backup", "notes", "copy")
    put(w, "notes", "b", "c")
    shutil.rmtree(w.path("notes"))
    line = w.refused(3, "DENIED", "restore", "copy", "notes", "--reset", "it never was")
    assert "an archive never goes back" in line and not w.path("notes").exists(), line
    shutil.copytree(w.path("copy"), w.path("notes"))
    before = {p: p.read_bytes() for p in w.path("notes").rglob("*") if p.is_file()}
    r = w.ate("repair", "notes", "--reset", "so", "--yes", env=other(w, "x"), status=3)
    assert b"an archive never goes back" in r.err, r
    assert before == {p: p.read_bytes() for p in w.path("notes").rglob("*") if p.is_file()}
    w.refused(6, "ROLLED_BACK", "get", "notes", "a")


def test_killed(w):
    """Wherever a restore is killed, nobody writes before it is said that the chain went back, and
    the same command again ends it."""
    w.key()
    put(w, "notes", "a", "b")
    w.ate("backup", "notes", "copy")
    put(w, "notes", "c", "d")
    ends = {"whole": 0, "cut": 0, "nothing": 0}
    command = ("ate", "restore", "copy", "notes", "--reset", "a mistake")
    started = time.monotonic()
    shutil.rmtree(w.path("notes"))
    w.run(*command)
    span = time.monotonic() - started
    for i in range(40):
        shutil.rmtree(w.path("notes"), ignore_errors=True)
        p = w.popen(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(span * i / 32)
        p.kill()
        p.wait()
        if not (w.path("notes") / ",chain").exists():
            ends["nothing"] += 1
        elif w.ate("put", "notes", "x", "y", env=other(w, f"fresh{i}"), status=None).status:
            ends["cut"] += 1
        else:
            ends["whole"] += 1
            assert "went back" in w.ate("log", "notes").out.decode()
            continue
        w.run(*command)
        assert b"a mistake" in w.ate("log", "notes").out
    print("#", ends)
    assert ends["whole"] + ends["cut"] > 5, ends


def test_in_a_directory(w):
    w.key()
    put(w, "notes", "a", "b")
    w.ate("backup", "notes", "copy")
    put(w, "notes", "c", "d")
    user = other(w, "user")
    assert w.ate("get", "notes", "d", env=user).out == b"text of d"
    shutil.rmtree(w.path("notes"))
    w.refused(6, "ROLLED_BACK", "restore", "copy", "notes")
    done = w.ate("restore", "copy", "notes", "--reset", "a mistake", "--json").object()
    r = w.ate("get", "notes", "a", env=user)
    assert r.out == b"text of a" and b"a mistake" in r.err, r
    log = w.ate("log", "notes", "--json").objects()
    assert log[-1]["events"][0]["old_size"] == done["size"] + 1, log[-1]
    w.ate("restore", "copy", "before", "--to", "1")
    w.refused(6, "ROLLED_BACK", "restore", "copy", "notes", "--existing")


def test_a_longer_branch(w):
    """What is shown behind the RESET may well be more than what was seen."""
    _, server, _ = begin(w)
    put(w, "@work", "c")
    thin, also = other(w, "thin"), other(w, "also")
    for env in thin, also:
        w.ate("get", "@work", "c", env=env)
    lost(w, server, "--reset", "a mistake")
    put(w, "@work", "v", "w", "x", "y", "z")
    assert w.ate("get", "@work", "z", env=thin).out == b"text of z"
    assert w.ate("get", "@work", "z", "--mirror", "m", env=also).out == b"text of z"
    assert w.ate("get", "@work", "z", env=thin).out == b"text of z"


def test_copies_follow(w):
    """A copy goes to a place where the branch was seen that a RESET has left, as an open would."""
    w.key()
    for i in range(3):
        put(w, "notes", f"a{i}")
    w.ate("backup", "notes", "copy")
    w.ate("backup", "notes", "other")
    put(w, "copy", "x")
    put(w, "other", "x", "y", "z")
    shutil.rmtree(w.path("copy"))
    shutil.rmtree(w.path("other"))
    line = w.refused(6, "ROLLED_BACK", "restore", "notes", "copy")
    w.ate("repair", "notes", "--yes", "--reset", "oops")
    w.ate("backup", "notes", "copy")
    w.ate("restore", "notes", "other", "--json")
    for place in "copy", "other":
        assert w.ate("get", place, "a2").out == b"text of a2"
        w.ate("verify", place)
    w.ate("backup", "notes", "copy")


main(__name__)
