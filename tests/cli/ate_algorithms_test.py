# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keys of each strength and kind at a real server: thin clients, mirrors, those who watch."""
from world import Lines, main
import subprocess

# What makes the key, and what the chain is told when it is made.
KINDS = {
    "s128": (["--strength", "128"], ["--strength", "128"]),
    "s192": (["--strength", "192"], ["--strength", "192"]),
    "s256": (["--strength", "256"], ["--strength", "256"]),
    "default": ([], []),
    "sha3": ([], ["--hash", "sha3-256"]),
    "ed25519": (["--algorithm", "ed25519 x-wing"], ["--strength", "128", "--allow", "ed25519"]),
    "ed448": (["--algorithm", "ed448 mlkem1024-p384"], ["--strength", "192", "--allow", "ed448"]),
    "mldsa44": (["--algorithm", "mldsa44 x-wing"], ["--strength", "128", "--allow", "mldsa44"]),
    "mldsa65": (["--algorithm", "mldsa65 x-wing"], ["--strength", "192", "--allow", "mldsa65"]),
    "mldsa87": (["--algorithm", "mldsa87 mlkem1024-p384"],
                ["--strength", "256", "--allow", "mldsa87"]),
    "signs-alone": (["--algorithm", "mldsa65-ed25519-sha512"], []),
}


def watch(w, chain, *key):
    process = w.popen("ate", "watch", chain, "--since", "0", "--count", "2", *key,
                      stdout=subprocess.PIPE)
    return process, Lines(process, process.stdout)


def test_at_a_server(w):
    server = w.server()
    for kind, (of_key, of_chain) in KINDS.items():
        w.ate("key", "new", f"{kind}.key", *of_key)
        key = ["-k", f"{kind}.key"]
        w.ate("name", kind, server.chain(f"/example.com/joe/{kind}"))
        chain = f"@{kind}"
        w.ate("put", chain, "a", "one", *key, *of_chain)
        assert w.ate("get", chain, "a", *key).out == b"one", kind
        process, lines = watch(w, chain, *key)
        assert lines.next().endswith("a"), kind
        w.ate("put", chain, "b", "two", *key, "--mirror", f"{kind}.mirror")
        assert lines.next().endswith("b"), kind
        lines.end()
        assert process.wait() == 0
        process.stdout.close()
        for mirror in ["--mirror", f"{kind}.mirror"], ["--mirror", f"{kind}.fresh"], []:
            assert w.ate("get", chain, "b", *key, *mirror).out == b"two", kind
            assert w.ate("ls", chain, *key, *mirror).lines() == ["a", "b"], kind
        assert b"all holds" in w.ate("verify", chain, *key).out, kind
        assert b"all holds" in w.ate("verify", f"{kind}.mirror", *key).out, kind
    server.stop()


def test_one_key_and_the_chains_of_others(w):
    """Who is too weak, or of a family that is not allowed, comes in neither as a reader nor as a
    root key. (tests/unit/mesh/key_kinds_test.c has every way and every kind.)"""
    server = w.server()
    for kind, (of_key, _) in KINDS.items():
        w.ate("key", "new", f"{kind}.key", *of_key)
        w.public(f"{kind}.key", f"{kind}.pub")
    takes = {
        "s192": {"s192", "default", "sha3", "s256", "signs-alone"},
        "s256": {"s256"},
        "default": {"s192", "default", "sha3", "signs-alone"},
        "ed25519": {"s128", "s192", "s256", "default", "sha3", "ed25519", "signs-alone"},
        "mldsa65": {"s192", "default", "sha3", "s256", "mldsa65", "signs-alone"},
    }
    for kind, allowed in takes.items():
        w.ate("name", kind, server.chain(f"/example.com/joe/{kind}"))
        w.ate("put", f"@{kind}", "a", "one", "-k", f"{kind}.key", *KINDS[kind][1])
        for other in KINDS:
            if other == kind:
                continue
            read = ["protect", f"@{kind}", "a", "--read", f"{kind}.pub,{other}.pub", "-k",
                    f"{kind}.key"]
            root = ["root", f"@{kind}", "--add", f"{other}.key", "-k", f"{kind}.key"]
            if other in allowed:
                if other != "signs-alone":  # nobody can seal to it
                    w.ate(*read)
                w.ate(*root)
                continue
            reads = [] if other == "signs-alone" else [read]
            for words in *reads, root:
                line = w.refused(3, "DENIED", *words)
                assert "this chain" in line, line
    server.stop()


def test_what_cannot_begin_a_chain_writes_into_one(w):
    """ate put makes a chain where there is none: a key that could not opens one that is there."""
    server = w.server()
    w.ate("key", "new", "a.key", "--strength", "128")
    w.ate("key", "split", "a.key")
    w.ate("name", "work", server.chain("/example.com/joe/notes"))
    for key in "a.key", "a.key.write":
        for mirror in [], ["--mirror", "m"]:
            name = "DENIED" if key == "a.key" else "NO_KEY"
            w.refused(3, name, "put", "@work", "x", "1", "-k", key, *mirror)
    w.ate("put", "@work", "x", "1", "-k", "a.key", "--strength", "128")
    w.ate("put", "@work", "open", "1", "-k", "a.key", "--public")
    for n, mirror in enumerate([[], ["--mirror", "m"]]):
        w.ate("put", "@work", "x", f"{n}", "-k", "a.key", *mirror)
        w.ate("put", "@work", "x", f"{n} again", "-k", "a.key.read", "-k", "a.key.write", *mirror)
        w.ate("rm", "@work", "open", "-k", "a.key.write", "-k", "a.key.read", *mirror)
        w.ate("put", "@work", "open", f"{n}", "-k", "a.key", "--public", *mirror)
        assert w.ate("get", "@work", "x", "-k", "a.key.read", *mirror).out == b"%d again" % n
    server.stop()


if __name__ == "__main__":
    main(__name__)
