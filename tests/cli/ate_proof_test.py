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


def test_at_a_server(w):
    """With a mirror, in which it is remembered what was signed."""
    root = w.key()
    server = w.server()
    address = server.chain("/joe/notes", f",root={root}")
    w.ate("put", address, "a", "x")
    w.refused(7, "UNSUPPORTED", "checkpoint", address)
    old = save(w, "old", w.ate("checkpoint", address, "--mirror", "mirror"))
    w.ate("put", address, "b", "x")
    new = save(w, "new", w.ate("checkpoint", address, "--mirror", "mirror"))
    keys = save(w, "keys", w.ate("checkpoint", address, "--log-keys"))
    proof = save(w, "p", w.ate("prove", address, "2", "--mirror", "mirror"))
    since = save(w, "s", w.ate("prove", address, "--since", old, "--checkpoint", new))
    w.refused(1, "NOT_FOUND", "prove", address, "1")  # a mirror in memory remembers nothing
    server.stop()
    for name in (proof, since):
        w.ate("check-proof", name, "--root", root)
    assert independently(w, keys, old, new, proof, since)
    # The mirror itself, as it lies there, proves too, and signs nothing.
    w.ate("check-proof", save(w, "q", w.ate("prove", "mirror", "1", "--root", root)))
    w.refused(3, "READ_ONLY", "checkpoint", "mirror", "--root", root)


if __name__ == "__main__":
    main(__name__)
