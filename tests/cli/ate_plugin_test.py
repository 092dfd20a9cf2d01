# SPDX-License-Identifier: MIT OR Apache-2.0
"""Plug-ins: those of examples/plugins, and some that are late, fail, or must not be loaded."""
import os
import pathlib
import shutil
import subprocess
import sys

from world import main

BUILD = pathlib.Path(sys.argv[1]).parent
PATH = "/example.com/joe/notes"


def plugin(w, name, folder="examples/plugins"):
    """A copy that is ours alone."""
    place = w.path("plug")
    place.mkdir(mode=0o700, exist_ok=True)
    file = place / f"{name}.so"
    shutil.copy(BUILD / folder / f"{name}.so", file)
    file.chmod(0o700)
    return file


def test_schema(w):
    w.key()
    schema = f"--plugin={plugin(w, 'schema')}=person:name,age;order:id"
    w.ate("put", "notes", "a", '{"name":"Ann","age":9}', "--type", "person", schema)
    line = w.refused(7, "MALFORMED", "put", "notes", "b", '{"name":"Ann"}', "--type", "person",
                     schema)
    assert 'plug-in schema: an object of type person has no field "age"' in line, line
    w.ate("put", "notes", "c", '{"b":1}', "--type", "other", schema)
    w.ate("put", "notes", "b", '{"name":"Ann"}', "--type", "person")
    w.ate("rm", "notes", "b", schema)
    assert w.ate("ls", "notes").lines() == ["a", "c"]
    w.refused(2, "MISUSE", "ls", "notes", f"--plugin={plugin(w, 'schema')}")


def test_history_is_reported(w):
    """What a plug-in would have refused is in the chain: verify names it, and all holds."""
    w.key()
    schema = f"--plugin={plugin(w, 'schema')}=person:name"
    w.ate("put", "notes", "a", '{"name":"Ann"}', "--type", "person", "--public")
    w.ate("put", "notes", "b", '{"age":9}', "--type", "person", "--public")
    lines = w.ate("verify", "notes", schema).lines()
    assert lines[0] == ('transaction 2: MALFORMED: plug-in schema: an object of type person has no '
                        'field "name"'), lines
    assert lines[1] == "plug-ins object to 1 transaction, which is valid all the same", lines
    assert lines[2].startswith("all holds: 3 transactions"), lines
    objects = w.ate("verify", "notes", schema, "--json").objects()
    said = [o for o in objects if "objection" in o]
    assert [(o["objection"], o["result"]) for o in said] == [(2, "MALFORMED")], said
    assert objects[-1]["verified"] is True
    assert len(w.ate("verify", "notes").lines()) == 1


def test_compressed_is_looked_into(w):
    """A payload that is stored compressed is checked as its readers will see it."""
    w.key()
    schema = f"--plugin={plugin(w, 'schema')}=person:name"
    long = "x" * 3000
    w.ate("put", "notes", "a", f'{{"name":"{long}"}}', "--type", "person", "--public",
          "--compress", "zstd", schema)
    w.ate("put", "notes", "b", f'{{"age":"{long}"}}', "--type", "person", "--public")
    lines = w.ate("verify", "notes", schema).lines()
    assert [line.split(":")[0] for line in lines][:1] == ["transaction 2"], lines
    assert "plug-ins object to 1 transaction" in lines[1], lines


def test_two_at_once(w):
    """To the loader a descriptor's path is a name: the second is not taken for the first."""
    w.key()
    schema, rate = plugin(w, "schema"), plugin(w, "rate")
    both = [f"--plugin={schema}=person:name", f"--plugin={rate}=0.01,2"]
    w.ate("put", "notes", "a", '{"name":"Ann"}', "--type", "person", *both)
    line = w.refused(2, "MISUSE", "ls", "notes", both[0], f"--plugin={rate}=x")
    assert "plug-in rate: the option is RATE" in line, line
    w.refused(7, "MALFORMED", "put", "notes", "b", "{}", "--type", "person", *both[::-1])


def test_rate_at_a_server(w):
    w.key()
    server = w.server("--no-auth", "--plugin", f"{plugin(w, 'rate')}=0.01,2")
    w.ate("name", "work", server.chain(PATH))
    w.ate("put", "@work", "a", "1")
    line = w.refused(5, "BUSY", "put", "@work", "b", "2")
    assert "plug-in rate: more than 0.01 transactions a second from one author" in line, line
    assert w.ate("get", "@work", "a").out == b"1"
    assert w.ate("ls", "@work").lines() == ["a"]


def test_records_at_rest(w):
    w.key()
    key = w.file("rest", bytes(range(32)))
    os.chmod(key, 0o600)
    option = f"--plugin={plugin(w, 'at_rest')}={key}"
    author = w.ate("key", "show", "--json").object()["fingerprint"]
    w.ate("put", "plain", "a", "in clear", "--public")
    w.ate("put", "notes", "a", "in clear", "--public", option)
    for i in range(20):
        w.ate("put", "notes", "b", f"value {i}", option)
    log = b"".join(f.read_bytes() for f in w.path("notes/,chain").glob("*.seg"))
    assert b"in clear" in b"".join(f.read_bytes() for f in w.path("plain/,chain").glob("*.seg"))
    assert b"in clear" not in log and b"value" not in log
    assert w.ate("get", "notes", "a", option).out == b"in clear"
    assert w.ate("history", "notes", "b", option).lines()
    assert w.ate("verify", "notes", option, "--json").objects()[-1]["signatures"] == 22
    for words in (["get", "notes", "a"], ["verify", "notes"]):
        line = w.ate(*words, status=None).err.decode()
        assert "UNSUPPORTED" in line and "with it (--plugin FILE=OPTIONS)" in line, line
    w.ate("put", "notes", "c", "1", status=7)
    wrong = w.file("wrong", bytes(32))
    os.chmod(wrong, 0o600)
    w.refused(6, "TAMPERED", "verify", "notes", f"--plugin={plugin(w, 'at_rest')}={wrong}")
    # A backup lies as the chain does; what was compacted stays sealed.
    w.ate("backup", "notes", "copy", option)
    w.ate("verify", "copy", option)
    w.ate("compact", "notes", "--deep", "--cut-off", "now", option)
    w.ate("verify", "notes", option)
    log = b"".join(f.read_bytes() for f in w.path("notes/,chain").glob("*.seg"))
    assert b"in clear" not in log and b"value" not in log
    assert w.ate("get", "notes", "b", option).out == b"value 19"
    w.ate("restore", "copy", "again", option)
    assert w.ate("get", "again", "b", option).out == b"value 19"
    # Another client sees nothing of it: what is sent is what was signed.
    assert author in w.ate("log", "notes", option).out.decode()


def test_at_rest_served(w):
    w.key()
    key = w.file("rest", bytes(range(32)))
    os.chmod(key, 0o600)
    server = w.server("--no-auth", "--plugin", f"{plugin(w, 'at_rest')}={key}")
    w.ate("name", "work", server.chain(PATH))
    w.ate("put", "@work", "a", "in clear", "--public")
    assert w.ate("get", "@work", "a").out == b"in clear"
    assert w.ate("get", "@work", "a", "--mirror", "m").out == b"in clear"
    server.stop()
    log = b"".join(f.read_bytes() for f in
                   pathlib.Path(f"{server.logs}{PATH}/,chain").glob("*.seg"))
    assert b"in clear" not in log
    assert w.ate("get", "m", "a").out == b"in clear"


def test_a_mirror_is_not_sealed(w):
    """And who might think so is told."""
    w.key()
    key = w.file("rest", bytes(range(32)))
    os.chmod(key, 0o600)
    option = f"--plugin={plugin(w, 'at_rest')}={key}"
    server = w.server("--no-auth")
    w.ate("name", "work", server.chain(PATH))
    w.ate("put", "@work", "a", "in clear", "--public")
    w.ate("put", "@work", "b", "private")
    note = w.ate("get", "@work", "a", "--mirror", "m", option).err.decode()
    assert "a mirror is not sealed: plug-in at-rest leaves" in note, note
    log = b"".join(f.read_bytes() for f in w.path("m/,chain").glob("*.seg"))
    assert b"in clear" in log and b"private" not in log and b"\xff\x07at-rest" not in log
    assert not w.ate("get", "@work", "a", option).err


def test_late_and_failing(w):
    """One that gives no answer, or fails, has refused; nothing passes meanwhile; nobody hangs."""
    w.key()
    now = w.path("now")
    late = f"--plugin={plugin(w, 'late', 'tests/cli')}"
    now.write_bytes(b"")
    w.ate("put", "notes", "a", "1")
    w.ate("put", "notes", "a", "2", f"{late}={now}")
    line = w.refused(3, "DENIED", "put", "notes", "a", "3", late)
    assert "plug-in late: it refused" in line, line
    server = w.server("--no-auth", "--plugin", f"{plugin(w, 'late', 'tests/cli')}={now}")
    w.ate("name", "work", server.chain(PATH))
    w.ate("put", "@work", "a", "1")
    now.unlink()
    line = w.refused(5, "BUSY", "put", "@work", "a", "2")
    assert "plug-in late: no answer within 200 ms" in line, line
    line = w.refused(5, "BUSY", "put", "@work", "a", "2")
    assert "plug-in late: it is still at work" in line, line
    assert w.ate("get", "@work", "a").out == b"1"
    now.write_bytes(b"")
    while w.ate("put", "@work", "a", "3", status=None).status:
        pass
    assert w.ate("get", "@work", "a").out == b"3"
    # A server ends in its time whatever its plug-in does.
    now.unlink()
    w.refused(5, "BUSY", "put", "@work", "a", "4")
    server.stop()
    assert w.ate("get", f"{server.logs}{PATH}", "a").out == b"3"


def test_a_sink_that_hangs(w):
    """It holds up nobody, and a server that has it ends in its time, saying so."""
    w.key()
    now = w.path("now")
    server = w.server("--no-auth", "--limit", "drain-ms=1000", "--plugin",
                      f"{plugin(w, 'late', 'tests/cli')}=sink:{now}")
    w.ate("name", "work", server.chain(PATH))
    for i in range(3):
        w.ate("put", "@work", "a", str(i))
    assert w.ate("get", "@work", "a").out == b"2"
    w.ate("put", server.chain("/example.com/joe/other"), "a", "1")
    server.stop()
    assert "a plug-in at work: left as it is" in server.log_text(), server.log_text()
    assert w.ate("get", f"{server.logs}{PATH}", "a").out == b"2"
    w.ate("verify", f"{server.logs}{PATH}")


def test_other_chains_go_on(w):
    """While one chain's transaction is late others are refused at once, and read all the time."""
    w.key()
    now = w.path("now")
    now.write_bytes(b"")
    server = w.server("--no-auth", "--plugin", f"{plugin(w, 'late', 'tests/cli')}={now}")
    chains = [server.chain(PATH), server.chain("/example.com/joe/other")]
    for chain in chains:
        w.ate("put", chain, "a", "1")
    now.unlink()
    w.refused(5, "BUSY", "put", chains[0], "a", "2")
    line = w.refused(5, "BUSY", "put", chains[1], "a", "2")
    assert "plug-in late: it is still at work" in line, line
    for chain in chains:
        assert w.ate("get", chain, "a").out == b"1"
    now.write_bytes(b"")
    for chain in chains:
        while w.ate("put", chain, "a", "3", status=None).status:
            pass
        assert w.ate("get", chain, "a").out == b"3"


def test_what_is_not_loaded(w):
    w.key()
    late = plugin(w, "late", "tests/cli")
    line = w.refused(3, "DENIED", "ls", "notes", f"--plugin={late}=no")
    assert "plug-in late: not today\\x0a\\x1b[1m" in line, line
    line = w.refused(7, "UNSUPPORTED", "ls", "notes",
                     f"--plugin={plugin(w, 'later', 'tests/cli')}")
    assert "it was made for ABI 2, and this is 1" in line, line
    late.chmod(0o722)
    line = w.refused(3, "DENIED", "ls", "notes", f"--plugin={late}")
    assert "others may write to" in line and "chmod go-w" in line, line
    late.chmod(0o700)
    late.parent.chmod(0o777)
    w.refused(3, "DENIED", "ls", "notes", f"--plugin={late}")
    late.parent.chmod(0o700)
    w.path("").chmod(0o777)
    line = w.refused(3, "DENIED", "ls", "notes", f"--plugin={late}")
    assert "others may write to" in line, line
    w.path("").chmod(0o700)
    os.symlink(late, late.parent / "link.so")
    line = w.refused(3, "DENIED", "ls", "notes", f"--plugin={late.parent}/link.so")
    assert "link.so is a link: name the file itself" in line, line
    w.refused(3, "DENIED", "ls", "notes", f"--plugin={late.parent}")
    os.mkfifo(late.parent / "fifo.so", 0o600)
    w.refused(3, "DENIED", "ls", "notes", f"--plugin={late.parent}/fifo.so")
    w.refused(1, "NOT_FOUND", "ls", "notes", f"--plugin={late.parent}/none.so")
    w.refused(7, "MALFORMED", "ls", "notes", f"--plugin={w.file('text', b'no object')}")
    if os.geteuid() == 0:
        os.chown(late, 1, 1)
        w.refused(3, "DENIED", "ls", "notes", f"--plugin={late}")


def test_of_the_header_alone(w):
    """What the header shows is a plug-in, in C and in C++."""
    w.key()
    include = pathlib.Path(__file__).resolve().parents[2] / "include"
    text = (include / "ate/plugin.h").read_text()
    lines = text[text.index(" *     #include <ate/plugin.h>"):].split(" * It needs", 1)[0]
    place = w.path("plug")
    place.mkdir(mode=0o700)
    source = place / "small.c"
    source.write_text("".join(f"{line[7:]}\n" for line in lines.splitlines()))
    for i, words in enumerate((["cc"], ["g++", "-x", "c++", "-std=c++20"])):
        if not shutil.which(words[0]):
            continue
        file = place / f"small{i}.so"
        subprocess.run([*words, "-Wall", "-Wextra", "-Werror=return-type", f"-I{include}",
                        "-shared", "-fPIC", "-o", file, source], check=True)
        w.ate("put", "notes", "a", "1", f"--plugin={file}")
        line = w.refused(7, "TOO_BIG", "put", "notes", "a", "x" * 100000, f"--plugin={file}")
        assert "plug-in small: " in line and line.endswith(" bytes"), line


def test_hostile_options(w):
    """What a plug-in does not want refuses the command, and the line says which it was."""
    w.key()
    for name, options in (("rate", ""), ("rate", "1,2,3"), ("rate", "nan"), ("rate", "-1"),
                          ("rate", "9" * 100000), ("schema", ""), ("schema", "=" * 100000)):
        line = w.refused(2, "MISUSE", "ls", "notes", f"--plugin={plugin(w, name)}={options}")
        assert f"plug-in {name}: the option" in line, line
    schema = plugin(w, "schema")
    w.refused(1, "NOT_FOUND", "put", "notes", "a", "1",
              f"--plugin={schema}={'x:y;' * 25000}=", f"--plugin={w.path('none.so')}")
    for name in ("", w.path("none"), w.path("")):
        line = w.ate("ls", "notes", f"--plugin={plugin(w, 'at_rest')}={name}", status=None)
        assert line.status in (1, 7) and b"plug-in at-rest: " in line.err, line.err
    key = pathlib.Path(w.file("rest", bytes(range(32))))
    for mode, size, word in ((0o644, 32, "chmod 600"), (0o600, 31, "32 bytes"),
                             (0o600, 33, "32 bytes")):
        key.write_bytes(bytes(size))
        key.chmod(mode)
        line = w.ate("ls", "notes", f"--plugin={plugin(w, 'at_rest')}={key}", status=None)
        assert line.status and word in line.err.decode(), line.err
    line = w.refused(2, "MISUSE", "ls", "notes", *[f"--plugin={schema}=a:b"] * 17)
    assert "--plugin: at most 16 times" in line, line
    w.ate("put", "notes", "a", "1", *[f"--plugin={schema}=a:b"] * 16)


def test_one_that_leaves(w):
    """A plug-in that ends the process, while it is loaded or later: nothing was done, it seems so,
    and a status of its own is not taken for that of the command."""
    w.key()
    w.ate("put", "notes", "a", "1")
    line = w.refused(8, "E_SYSTEM", "put", "notes", "a", "2",
                     f"--plugin={plugin(w, 'leaves', 'tests/cli')}")
    assert "leaves.so ended this program" in line, line
    late = plugin(w, "late", "tests/cli")
    line = w.refused(8, "E_SYSTEM", "put", "notes", "a", "2", f"--plugin={late}=exit")
    assert "a plug-in ended this program" in line, line
    w.ate("put", "notes", "a", "2", f"--plugin={late}=crash", status=-9)
    assert w.ate("get", "notes", "a").out == b"1"
    assert w.ate("verify", "notes", "--json").objects()[-1]["verified"] is True


if __name__ == "__main__":
    main(__name__)
