# SPDX-License-Identifier: MIT OR Apache-2.0
"""ate export: what comes back and how, what is skipped, and that no chain, however hostile, makes
it write anything outside of its directory or leave a file there that is not its hash's."""
import base64
import hashlib
import json
import os
import stat

from tree import MIB, give, noise, ordinary, same, tree, write
from world import PROGRAMS, main

RAW = PROGRAMS.parent / "tests/cli/cli-raw"
TOP = "0" * 32


def b64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def raw(w, parent, name, type_, wrong_tag=False, **fields):
    """Stores an object past all that `ate put` checks, and gives its id."""
    r = w.run(str(RAW), "chain", str(w.home / ".config/ate/key"), parent, name, type_,
              json.dumps(fields), env={"RAW_WRONG_TAG": "1"} if wrong_tag else None)
    return r.out.decode().strip()


def file_of(content, **more):
    digest = b64(hashlib.sha256(content).digest())
    return {"mode": 0o644, "uid": 0, "gid": 0, "mtime_ns": 5, "size": len(content),
            "hash": digest, "data": b64(content), **more}


def failures(w, *words, status, **more):
    """What an export named: path -> result; and its summary."""
    *errors, summary = w.ate("export", *words, "--json", status=status, **more).objects()
    assert all("error" in e for e in errors) and "files" in summary, (errors, summary)
    assert summary["failed"] == len(errors), summary
    return {e["subject"]: e["error"] for e in errors}, summary


def below(top):
    return sorted(os.path.relpath(os.path.join(folder, name), top)
                  for folder, folders, names in os.walk(top) for name in folders + names)


# ---- where to ----

def test_the_directory_is_new(w):
    w.key()
    w.ate("put", "chain", "a/b", "1")
    w.file("full/x", b"mine")
    w.file("file", b"mine")
    w.refused(1, "EXISTS", "export", "chain", "full")
    w.refused(1, "EXISTS", "export", "chain", "file")
    w.refused(2, "MISUSE", "export", "chain", "-")
    assert not w.path("-").exists()
    w.refused(1, "NOT_FOUND", "export", "chain", "no/such")
    assert w.path("full/x").read_bytes() == w.path("file").read_bytes() == b"mine"
    w.path("empty").mkdir()
    w.ate("export", "chain", "empty")
    assert below(w.path("empty")) == ["a", "a/b"]
    # Nothing is made for a name that is not there, or is no directory.
    w.refused(1, "NOT_FOUND", "export", "chain", "out", "nothing")
    w.refused(2, "MISUSE", "export", "chain", "out", "a/b")
    w.refused(1, "NOT_FOUND", "export", "nowhere", "out")
    assert not w.path("out").exists()


# ---- what ----

def test_values_and_objects_of_programs(w):
    w.key()
    w.ate("put", "chain", "text", "hello")
    w.ate("put", "chain", "bytes", stdin=b"\0\1\xff")
    w.ate("put", "chain", "large", stdin=noise(1, 3 * MIB + 1))
    w.ate("put", "chain", "own", '{"done":false}', "--type", "task")
    w.ate("put", "chain", "folder", '{"title":"x"}', "--type", "task")
    w.ate("put", "chain", "folder/in it", "1")
    nameless = raw(w, TOP, "", "task", done=True)
    r = w.ate("export", "chain", "out", "-v")
    out = w.path("out")
    assert below(out) == ["bytes", "folder", "folder/in it", "large", "own", "text"], below(out)
    assert (out / "text").read_bytes() == b"hello"
    assert (out / "bytes").read_bytes() == b"\0\1\xff"
    assert (out / "large").read_bytes() == noise(1, 3 * MIB + 1)
    assert json.loads((out / "own").read_bytes()) == {"done": False}
    assert nameless.encode() in r.err and b"1 objects without a name" in r.err, r


def test_holes(w):
    w.key()
    w.ate("put", "chain", "zeros", stdin=bytes(9 * MIB))
    w.ate("export", "chain", "out")
    st = os.stat(w.path("out/zeros"))
    assert st.st_size == 9 * MIB and w.path("out/zeros").read_bytes() == bytes(9 * MIB)
    assert st.st_blocks * 512 < MIB


def test_what_the_keys_do_not_open(w):
    fingerprint = w.key()
    w.ate("put", "chain", "secret/deep", "1")
    w.ate("put", "chain", "shown", "2", "--public")
    stranger = {"HOME": str(w.path("stranger"))}
    r = w.ate("export", "chain", "out", "--root", fingerprint, "-v", status=3, env=stranger)
    assert below(w.path("out")) == ["shown"]
    assert b"skipped: your keys do not open it" in r.err and b"secret" not in r.err, r
    found, summary = failures(w, "chain", "out2", "--root", fingerprint, status=3, env=stranger)
    assert not found and (summary["private"], summary["files"]) == (1, 1), summary
    w.refused(3, "NO_KEY", "export", "chain", "out3", "secret", "--root", fingerprint,
              env=stranger)


# ---- hard links ----

def test_hard_links_in_any_order(w):
    w.key()
    write(w.path("in/m/file"), b"linked")
    os.link(w.path("in/m/file"), w.path("in/z"))
    os.link(w.path("in/m/file"), w.path("in/zz"))
    w.ate("import", "chain", "in", "x")
    w.ate("mv", "chain", "x/z", "x/a")  # a link comes before its file now
    w.ate("export", "chain", "out", "x")
    inodes = {os.stat(w.path("out") / name).st_ino for name in ("a", "m/file", "zz")}
    assert len(inodes) == 1 and w.path("out/zz").read_bytes() == b"linked"
    # The file itself lies outside of what is exported: the links are one file all the same.
    w.ate("mv", "chain", "x/m/file", "elsewhere")
    w.ate("export", "chain", "out2", "x")
    assert below(w.path("out2")) == ["a", "m", "zz"]
    assert os.stat(w.path("out2/a")).st_ino == os.stat(w.path("out2/zz")).st_ino
    w.ate("rm", "chain", "elsewhere")
    found, _ = failures(w, "chain", "out3", "x", status=1)
    assert found == {"a": "NOT_FOUND", "zz": "NOT_FOUND"}, found


def test_locked_directories_as_ordinary_user(w):
    user = ordinary(w)
    os.chmod(w.dir, 0o777)
    w.ate("key", "new", user=user)
    write(w.path("in/a/file"), b"1")
    write(w.path("in/b/inner/file"), b"2")
    os.link(w.path("in/a/file"), w.path("in/b/again"))
    give(w.path("in"), user)
    w.ate("import", "chain", "in", "x", user=user)
    # Modes that could not have been imported from: as another user's import stores them.
    for path, mode in (("in/a", 0o600), ("in/b/inner", 0o555), ("in/b", 0o500)):
        os.chmod(w.path(path), mode)
    if user is None:
        os.chmod(w.path("in/a"), 0o700)
    import_as_root(w, user)
    w.ate("export", "chain", "out", "x", user=user)
    same(tree(w.path("in")), tree(w.path("out")))


def import_as_root(w, user):
    """What only root may read, into a chain of that user."""
    w.ate("import", "chain", "in", "x", "-k", str(w.home / ".config/ate/key"),
          env={"HOME": str(w.path("root"))} if user else None)
    give(w.path("chain"), user)


def test_no_rights_of_others_for_ordinary_user(w):
    user = ordinary(w)
    os.chmod(w.dir, 0o777)
    w.ate("key", "new", user=user)
    write(w.path("in/file"), b"1", 0o6755)
    os.chmod(w.path("in"), 0o2755)
    import_as_root(w, user)
    w.ate("export", "chain", "out", "x", user=user)
    assert stat.S_IMODE(os.stat(w.path("out/file")).st_mode) == 0o755
    if user is not None:
        assert os.stat(w.path("out/file")).st_uid == user
        w.ate("export", "chain", "out2", "x", env={"HOME": str(w.path("root"))},
              *("-k", str(w.home / ".config/ate/key")))  # root gives owners and bits
        same(tree(w.path("in")), tree(w.path("out2")))


# ---- hostile chains ----

def test_names_that_lead_elsewhere(w):
    w.key()
    names = ("..", ".", "a/b", "../escaped", "/tmp/ate-escaped", "x/")
    for name in names:
        raw(w, TOP, name, "text", value="evil")
    inside = raw(w, TOP, "..dots are fine", "dir", mode=0o755)
    raw(w, inside, "..", "dir", mode=0o777)
    before = below(w.dir)
    found, summary = failures(w, "chain", "out", status=7)
    assert set(found.values()) == {"MALFORMED"} and summary["failed"] == len(names) + 1, found
    assert below(w.path("out")) == ["..dots are fine"]
    assert [p for p in below(w.dir) if not p.startswith("out")] == before
    assert not os.path.exists("/tmp/ate-escaped")


def test_one_name_for_two(w):
    """A second object of one name comes with a tag that is not the name's, and so has none."""
    w.key()
    raw(w, TOP, "file", "text", value="first")
    raw(w, TOP, "file", "text", value="second", wrong_tag=True)
    raw(w, TOP, "folder", "symlink", target=b64(b"/tmp"))
    folder = raw(w, TOP, "folder", "dir", mode=0o755, wrong_tag=True)
    raw(w, folder, "inside", "text", value="through the link?")
    found, summary = failures(w, "chain", "out", status=0)
    assert found == {} and summary["nameless"] == 2, (found, summary)
    assert "inside" not in os.listdir("/tmp") and below(w.path("out")) == ["file", "folder"]
    assert w.path("out/file").read_bytes() == b"first" and w.path("out/folder").is_symlink()


def test_links_that_lead_elsewhere(w):
    w.key()
    w.path("outside").mkdir()
    outside = str(w.path("outside")).encode()
    link = raw(w, TOP, "link", "symlink", target=b64(outside))
    raw(w, link, "evil", "text", value="through the link")
    raw(w, raw(w, link, "deeper", "dir", mode=0o777), "evil", "text", value="deeper")
    failures(w, "chain", "out", status=0)
    assert below(w.path("out")) == ["link"] and below(w.path("outside")) == []
    assert os.fsencode(os.readlink(w.path("out/link"))) == outside
    for name, target in (("nul", b"a\0b"), ("empty", b""), ("long", b"x" * 5000)):
        raw(w, TOP, name, "symlink", target=b64(target))
    found, _ = failures(w, "chain", "out2", status=7)
    assert found == {name: "MALFORMED" for name in ("nul", "empty", "long")}, found


def test_hard_links_that_lead_nowhere(w):
    w.key()
    folder = raw(w, TOP, "folder", "dir", mode=0o755)
    link = raw(w, TOP, "link", "symlink", target=b64(b"/etc/passwd"))
    good = raw(w, TOP, "good", "text", value="1")
    first = raw(w, TOP, "to a folder", "hardlink", object=folder)
    raw(w, TOP, "to a hard link", "hardlink", object=first)
    raw(w, TOP, "to a link", "hardlink", object=link)
    raw(w, TOP, "to nothing", "hardlink", object="12" * 16)
    raw(w, TOP, "to the top", "hardlink", object=TOP)
    raw(w, folder, "to a file", "hardlink", object=good)
    found, _ = failures(w, "chain", "out", status=7)
    assert sorted(found) == ["to a folder", "to a hard link", "to a link", "to nothing",
                             "to the top"], found
    assert below(w.path("out")) == ["folder", "folder/to a file", "good", "link"]


def test_files_that_are_not_their_hash(w):
    w.key()
    raw(w, TOP, "other bytes", "file", **file_of(b"right", data=b64(b"wrong")))
    raw(w, TOP, "too short", "file", **file_of(b"right", size=6))
    raw(w, TOP, "too long", "file", **file_of(b"right", size=4))
    raw(w, TOP, "huge", "file", **file_of(b"right", size="9223372036854775807"))
    raw(w, TOP, "no pages", "file", **file_of(b"", data="", page_count=1000000000))
    raw(w, TOP, "too many", "file", **file_of(b"", data="", page_count="9223372036854775807"))
    raw(w, TOP, "no hash", "file", mode=0o644, size=0)
    raw(w, TOP, "good", "file", **file_of(b"good"))
    found, summary = failures(w, "chain", "out", status=7)
    assert found == {"other bytes": "TAMPERED", "too short": "TAMPERED", "too long": "TAMPERED",
                     "huge": "TAMPERED", "no pages": "OMITTED", "too many": "MALFORMED",
                     "no hash": "OMITTED"}, found
    assert below(w.path("out")) == ["good"] and summary["files"] == 1


def paged(w, name, pages, content, **more):
    fields = {k: v for k, v in file_of(content, **more).items() if k != "data"}
    file = raw(w, TOP, name, "file", page_count=len(pages), **fields)
    for index, page in pages:
        raw(w, file, "", "page", index=index, data=b64(page))


def test_pages(w):
    w.key()
    a, b = noise(1, 5000), noise(2, 3000)
    paged(w, "in order", [(0, a), (1, b)], a + b)
    paged(w, "out of order", [(1, b), (0, a)], a + b)
    paged(w, "one twice", [(0, a), (0, a)], a + a)
    paged(w, "one missing", [(0, a), (2, b)], a + b)
    paged(w, "not the hash", [(0, a), (1, a)], a + b)
    found, _ = failures(w, "chain", "out", status=6)
    assert found == {"one twice": "OMITTED", "one missing": "OMITTED",
                     "not the hash": "TAMPERED"}, found
    for name in ("in order", "out of order"):
        assert (w.path("out") / name).read_bytes() == a + b


def test_fields_that_are_not_right(w):
    w.key()
    folder = raw(w, TOP, "folder", "dir", mode="not a number")
    raw(w, folder, "inside", "text", value="1")
    raw(w, TOP, "file", "file", **file_of(b"x", mode="rwx"))
    raw(w, TOP, "text", "text", value=17)
    raw(w, TOP, "page", "page", index=0, data="")
    for name, time_ns in (("past", "-9223372036854775808"), ("future", "9223372036854775807")):
        raw(w, TOP, name, "file", **file_of(b"x", mtime_ns=time_ns))
    raw(w, TOP, "bits", "file", **file_of(b"x", mode=0xffffffff, uid=0xffffffff, gid=0xffffffff))
    found, _ = failures(w, "chain", "out", status=7)
    assert found == {name: "MALFORMED" for name in ("file", "folder", "text")}, found
    # What lies below a directory is exported though the directory's own fields cannot be read.
    assert below(w.path("out")) == ["bits", "folder", "folder/inside", "future", "past"]


def test_a_damaged_chain(w):
    w.key()
    write(w.path("in/a"), noise(1, 3 * MIB))
    w.ate("import", "chain", "in", "x")
    used = [o for o in w.ate("verify", "chain", "--json").objects() if "in_use" in o]
    part = max(used, key=lambda r: r["size"])
    with open(w.path("chain/,chain") / part["in_use"], "r+b") as f:
        f.seek(part["offset"] + part["size"] // 2)
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte ^ 1]))
    r = w.ate("export", "chain", "out", "x", status=6)
    assert b"export: chain: TAMPERED: " in r.err and not w.path("out/a").exists(), r


def test_a_file_that_names_what_is_not_its_own(w):
    """Its pages would be those of another file, or a directory: removing it leaves them."""
    w.key()
    w.ate("put", "chain", "docs/a", "one")
    w.ate("put", "chain", "big", stdin=b"x" * (1 << 21))
    objects = {o["name"]: o["id"] for o in w.ate("ls", "chain", "--json").objects()}
    for name in "docs", "big":
        raw(w, TOP, "trap", "file", mode=0o644, size=0, pages=objects[name])
        w.ate("rm", "chain", "trap")
    assert w.ate("get", "chain", "docs/a").out == b"one"
    assert len(w.ate("get", "chain", "big").out) == 1 << 21


if __name__ == "__main__":
    main(__name__)
