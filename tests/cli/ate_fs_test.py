# SPDX-License-Identifier: MIT OR Apache-2.0
"""docs/format/fs.md: its worked bytes, and chains that break its rules."""
import base64
import hashlib
import json
import pathlib
import re

from world import PROGRAMS, main

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/format/fs.md"


def worked_bytes():
    for block in re.findall(r"```msgpack\n(.*?)```", PAGE.read_text(), re.S):
        yield bytes.fromhex("".join(line.split(";")[0] for line in block.splitlines()))


def test_worked_bytes(w):
    w.key()
    folder, file = worked_bytes()
    assert (len(folder), len(file)) == (29, 99), (len(folder), len(file))
    w.ate("put", "notes", "d", "--type", "dir", stdin=folder)
    o = w.ate("get", "notes", "d", "--json").object()
    assert (o["mode"], o["uid"], o["mtime"]) == ("0755", 0, "1970-01-01T00:00:00.000000Z"), o
    # Our own directory has the same bytes.
    w.ate("put", "notes", "made/x", "1")
    w.ate("put", "notes", "e", "--type", "other", stdin=folder)
    sizes = {e["name"]: e["size"] for t in w.ate("log", "notes", "--json").objects()
             for e in t["events"] if e["kind"] == "object"}
    assert sizes["made"] == sizes["d"] == sizes["e"] == 29
    # --type file means a file's bytes; one by its fields is stored under another name of the type.
    w.ate("put", "notes", "f", "--type", "other", stdin=file)
    value = w.ate("get", "notes", "f", "--json").object()["value"]
    assert value["mode"] == 0o644 and value["uid"] == value["gid"] == 1000 and value["size"] == 6
    assert value["mtime_ns"] == 1798761599123456789
    assert base64.urlsafe_b64decode(value["data"] + "==") == b"hello\n"
    assert base64.urlsafe_b64decode(value["hash"] + "=") == hashlib.sha256(b"hello\n").digest()


def link(w, name, target):
    w.ate("put", "notes", name, json.dumps({"object": target}), "--type", "hardlink")


def test_hostile_links(w):
    """No link is followed twice, and none leads to what is no file."""
    w.key()
    w.ate("put", "notes", "dir/x", "1")
    w.ate("put", "notes", "text", "value")
    ids = {o["name"]: o["id"] for o in w.ate("ls", "notes", "-R", "--json").objects()}
    link(w, "good", ids["text"])
    assert w.ate("get", "notes", "good").out == b"value"
    link(w, "to-dir", ids["dir"])
    link(w, "to-nothing", "00112233445566778899aabbccddeeff")
    link(w, "to-top", "0" * 32)
    link(w, "a", ids["text"])
    a = w.ate("get", "notes", "a", "--json").object()["id"]
    link(w, "b", a)
    b = w.ate("get", "notes", "b", "--json", status=None)
    link(w, "self", ids["text"])
    own = w.ate("ls", "notes", "--json").objects()
    own = next(o["id"] for o in own if o.get("name") == "self")
    link(w, "self", own)
    for name, status in (("to-dir", 7), ("to-nothing", 1), ("b", 7), ("self", 7)):
        r = w.ate("get", "notes", name, status=status)
        assert len(r.err.splitlines()) == 1 and r.out == b"", r
    assert w.ate("get", "notes", "to-top", status=None).status in (1, 7)
    assert b.status == 7
    assert len(w.ate("ls", "notes", "-lR").lines()) == 10
    w.ate("rm", "notes", "text")
    w.refused(1, "NOT_FOUND", "get", "notes", "good")


def test_wrong_fields(w):
    w.key()
    bad = {
        "text-number": ("symlink", {"target": 5}),
        "text-list": ("symlink", {"target": ["a"]}),
        "link-short": ("hardlink", {"object": "0011"}),
        "link-none": ("hardlink", {}),
        "dir-text": ("dir", {"mode": "rwx"}),
        "dir-huge": ("dir", {"mode": 1 << 40}),
        "dir-negative": ("dir", {"uid": -1}),
        "page-alone": ("page", {"index": 0, "data": "AQ"}),
    }
    for name, (kind, fields) in bad.items():
        w.ate("put", "notes", name, json.dumps(fields), "--type", kind)
    w.ate("put", "notes", "fine", "1")
    for name in bad:
        r = w.ate("get", "notes", name, status=None)
        assert r.status in (1, 2, 7) and len(r.err.splitlines()) == 1 and r.out == b"", r
        r = w.ate("get", "notes", name, "--json", status=None)
        assert len(r.objects()) == 1, r
    # One that cannot be shown does not hide the others.
    assert "fine" in w.ate("ls", "notes").lines()
    for words in (["ls", "notes", "-l"], ["ls", "notes", "-R", "--json"], ["log", "notes"]):
        r = w.ate(*words, status=None)
        assert b"fine" in r.out, r
    w.ate("rm", "notes", "dir-text")
    assert b"all holds" in w.ate("verify", "notes").out


def test_odd_links_and_types(w):
    """Types that control a terminal, targets that are no paths."""
    w.key()
    w.ate("put", "notes", "odd", '{"a":1}', "--type", "x\x1b[2J\n")
    w.ate("put", "notes", "far", '{"target":"Li4vLi4vZXRjL3Bhc3N3ZA"}', "--type", "symlink")
    assert w.ate("get", "notes", "far").out == b"../../etc/passwd"
    for words in (["ls", "notes", "-l"], ["log", "notes"], ["ls", "notes", "-l", "--json"]):
        out = w.ate(*words).out
        assert b"\x1b" not in out
    assert len(w.ate("ls", "notes", "-l").lines()) == 2


def hostile(w):
    w.key()
    key = str(w.home / ".config/ate/key")
    w.run(str(PROGRAMS.parent / "tests/cli/cli-hostile"), key, "chain")


def test_hostile_files(w):
    hostile(w)
    for name in ("good", "out-of-order", "page-twice", "page-beyond"):
        assert w.ate("get", "chain", name).out == b"001122", name
    for name, status in {"page-missing": 6, "count-huge": 7, "count-large": 6, "count-zero": 6,
                         "size-huge": 6, "size-less": 6, "size-more": 6, "hash-other": 6, "both": 7,
                         "neither": 6, "unfinished": 6}.items():
        r = w.ate("get", "chain", name, "-o", "out", status=status)
        assert len(r.err.splitlines()) == 1 and not w.path("out").exists(), r
        for words in (["get", "chain", name, "--json"], ["get", "chain", name, "--at", "1"]):
            r = w.ate(*words, status=None)
            assert r.status in (0, 6, 7), (name, r)
    rows = w.ate("ls", "chain", "-l").lines()
    assert any(row.startswith("unfinished") for row in rows), rows
    assert b"all holds" in w.ate("verify", "chain").out


def test_hostile_export(w):
    """What is right is written; what is not is named, and nothing lies outside of the directory."""
    hostile(w)
    r = w.ate("export", "chain", "deep/er/out".replace("/", "-"), status=None)
    assert r.status in (6, 7), r
    out = w.path("deep-er-out")
    assert sorted(p.name for p in out.iterdir()) == sorted(
        ["good", "out-of-order", "page-twice", "page-beyond"]), list(out.iterdir())
    assert all(p.read_bytes() == b"001122" for p in out.iterdir())
    assert sorted(p.name for p in w.dir.iterdir()) == ["chain", "deep-er-out", "home"]


def test_deep_payload(w):
    w.key()
    deep = '{"a":' * 31 + "1" + "}" * 31
    w.ate("put", "notes", "deep", deep, "--type", "t")
    assert w.ate("get", "notes", "deep").out == deep.encode()
    assert w.ate("get", "notes", "deep", "--json").object()["value"] == json.loads(deep)


if __name__ == "__main__":
    main(__name__)
