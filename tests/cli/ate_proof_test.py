# SPDX-License-Identifier: MIT OR Apache-2.0
"""checkpoint, prove, check-proof: what shows, without the chain, that something is in it."""
import pathlib
import shutil
import subprocess
import sys

from world import main

VERIFY = pathlib.Path(__file__).parent / "../vectors/proof/verify.py"


def save(w, name, result):
    (w.dir / name).write_bytes(result.out)
    return name


def independently(w, keys, *names):
    """Another program, which knows nothing of ours, agrees."""
    run = subprocess.run([sys.executable, "-B", VERIFY, keys, *names], cwd=w.dir,
                         capture_output=True)
    return run.returncode == 0


def some_chain(w):
    root = w.key()
    for name in ("a", "b", "c"):
        w.ate("put", "notes", name, "x")
    return root


def test_proofs_stand_alone(w):
    root = some_chain(w)
    log = w.ate("log", "notes", "--json").objects()
    old = save(w, "old", w.ate("checkpoint", "notes"))
    w.ate("put", "notes", "d", "x")
    new = save(w, "new", w.ate("checkpoint", "notes"))
    keys = save(w, "keys", w.ate("checkpoint", "notes", "--log-keys"))
    proofs = [save(w, f"{i}.tlog-proof", w.ate("prove", "notes", str(i))) for i in range(5)]
    since = save(w, "since", w.ate("prove", "notes", "--since", old))
    head = w.ate("verify", "notes", "--json").objects()[-1]
    shutil.move(w.dir / "notes", w.dir / "gone")

    for i, proof in enumerate(proofs):
        for words in (["--root", root], ["--chain", head["chain"]], ["--log-key", keys], []):
            o = w.ate("check-proof", proof, "--json", *words).object()
            assert (o["proof"], o["sequence"], o["size"]) == ("inclusion", i, 5), o
            assert (o["chain"], o["head"]) == (head["chain"], head["head"]), o
            if i < 4:
                assert (o["hash"], o["time"]) == (log[i]["hash"], log[i]["time"]), o
    o = w.ate("check-proof", since, "--root", root, "--json").object()
    assert (o["proof"], o["older_size"], o["size"]) == ("consistency", 4, 5), o
    text = w.ate("check-proof", since, "--root", root).out.decode()
    assert text.startswith("it holds: the first 4 transactions, head "), text
    for name, size in ((old, 4), (new, 5)):
        o = w.ate("check-proof", name, "--log-key", keys, "--json").object()
        assert (o["proof"], o["size"]) == ("checkpoint", size), o
    w.ate("check-proof", old, status=6)  # a checkpoint alone does not say who may sign it
    assert independently(w, keys, old, new, since, *proofs)
    assert w.ate("check-proof", "-", "--log-key", keys,
                 stdin=(w.dir / old).read_bytes()).status == 0


def test_whom_to_trust(w):
    root = some_chain(w)
    w.ate("checkpoint", "notes")
    proof = save(w, "p", w.ate("prove", "notes", "2"))
    other = w.ate("key", "new", "other.key", "--json").object()["fingerprint"]
    w.ate("check-proof", proof, "--key", "other.key", status=6)
    w.ate("check-proof", proof, "--root", other, status=6)
    w.ate("check-proof", proof, "--chain", other, status=6)
    w.ate("put", "others", "a", "x", "--key", "other.key")
    w.ate("checkpoint", "others", "--key", "other.key")
    keys = save(w, "keys", w.ate("checkpoint", "others", "--key", "other.key", "--log-keys"))
    w.ate("check-proof", proof, "--log-key", keys, status=6)
    foreign = save(w, "f", w.ate("prove", "others", "1", "--key", "other.key", "--root", other))
    w.ate("check-proof", foreign, "--root", root, status=6)
    w.ate("check-proof", proof, "--root", root, "--log-key", keys, status=2)
    w.ate("check-proof", proof, "--log-key", "missing", status=1)
    # The genesis of one chain and the checkpoint of another.
    mine, theirs = ((w.dir / n).read_text().split("\n", 2) for n in (proof, foreign))
    (w.dir / "mixed").write_text("\n".join([theirs[0], mine[1], theirs[2]]))
    w.ate("check-proof", "mixed", "--root", root, status=6)


def test_what_is_changed_does_not_hold(w):
    root = some_chain(w)
    old = save(w, "old", w.ate("checkpoint", "notes"))
    w.ate("put", "notes", "d", "x")
    keys = save(w, "keys", w.ate("checkpoint", "notes", "--log-keys"))
    w.ate("checkpoint", "notes")
    for words in (("2",), ("--since", old)):
        text = w.ate("prove", "notes", *words).out.decode()
        lines = text.split("\n")
        for i, line in enumerate(lines):
            if not line:
                continue
            at = len(line) // 2
            changed = line[:at] + ("B" if line[at] == "A" else "A") + line[at + 1:]
            (w.dir / "bad").write_text("\n".join(lines[:i] + [changed] + lines[i + 1:]))
            status = w.ate("check-proof", "bad", "--log-key", keys, status=None).status
            genesis = i == 1  # with log keys that are given nobody looks at it
            assert status in ((0, 6, 7) if genesis else (6, 7)), (i, status)
            assert w.ate("check-proof", "bad", "--root", root, status=None).status in (6, 7)
        (w.dir / "bad").write_text(text[:-1])
        w.ate("check-proof", "bad", "--root", root, status=7)
    (w.dir / "bad").write_bytes(b"c2sp.org/tlog-proof@v1\n\0")
    w.ate("check-proof", "bad", "--root", root, status=7)


def test_a_fork_is_caught(w):
    some_chain(w)
    shutil.copytree(w.dir / "notes", w.dir / "fork")
    w.ate("put", "notes", "d", "mine")
    w.ate("put", "fork", "d", "theirs")
    mine = save(w, "mine", w.ate("checkpoint", "notes"))
    theirs = save(w, "theirs", w.ate("checkpoint", "fork"))
    assert b"FORKED" in w.ate("prove", "fork", "--since", mine, status=6).err
    assert b"FORKED" in w.ate("prove", "notes", "1", "--checkpoint", theirs, status=6).err
    w.ate("put", "notes", "e", "x")
    mine = save(w, "mine", w.ate("checkpoint", "notes"))
    assert b"ROLLED_BACK" in w.ate("prove", "fork", "--since", mine, status=6).err
    # What was signed is remembered beside the chain: the other history is not signed there.
    shutil.copy(w.dir / "notes/,chain/checkpoint", w.dir / "fork/,chain/checkpoint")
    assert b"ROLLED_BACK" in w.ate("checkpoint", "fork", status=6).err
    w.ate("put", "fork", "e", "x")
    assert b"FORKED" in w.ate("checkpoint", "fork", status=6).err


def test_who_may_sign(w):
    some_chain(w)
    w.ate("prove", "notes", "1", status=1)  # nothing was signed yet
    w.ate("checkpoint", "notes")
    w.ate("prove", "notes", "4", status=1)  # the checkpoint does not have it
    w.ate("prove", "notes", status=2)
    w.ate("prove", "notes", "1", "--since", "x", status=2)
    w.ate("prove", "notes", "x", status=2)
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    w.ate("key", "new", "other.key")
    w.ate("checkpoint", "notes", "--key", "other.key", "--root", root, status=3)


def test_with_a_mirror(w):
    """In which it is remembered what was signed."""
    root = w.key()
    server = w.server()
    address = server.chain("/joe/notes", f",root={root}")
    w.ate("put", address, "a", "x")
    old = save(w, "old", w.ate("checkpoint", address, "--mirror", "mirror"))
    w.ate("put", address, "b", "x")
    new = save(w, "new", w.ate("checkpoint", address, "--mirror", "mirror"))
    keys = save(w, "keys", w.ate("checkpoint", address, "--log-keys"))
    proof = save(w, "p", w.ate("prove", address, "2", "--mirror", "mirror"))
    since = save(w, "s", w.ate("prove", address, "--since", old, "--checkpoint", new))
    w.refused(1, "NOT_FOUND", "prove", address, "1")  # the server signed nothing
    server.stop()
    for name in (proof, since):
        w.ate("check-proof", name, "--root", root)
    assert independently(w, keys, old, new, proof, since)
    # The mirror itself, as it lies there, proves too, and signs nothing.
    w.ate("check-proof", save(w, "q", w.ate("prove", "mirror", "1", "--root", root)))
    w.refused(3, "READ_ONLY", "checkpoint", "mirror", "--root", root)


def signing_server(w):
    """A server that may sign the heads of a chain, which has the transactions 0 to 3."""
    root = w.key()
    server = w.server()
    address = server.chain("/joe/notes", f",root={root}")
    w.ate("name", "work", address)
    w.ate("put", "@work", "a", "x")
    w.ate("put", "@work", "b", "x")
    (w.dir / "server.key").write_bytes(w.run("atedb", "log-key", "logs").out)
    w.refused(1, "NOT_FOUND", "checkpoint", "@work")
    w.ate("checkpoint", "@work", "--add-log-key", "server.key")
    return root, server, address


def test_a_server_signs(w):
    """Nothing of the chain is here, and all of it is checked."""
    root, server, address = signing_server(w)
    save(w, "keys", w.ate("checkpoint", "@work", "--log-keys"))
    old = save(w, "old", w.ate("checkpoint", "@work"))
    assert (w.dir / old).read_text().split("\n")[1] == "4"
    assert w.ate("checkpoint", "@work").out == (w.dir / old).read_bytes()
    w.ate("put", "@work", "c", "x")
    proofs = [save(w, f"p{i}", w.ate("prove", "@work", str(i))) for i in range(5)]
    since = save(w, "since", w.ate("prove", "@work", "--since", old))
    w.refused(1, "NOT_FOUND", "prove", "@work", "5")
    w.refused(1, "NOT_FOUND", "prove", "@work", "4", "--checkpoint", old)
    w.ate("prove", "@work", "2", "--checkpoint", old)
    # Somebody else who has no key, and none of the state.
    stranger = {"HOME": str(w.dir / "stranger")}
    new = save(w, "new", w.ate("checkpoint", address, env=stranger))
    w.ate("check-proof", save(w, "q", w.ate("prove", address, "1", env=stranger)),
          "--log-key", "keys")
    save(w, "mirrored", w.ate("checkpoint", address, "--mirror", "m", env=stranger))
    # With the history, from the directory itself: the same proofs.
    server.stop()
    for name in proofs + [since, old, new, "mirrored"]:
        w.ate("check-proof", name, "--log-key", "keys")
    assert independently(w, "keys", old, new, since, *proofs)
    assert b"--log-key" in w.ate("check-proof", proofs[1], "--root", root, status=6).err
    local = "logs/joe/notes"
    given = [w.ate("prove", local, str(i), "--checkpoint", new, "--root", root).out
             for i in range(5)]
    assert given == [(w.dir / p).read_bytes() for p in proofs]


def test_a_server_may_not_sign_any_more(w):
    _, _, _ = signing_server(w)
    old = save(w, "old", w.ate("checkpoint", "@work"))
    w.ate("checkpoint", "@work", "--remove-log-key", "server.key")
    w.refused(1, "NOT_FOUND", "checkpoint", "@work")
    w.refused(6, "UNTRUSTED", "prove", "@work", "1", "--checkpoint", old)
    w.refused(4, "CONFLICT", "checkpoint", "@work", "--remove-log-key", "server.key")
    lines = w.ate("checkpoint", "@work", "--log-keys").lines()
    assert len(lines) == 2, lines
    w.ate("key", "new", "other.key")
    w.refused(3, "DENIED", "checkpoint", "@work", "--add-log-key", "server.key",
              "--key", "other.key")
    w.refused(7, "MALFORMED", "checkpoint", "@work", "--add-log-key", "old")
    w.ate("checkpoint", "@work", "--add-log-key", "server.key", "--log-keys", status=2)
    # In a directory, by its fingerprint.
    w.ate("put", "local", "a", "x")
    w.ate("checkpoint", "local", "--add-log-key", "server.key", "--json")
    assert len(w.ate("checkpoint", "local", "--log-keys").lines()) == 4
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    w.refused(4, "CONFLICT", "checkpoint", "local", "--remove-log-key", root)


def forget(w):
    shutil.rmtree(w.home / ".local/state/ate")


def behind_their_back(w, server, change):
    server.stop()
    change(w.dir / "logs/joe/notes")
    server.start()


def test_a_server_whose_log_was_set_back(w):
    """Whoever saw more notices, with a mirror and without; whoever signed more does, too."""
    _, server, address = signing_server(w)
    server.stop()
    shutil.copytree(w.dir / "logs/joe/notes", w.dir / "early")
    server.start()
    w.ate("put", "@work", "c", "x")
    w.ate("ls", "@work", "--mirror", "m")
    note = save(w, "note", w.ate("checkpoint", "@work"))

    def set_back(place):
        signed = (place / ",chain/checkpoint").read_bytes()
        shutil.rmtree(place)
        shutil.copytree(w.dir / "early", place)
        (place / ",chain/checkpoint").write_bytes(signed)

    behind_their_back(w, server, set_back)
    for words in (["get", "@work", "a"], ["put", "@work", "d", "x"], ["checkpoint", "@work"],
                  ["prove", "@work", "1"], ["ls", "@work", "--mirror", "m"]):
        # It signs nothing that would contradict what it signed.
        assert "is kept in" not in w.refused(6, "ROLLED_BACK", *words)
    assert "transactions" in w.refused(6, "ROLLED_BACK", "verify", "@work")
    forget(w)  # nobody remembers, but the server has signed more, and what was signed is kept
    w.ate("get", "@work", "a")
    assert "signed here last" in w.refused(6, "ROLLED_BACK", "checkpoint", "@work")
    w.refused(6, "ROLLED_BACK", "prove", "@work", "--since", note)
    assert "ROLLED_BACK" in server.log_text() or "signed here last" in server.log_text()


def test_a_server_whose_log_was_forked(w):
    _, server, address = signing_server(w)
    server.stop()
    shutil.copytree(w.dir / "logs/joe/notes", w.dir / "fork")
    server.start()
    w.ate("put", "@work", "c", "mine")
    w.ate("ls", "@work", "--mirror", "m")
    note = save(w, "note", w.ate("checkpoint", "@work"))
    root = w.ate("key", "show", "--json").object()["fingerprint"]
    for name in ("c", "d"):
        w.ate("put", "fork", name, "theirs", "--root", root)

    def fork(place):
        shutil.rmtree(place)
        shutil.copytree(w.dir / "fork", place)

    keys = save(w, "keys", w.ate("checkpoint", "@work", "--log-keys"))
    behind_their_back(w, server, fork)
    # Whoever kept what the server signed has it in writing.
    said = w.refused(6, "FORKED", "get", "@work", "a")
    evidence = pathlib.Path(said.rsplit(" is kept in ", 1)[1]).read_text()
    both = evidence.split("\n\nate/")
    (w.dir / "before").write_text(both[0] + "\n")
    (w.dir / "now").write_text("ate/" + both[1])
    assert (w.dir / "before").read_bytes() == (w.dir / note).read_bytes()
    sizes = [w.ate("check-proof", name, "--log-key", keys, "--json").object()["size"]
             for name in ("before", "now")]
    assert sizes == [5, 6], sizes
    for words in (["get", "@work", "a"], ["put", "@work", "e", "x"], ["checkpoint", "@work"],
                  ["prove", "@work", "1"], ["ls", "@work", "--mirror", "m"]):
        w.refused(6, "FORKED", *words)
    forget(w)
    w.ate("get", "@work", "a")
    w.refused(6, "FORKED", "prove", "@work", "--since", note)
    w.refused(6, "FORKED", "prove", "@work", "1", "--checkpoint", note)
    w.refused(6, "FORKED", "ls", "@work", "--mirror", "m")  # the mirror remembers by itself


def test_of_a_chain_that_was_compacted(w):
    """What is left of a transaction proves it; every two sizes still go together."""
    root, server, address = signing_server(w)
    old = save(w, "old", w.ate("checkpoint", "@work"))
    stopped = {}  # size: the checkpoint of a client that stopped there
    for n in range(300):
        w.ate("put", "@work", "a", str(n))
        if n % 29 == 0:
            name = save(w, f"at{n}", w.ate("checkpoint", "@work"))
            stopped[int((w.dir / name).read_text().split("\n")[1])] = name
    early = [save(w, f"e{i}", w.ate("prove", "@work", str(i))) for i in (0, 1, 150)]
    server.stop()
    local = "logs/joe/notes"
    for how in ([], ["--deep", "--cut-off", "now"]):
        w.ate("compact", local, *how, "--root", root)
        server.start()
        save(w, "keys", w.ate("checkpoint", "@work", "--log-keys"))
        save(w, "newest", w.ate("checkpoint", "@work"))
        server.stop()
        for size, name in stopped.items():
            since = save(w, "s", w.ate("prove", local, "--since", name, "--checkpoint", "newest",
                                       "--root", root))
            o = w.ate("check-proof", since, "--log-key", "keys", "--json").object()
            assert o["proof"] == "consistency" and o["older_size"] == size, o
    server.start()
    for size, name in stopped.items():
        since = save(w, "s", w.ate("prove", "@work", "--since", name))
        assert w.ate("check-proof", since, "--log-key", "keys", "--json"
                     ).object()["older_size"] == size
    w.ate("check-proof", save(w, "s", w.ate("prove", "@work", "--since", old)),
          "--log-key", "keys")
    new = save(w, "new", w.ate("checkpoint", "@work"))
    for i in (0, 1, 150, 299, 303):
        proof = save(w, "p", w.ate("prove", "@work", str(i), "--checkpoint", new))
        w.ate("check-proof", proof, "--log-key", "keys")
        assert w.ate("check-proof", proof, "--log-key", "keys", "--json").object()["sequence"] == i
    server.stop()
    for name in early:
        w.ate("check-proof", name, "--log-key", "keys")
    for i in (0, 1, 150):
        assert w.ate("prove", local, str(i), "--checkpoint", new, "--root", root).out


if __name__ == "__main__":
    main(__name__)
