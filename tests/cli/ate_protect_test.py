# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rules, readers who come and go, keys that end, root keys."""
from world import main


class Two:
    """The owner of a chain with a few objects, and Ada, who knows its root key."""

    def __init__(self, w):
        self.w = w
        self.joe = w.ate("key", "new", "joe.key", "--label", "Joe",
                         "--json").object()["fingerprint"]
        self.ada = w.ate("key", "new", "ada.key", "--label", "Ada L",
                         "--json").object()["fingerprint"]
        w.public("ada.key", "ada.pub")
        w.env["ATE_KEY"] = "joe.key"
        for name, value in ("docs/a", "one"), ("docs/b", "two"), ("diary", "mine"):
            w.ate("put", "notes", name, value)

    def as_ada(self, *words, status=0):
        return self.w.ate(*words, "-k", "ada.key", "--root", self.joe, status=status)

    def ada_refused(self, status, name, *words):
        return self.w.refused(status, name, *words, "-k", "ada.key", "--root", self.joe)

    def rules(self, name):
        return self.w.ate("protect", "notes", name, "--json").object()


def test_share_and_take_back(w):
    t = Two(w)
    t.ada_refused(3, "NO_KEY", "get", "notes", "docs/a")
    r = w.ate("protect", "notes", "/", "--read", f"{t.joe},ada.pub", "--write", t.joe)
    assert f"{t.ada} reads it from now on, with all that it ever held" in r.err.decode(), r
    assert t.as_ada("get", "notes", "docs/a").out == b"one"
    assert t.as_ada("get", "notes", "diary").out == b"mine"
    t.ada_refused(3, "DENIED", "put", "notes", "docs/a", "ada's")
    # What lies below may be for fewer.
    r = w.ate("protect", "notes", "diary", "--read", t.joe)
    assert "sealed anew: 1" in r.err.decode(), r
    t.ada_refused(3, "NO_KEY", "get", "notes", "diary")
    r = w.ate("protect", "notes", "/", "--read", t.joe, "--json").object()
    assert r["went"] == [t.ada] and not r["came"] and not r["left"], r
    w.ate("put", "notes", "docs/c", "three")
    t.ada_refused(3, "NO_KEY", "get", "notes", "docs/c")
    assert w.ate("get", "notes", "docs/c").out == b"three"


def test_shown(w):
    t = Two(w)
    w.ate("protect", "notes", "docs", "--read", f"{t.joe},ada.pub", "--append", "ada.pub")
    o = t.rules("docs/a")
    assert sorted(o["read"]) == sorted([t.joe, t.ada]), o
    assert o["write"] == [t.joe] and o["append"] == [t.ada] and o["admin"] == [t.joe], o
    assert o["from"] == {"read": "docs", "write": "/", "append": "docs", "admin": "/"}, o
    assert o["own"] == {} and o["labels"] == {t.joe: "Joe", t.ada: "Ada L"}, o
    own = t.rules("docs")["own"]
    assert sorted(own) == ["append", "read"] and own["append"] == [t.ada], own
    text = w.ate("protect", "notes", "docs/a").out.decode()
    assert f"read    keys, as docs has it\n" in text and f"  {t.ada}  Ada L\n" in text, text
    assert f"write   keys, as / has it\n  {t.joe}  Joe  (yours)\n" in text, text
    line = w.ate("ls", "-l", "notes").lines()[1]
    assert line.endswith(f"  {t.joe[:8]} append:{t.ada[:8]}+  docs"), line
    assert f"{t.ada[:8]}(Ada L)" in line, line
    line = w.ate("ls", "-l", "notes", "docs").lines()[0]
    assert line.endswith(f"  {t.joe[:8]} append:{t.ada[:8]}  a"), line
    o = w.ate("ls", "notes", "--json").objects()[1]
    assert o["own"] == own and o["admin"] == [t.joe], o
    # A rule that is not given stays.
    w.ate("protect", "notes", "docs", "--write", t.joe)
    assert sorted(t.rules("docs")["own"]) == ["append", "read", "write"]
    w.ate("protect", "notes", "docs", "--append", "inherit")
    assert t.rules("docs")["append"] == [t.joe]
    w.refused(1, "NOT_FOUND", "protect", "notes", "nothing")
    w.refused(2, "MISUSE", "protect", "notes")


def test_moved_to_other_readers(w):
    """What does not fit into one transaction is sealed anew behind the move."""
    t = Two(w)
    for i in range(11):
        w.ate("put", "notes", f"tree/n{i}", "-", "--type", "bytes", stdin=b"%02d" % i * 400000)
    w.ate("put", "notes", "for two/about", "for two")
    w.ate("protect", "notes", "for two", "--read", f"{t.joe},ada.pub")
    t.ada_refused(3, "NO_KEY", "get", "notes", "tree/n1")
    w.ate("mv", "notes", "tree", "for two/tree")
    for i in range(11):
        assert w.ate("get", "notes", f"for two/tree/n{i}").out == b"%02d" % i * 400000
        assert t.as_ada("get", "notes", f"for two/tree/n{i}").out == b"%02d" % i * 400000
    w.ate("mv", "notes", "for two/tree", "for two/tree")  # nothing is left to do
    w.ate("mv", "notes", "for two/tree", "tree")
    t.ada_refused(3, "NO_KEY", "get", "notes", "tree/n1")
    assert w.ate("get", "notes", "tree/n10").out == b"10" * 400000


def test_a_sealed_writer_makes_no_names(w):
    """Who may add and does not read is told why there is no name, and what there is instead."""
    t = Two(w)
    w.ate("protect", "notes", "docs", "--append", "ada.pub")
    docs = next(o["id"] for o in w.ate("ls", "notes", "--json").objects() if o["name"] == "docs")
    for path in "docs/from ada", f"({docs})/from ada", f"({docs})/new/from ada":
        line = t.ada_refused(3, "NO_KEY", "put", "notes", path, "sealed")
        assert "cannot make names there" in line and "without a name: ate push" in line, line
    assert w.ate("ls", "notes", "docs").lines() == ["a", "b"]


def test_a_drop_box(w):
    """Who may add and no more pushes; the owner reads it; a key is ended before it was used."""
    t = Two(w)
    eve = w.ate("key", "new", "eve.key", "--json").object()["fingerprint"]
    w.public("eve.key", "eve.pub")
    w.ate("protect", "notes", "docs", "--append", f"{t.joe},ada.pub,eve.pub")
    docs = f"({t.rules('docs')['id']})"
    made = t.as_ada("push", "notes", docs, "from ada").out.decode().strip()
    assert len(made) == 34 and made[0] == "(" and made[-1] == ")", made
    assert w.ate("get", "notes", made).out == b"from ada"
    assert made in w.ate("ls", "notes", "docs").lines()
    t.ada_refused(3, "NO_KEY", "get", "notes", made)
    t.ada_refused(3, "DENIED", "rm", "notes", made)
    t.ada_refused(3, "NO_KEY", "push", "notes", "docs", "by a name that she cannot read")
    assert "the top of the chain: append is held by" in t.ada_refused(
        3, "DENIED", "push", "notes", "/", "elsewhere")
    # What is stored, and of which type, is as with put.
    o = w.ate("push", "notes", docs, "-", "--json", "-k", "ada.key", "--root", t.joe,
              stdin=b"\xff").object()
    assert o["below"] == docs and o["stage"] == "durable" and o["sequence"] and o["head"], o
    assert w.ate("get", "notes", f"({o['id']})").out == b"\xff"
    o = w.ate("push", "notes", "docs", '{"done":false}', "--type", "task", "--json").object()
    assert w.ate("get", "notes", f"({o['id']})", "--json").object()["type"] == "task"
    o = w.ate("push", "notes", "/", "at the top", "--type", "file", "--json").object()
    assert w.ate("get", "notes", f"({o['id']})").out == b"at the top"
    line = w.refused(7, "TOO_BIG", "push", "notes", "docs", stdin=b"x" * (1 << 20) + b"y")
    assert "at most 1 MiB" in line, line
    w.refused(4, "CONFLICT", "push", "notes", "docs/a", "below a text")
    w.refused(1, "NOT_FOUND", "push", "nothing", "/", "x")
    # Eve never signed anything, and is ended all the same; Ada ends her own.
    w.ate("revoke", "notes", eve, "--yes")
    line = w.refused(3, "DENIED", "push", "notes", docs, "x", "-k", "eve.key", "--root", t.joe)
    assert "which was revoked" in line, line
    t.as_ada("revoke", "notes", "ada.pub", "--yes")
    t.ada_refused(3, "DENIED", "push", "notes", docs, "x")


def test_roles(w):
    """Each role by key alone, by each command: 0, or the exit status and what is said."""
    w.env["ATE_KEY"] = "owner.key"
    roles = "owner", "reader", "writer", "sealed", "auditor", "admin"
    key = {r: w.ate("key", "new", f"{r}.key", "--json").object()["fingerprint"] for r in roles}
    pub = {r: w.public(f"{r}.key", f"{r}.pub") for r in roles}
    w.ate("put", "box", "in/letter", "sealed")
    of = lambda *names: ",".join(pub[n] for n in names)
    w.ate("protect", "box", "in", "--read", of("owner", "reader", "writer"),
          "--write", of("owner", "writer"), "--append", of("owner", "writer", "sealed"),
          "--admin", of("owner", "admin"))
    box = f"({w.ate('protect', 'box', 'in', '--json').object()['id']})"
    letter = f"({w.ate('protect', 'box', 'in/letter', '--json').object()['id']})"
    nk, dn = (3, "NO_KEY"), (3, "DENIED")
    rows = [
        (("get", "box", letter), (0, 0, nk, nk, nk)),
        (("get", "box", f"{box}/letter"), (0, 0, nk, nk, nk)),
        (("ls", "box", box), (0, 0, 0, 0, 0)),
        (("log", "box"), (0, 0, 0, 0, 0)),
        (("verify", "box"), (0, 0, 0, 0, 0)),
        (("put", "box", f"{box}/letter", "changed"), (dn, 0, nk, nk, nk)),
        (("put", "box", f"{box}/new", "x"), (dn, 0, nk, nk, nk)),
        (("push", "box", box, "x"), (dn, 0, 0, dn, dn)),
        (("push", "box", "/", "x"), (dn, dn, dn, dn, dn)),
        (("mv", "box", f"{box}/letter", f"{box}/letter 2"), (dn, 0, nk, nk, nk)),
        (("mv", "box", f"{box}/letter 2", f"{box}/letter"), (dn, 0, nk, nk, nk)),
        (("rm", "box", f"{box}/new"), (dn, 0, nk, nk, nk)),
        (("rm", "box", letter, "-r"), (dn, None, dn, dn, dn)),
        (("protect", "box", box), (0, 0, 0, 0, 0)),
        (("protect", "box", box, "--write", of("writer", "owner")), (dn, dn, dn, dn, 0)),
        (("protect", "box", box, "--read", of("owner", "reader", "writer", "auditor")),
         (dn, dn, nk, nk, nk)),
        (("revoke", "box", key["owner"], "--yes"), (dn, dn, dn, dn, dn)),
        (("root", "box", "--remove", key["owner"]), (dn, dn, dn, dn, dn)),
    ]
    for words, expected in rows:
        for role, then in zip(roles[1:], expected):
            as_role = (*words, "-k", f"{role}.key", "--root", key["owner"])
            if then == 0:
                w.ate(*as_role)
            elif then:
                w.refused(*then, *as_role)
    for role in "reader", "writer", "sealed", "admin":  # whom the chain knows ends his own key
        w.ate("revoke", "box", f"{role}.key", "--yes", "-k", f"{role}.key", "--root", key["owner"])
    w.refused(3, "DENIED", "push", "box", box, "x", "-k", "writer.key", "--root", key["owner"])
    assert w.ate("get", "box", letter).out == b"changed"


def test_part_of_it(w):
    """Who reads an object and not what it lies in finds it all the same, and nothing else."""
    t = Two(w)
    w.ate("protect", "notes", "docs", "--read", f"{t.joe},ada.pub")
    assert t.as_ada("ls", "notes").lines() == ["docs", "private"]
    assert t.as_ada("get", "notes", "docs/a").out == b"one"
    assert t.as_ada("ls", "notes", "docs").lines() == ["a", "b"]
    t.ada_refused(3, "NO_KEY", "get", "notes", "diary")
    t.ada_refused(3, "NO_KEY", "get", "notes", "nothing")
    t.ada_refused(3, "DENIED", "put", "notes", "docs/a", "x")
    w.ate("protect", "notes", "docs", "--write", f"{t.joe},{t.ada}")
    t.as_ada("put", "notes", "docs/a", "ada's")
    t.as_ada("put", "notes", "docs/c", "new")
    assert w.ate("get", "notes", "docs/a").out == b"ada's"
    # By its id, as ls shows what has no name.
    name = f"({t.rules('docs')['id']})"
    assert t.as_ada("get", "notes", f"{name}/c").out == b"new"
    w.refused(1, "NOT_FOUND", "get", "notes", f"({'0' * 31}1)")
    # Taken back: what was there can be read by who kept the keys, and no command does.
    w.ate("protect", "notes", "docs", "--read", "inherit", "--write", "inherit")
    for file in "a", "b", "c":
        t.ada_refused(3, "NO_KEY", "get", "notes", f"docs/{file}")
        w.ate("get", "notes", f"docs/{file}")


def test_asked(w):
    t = Two(w)
    line = w.refused(3, "DENIED", "protect", "notes", "docs", "--read", "everyone")
    assert line.endswith("everyone could read; nothing was changed: --yes does it"), line
    line = w.refused(3, "DENIED", "protect", "notes", "docs", "--write", "everyone")
    assert "everyone could write, append, admin;" in line, line
    line = w.refused(3, "DENIED", "protect", "notes", "docs", "--write", "nobody")
    assert "nobody could ever change the rules again" in line, line
    before = w.ate("log", "notes", "--json").objects()[-1]["sequence"]
    w.ate("protect", "notes", "docs", "--write", "nobody", "--admin", t.joe)
    w.refused(3, "DENIED", "put", "notes", "docs/a", "x")
    w.ate("rm", "-r", "notes", "docs")  # write above it suffices
    assert w.ate("log", "notes", "--json").objects()[-1]["sequence"] == before + 2
    w.refused(7, "UNSUPPORTED", "protect", "notes", "diary", "--read", "nobody")


def test_opened_and_closed(w):
    t = Two(w)
    o = w.ate("protect", "notes", "docs", "--read", "everyone", "--yes", "--json").object()
    assert o["resealed"] == 3 and o["left"] == 0, o
    assert t.as_ada("get", "notes", "docs/a").out == b"one"
    t.ada_refused(3, "NO_KEY", "get", "notes", "diary")
    o = w.ate("protect", "notes", "docs", "--read", "inherit", "--json").object()
    assert o["resealed"] == 3, o
    t.ada_refused(3, "NO_KEY", "get", "notes", "docs/a")
    assert w.ate("get", "notes", "docs/b").out == b"two"


def test_what_is_left(w):
    """What the one who rules may not write is named, and stays readable for those who read it."""
    t = Two(w)
    w.ate("protect", "notes", "docs", "--read", f"{t.joe},ada.pub")
    w.ate("protect", "notes", "docs/a", "--write", "ada.pub", "--admin", t.joe)
    r = w.ate("protect", "notes", "docs", "--read", "everyone", "--yes", status=3)
    lines = r.err.decode().splitlines()
    assert any(line.startswith("docs/a: left as it was: ") for line in lines), lines
    assert "DENIED: the rules are in force" in lines[-1], lines
    assert t.as_ada("protect", "notes", "docs").out.startswith(b"read    everyone\n")
    t.ada_refused(3, "DENIED", "protect", "notes", "docs", "--read", "everyone")


def test_opened_to_everyone(w):
    """A name that is not found where names were private once: nobody is said to read it."""
    t = Two(w)
    w.ate("protect", "notes", "/", "--read", "everyone", "--yes")
    assert t.as_ada("get", "notes", "diary").out == b"mine"
    line = t.ada_refused(3, "NO_KEY", "get", "notes", "nosuch")
    assert "are for those who could read them then" in line, line


def test_names_of_what_was_private(w):
    """Who may add where names were private once makes none, until its owner gives them away."""
    t = Two(w)
    w.ate("protect", "notes", "/", "--read", "everyone", "--append", "everyone", "--yes")
    line = t.ada_refused(3, "NO_KEY", "put", "notes", "diary 2", "hers")
    assert "ate push stores without one" in line and "ate protect --publish" in line, line
    made = t.as_ada("push", "notes", "/", "hers").out.decode().strip()
    assert t.as_ada("get", "notes", made).out == b"hers"
    line = w.refused(3, "DENIED", "protect", "notes", "/", "--publish")
    assert "all that was ever written in it" in line, line
    t.ada_refused(3, "NO_KEY", "protect", "notes", "/", "--publish", "--yes")
    w.refused(2, "MISUSE", "protect", "notes", "/", "--publish", "--read", "everyone", "--yes")
    w.ate("protect", "notes", "/", "--publish", "--yes")
    t.as_ada("put", "notes", "diary 2", "hers")
    assert w.ate("get", "notes", "diary 2").out == b"hers"
    t.ada_refused(3, "DENIED", "put", "notes", "diary", "hers")
    assert "diary 2" in t.as_ada("ls", "notes").lines()


def test_published(w):
    """All that was ever written, replaced values included, at one stroke."""
    t = Two(w)
    w.ate("put", "notes", "docs/a", "second")
    w.ate("protect", "notes", "docs", "--read", t.joe)
    w.ate("put", "notes", "docs/a", "third")
    w.refused(2, "MISUSE", "protect", "notes", "diary", "--publish", "--yes")  # no scope of its own
    o = w.ate("protect", "notes", "docs", "--publish", "--write", f"{t.joe},{t.ada}", "--yes",
              "--json").object()
    assert o["resealed"] == 0 and o["left"] == 0, o
    docs = t.rules("docs")
    assert docs["read"] == "everyone" and docs["published"] and t.ada in docs["write"], docs
    assert t.as_ada("get", "notes", f"({docs['id']})/a").out == b"third"
    t.ada_refused(3, "NO_KEY", "get", "notes", "diary")
    t.as_ada("put", "notes", f"({docs['id']})/new", "hers")
    assert w.ate("get", "notes", "docs/new").out == b"hers"


def test_bad_words(w):
    t = Two(w)
    w.refused(2, "MISUSE", "protect", "notes", "docs", "--read", f"{t.joe},")
    w.refused(2, "MISUSE", "protect", "notes", "docs", "--read", "")
    line = w.refused(1, "NOT_FOUND", "protect", "notes", "docs", "--write", "nothing.pub")
    assert "neither the fingerprint of a key nor a key file" in line, line
    stranger = w.ate("key", "new", "eve.key", "--json").object()["fingerprint"]
    w.refused(3, "NO_KEY", "protect", "notes", "docs", "--read", stranger)
    t.ada_refused(3, "NO_KEY", "protect", "notes", "docs", "--read", t.ada)
    t.ada_refused(3, "DENIED", "protect", "notes", "/", "--write", t.ada)


def test_revoke(w):
    t = Two(w)
    w.ate("protect", "notes", "/", "--read", f"{t.joe},ada.pub", "--write", f"{t.joe},{t.ada}")
    t.as_ada("put", "notes", "docs/a", "ada's")
    t.ada_refused(3, "DENIED", "revoke", "notes", t.joe, "--yes")
    line = w.refused(3, "DENIED", "revoke", "notes", "ada.pub")
    assert "would never count again" in line and "root key" not in line, line
    line = w.refused(3, "DENIED", "revoke", "notes", t.joe)
    assert "no root key would be left" in line, line
    w.ate("revoke", "notes", "ada.pub", "--yes")
    t.ada_refused(3, "DENIED", "put", "notes", "docs/a", "again")
    assert "revoked: it counts no more" in w.ate("protect", "notes", "/").out.decode()
    w.refused(1, "EXISTS", "revoke", "notes", t.ada, "--yes")
    assert f"    * revoked  {t.ada}" in w.ate("log", "notes").lines()
    assert w.ate("get", "notes", "docs/a").out == b"ada's"


def test_revoked_by_itself(w):
    t = Two(w)
    w.ate("protect", "notes", "/", "--read", f"{t.joe},ada.pub", "--write", f"{t.joe},{t.ada}")
    t.as_ada("revoke", "notes", "ada.key", "--yes")
    t.ada_refused(3, "DENIED", "put", "notes", "x", "y")


def test_no_root_key(w):
    t = Two(w)
    w.ate("revoke", "notes", t.joe, "--yes")
    r = w.ate("root", "notes")
    assert r.out == b"" and b"no root key is in force" in r.err, r
    assert w.ate("root", "notes", "--json").object()["root_keys"] == []


def test_root_keys(w):
    t = Two(w)
    assert w.ate("root", "notes").lines() == [t.joe]
    w.refused(3, "DENIED", "root", "notes", "--add", "ada.pub")
    t.ada_refused(3, "DENIED", "root", "notes", "--add", "ada.key")
    w.refused(3, "DENIED", "root", "notes", "--remove", t.joe)
    w.refused(4, "CONFLICT", "root", "notes", "--remove", t.ada)
    w.ate("root", "notes", "--add", "ada.key")
    assert sorted(w.ate("root", "notes", "--json").object()["root_keys"]) == sorted([t.joe, t.ada])
    w.refused(4, "CONFLICT", "root", "notes", "--add", "ada.key")
    w.ate("root", "notes", "-k", "ada.key", "--remove", t.joe)
    assert w.ate("root", "notes").lines() == [t.ada]
    lines = w.ate("log", "notes").lines()
    assert f"    * root key added  {t.ada}" in lines, lines
    assert f"    * root key removed  {t.joe}" in lines, lines
    log = w.ate("log", "notes", "--json").objects()
    assert log[-1]["events"][0]["removed"] == [t.joe], log[-1]
    assert sorted(log[-2]["authors"]) == sorted([t.joe, t.ada]), log[-2]
    w.refused(2, "MISUSE", "root", "notes", "--add", "ada.key", "--remove", t.joe)


def test_at_a_server(w):
    t = Two(w)
    s = w.server()
    at = s.chain("/joe/notes")
    w.ate("put", at, "docs/a", "one")
    far = s.chain("/joe/notes", f",root={t.joe}")
    w.ate("protect", at, "/", "--read", f"{t.joe},ada.pub", "--write", f"{t.joe},{t.ada}")
    assert w.ate("get", far, "docs/a", "-k", "ada.key").out == b"one"
    w.ate("put", far, "docs/b", "two", "-k", "ada.key")
    o = w.ate("protect", at, "docs", "--read", "everyone", "--yes", "--json").object()
    assert o["resealed"] == 3, o
    w.ate("root", at, "--add", "ada.key")
    assert sorted(w.ate("root", far).lines()) == sorted([t.joe, t.ada])
    w.ate("revoke", far, "-k", "ada.key", t.ada, "--yes")
    w.refused(3, "DENIED", "put", far, "docs/b", "x", "-k", "ada.key")
    assert w.ate("root", far).lines() == [t.joe]


if __name__ == "__main__":
    main(__name__)
