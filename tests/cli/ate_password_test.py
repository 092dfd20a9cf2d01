# SPDX-License-Identifier: MIT OR Apache-2.0
"""Key files with a password, on a terminal and from a file; halves of keys; strengths."""
import os
import pty
import select
import signal
import time

from world import PROGRAMS, Skipped, main

ATTEMPT_SECONDS = 50
# What people are told of a key.
SAID = {
    "mldsa44 x-wing": "ML-DSA-44, X-Wing",
    "mldsa65 x-wing": "ML-DSA-65, X-Wing",
    "mldsa87 mlkem1024-p384": "ML-DSA-87, P-384 + ML-KEM-1024",
    "ed448 x-wing": "Ed448, X-Wing",
}


def password_file(w, name, text):
    w.path(name).write_text(text)
    os.chmod(w.path(name), 0o600)
    return name


def fork_on_terminal(w, *args, held=False):
    """Runs ate with a controlling terminal. Gives its pid and our end of the terminal."""
    begin, go = os.pipe()
    try:
        pid, fd = pty.fork()
    except OSError as why:
        raise Skipped(f"no terminals here, is /dev/pts mounted? {why}") from why
    if not pid:
        os.read(begin, 1)
        os.chdir(w.dir)
        os.execve(PROGRAMS / "ate", ["ate", *args], w.env)
    if held:
        os.write(fd, b"\x13")
    os.write(go, b"1")
    os.close(begin)
    os.close(go)
    return pid, fd


def on_terminal(w, answers, *args, interrupt=False):
    """Types an answer to each question that ends with ": ". Gives the exit status and all that the
    terminal showed."""
    return to_the_end(*fork_on_terminal(w, *args), answers, interrupt)


def to_the_end(pid, fd, answers, interrupt):
    shown, asked, left = b"", 0, list(answers)
    deadline = time.monotonic() + ATTEMPT_SECONDS
    while time.monotonic() < deadline:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        while shown.count(b": ", asked) and left and shown.endswith(b": "):
            asked = len(shown)
            if interrupt:
                os.write(fd, b"\x03")
                left.clear()
            else:
                os.write(fd, left.pop(0).encode() + b"\n")
    if time.monotonic() >= deadline:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return status, shown


def test_password(w):
    password_file(w, "one", "horse staple\nand more\n")
    password_file(w, "two", "another one")
    w.ate("key", "new", "a.key", "--password-file", "one")
    o = w.ate("key", "show", "a.key", "--json").object()
    assert o["sealed"] and o["private"] and o["strength"] == 192, o
    assert b"seed" not in w.path("a.key").read_bytes()
    assert (w.path("a.key").stat().st_mode & 0o777) == 0o600
    w.ate("put", "notes", "x", "1", "-k", "a.key", "--password-file", "one")
    assert w.ate("get", "notes", "x", "-k", "a.key", "--password-file", "one").out == b"1"
    line = w.refused(3, "NO_KEY", "get", "notes", "x", "-k", "a.key", "--password-file", "two")
    assert "wrong password" in line, line
    password_file(w, "none", "")
    for file in "none", "missing":
        r = w.ate("get", "notes", "x", "-k", "a.key", "--password-file", file, status=3)
        assert b"no password of 1 to" in r.err, r.err
    # Standard input, which is read once for all key files.
    r = w.ate("get", "notes", "x", "-k", "a.key", "--password-file", "-", stdin=b"horse staple\n")
    assert r.out == b"1"
    # Changed, and taken away: the same key.
    w.ate("key", "password", "a.key", "--password-file", "one", "--new-password-file", "two")
    w.refused(3, "NO_KEY", "get", "notes", "x", "-k", "a.key", "--password-file", "one")
    assert w.ate("get", "notes", "x", "-k", "a.key", "--password-file", "two").out == b"1"
    w.refused(3, "NO_KEY", "key", "password", "a.key", "--password-file", "one", "--remove")
    w.ate("key", "password", "a.key", "--password-file", "two", "--remove")
    assert b"seed" in w.path("a.key").read_bytes()
    p = w.ate("key", "show", "a.key", "--json").object()
    assert p["fingerprint"] == o["fingerprint"] and not p["sealed"]
    assert w.ate("get", "notes", "x", "-k", "a.key").out == b"1"
    w.ate("key", "password", "a.key", "--new-password-file", "two")
    assert w.ate("get", "notes", "x", "-k", "a.key", "--password-file", "two").out == b"1"
    w.refused(1, "EXISTS", "key", "new", "a.key", "--password-file", "one")
    w.refused(2, "MISUSE", "key", "show", "a.key", "--password-file", "one")
    w.refused(2, "MISUSE", "key", "password", "a.key", "--remove", "--new-password-file", "one")


def test_on_a_terminal(w):
    status, shown = on_terminal(w, ["tea pot", "tea pot"], "key", "new", "t.key", "--password")
    assert status == 0, shown
    assert shown.count(b"t.key: ") == 2 and b"tea pot" not in shown, shown
    status, shown = on_terminal(w, ["tea pot"], "put", "notes", "x", "1", "-k", "t.key")
    assert status == 0 and b"tea pot" not in shown, shown
    # A wrong one is asked for again, three times in all.
    status, shown = on_terminal(w, ["tea", "tea pot"], "get", "notes", "x", "-k", "t.key")
    assert status == 0 and shown.endswith(b"1\r\n") and b"Wrong" in shown, shown
    status, shown = on_terminal(w, ["a", "b", "c", "tea pot"], "get", "notes", "x", "-k", "t.key")
    assert os.waitstatus_to_exitcode(status) == 3 and b"NO_KEY" in shown, shown
    assert shown.count(b"assword of t.key: ") == 3, shown
    # Two that differ are asked for again; nothing typed makes no file; so does an interrupt.
    status, shown = on_terminal(w, ["a", "b", "c", "c"], "key", "new", "u.key", "--password")
    assert status == 0 and b"differ" in shown, shown
    status, _ = on_terminal(w, [""], "key", "new", "v.key", "--password")
    assert status and not w.path("v.key").exists()
    status, _ = on_terminal(w, ["x"], "key", "new", "v.key", "--password", interrupt=True)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGINT and not w.path("v.key").exists()


def catches_interrupts(pid):
    """Whether it is ate by now, and has begun to ask."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    caught = int(status["SigCgt"], 16)
    return status["Name"].strip() == "ate" and caught >> (signal.SIGINT - 1) & 1


def test_an_interrupt_before_the_question(w):
    """The terminal is held (^S), so the question is still being written when ^C comes."""
    pid, fd = fork_on_terminal(w, "key", "new", "v.key", "--password", held=True)
    deadline = time.monotonic() + ATTEMPT_SECONDS
    while not catches_interrupts(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.write(fd, b"\x03")
    status, _ = to_the_end(pid, fd, [], False)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGINT, status
    assert not w.path("v.key").exists()


def told_to_others(pid):
    """What other users see of a process, and what its own user does where he may."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        told = file.read()
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            told += file.read()
    except PermissionError:
        pass  # not even he does
    return told


def memory_of(pid):
    """What a process has written in its memory, piece by piece; nothing where that is forbidden."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            maps = [line.split() for line in file]
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for place, rights, *_ in maps:
                first, end = (int(x, 16) for x in place.split("-"))
                if not rights.startswith("rw") or end - first > 1 << 30:
                    continue
                memory.seek(first)
                try:
                    yield memory.read(end - first)
                except OSError:
                    pass  # pages that were given back
    except PermissionError:
        return


def wait_for(fd, sign):
    shown, deadline = b"", time.monotonic() + ATTEMPT_SECONDS
    while sign not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([fd], [], [], 1)[0]:
            shown += os.read(fd, 4096)


def pieces(file, size=16):
    content = file.read_bytes()
    return [content[at:at + size] for at in range(0, len(content) - size + 1, size)]


def test_secrets_stay_inside(w):
    """Not in arguments or the environment; and a password not in memory, once it was used."""
    word = b"horse staple 7181"
    w.path("a.word").write_bytes(word)
    w.ate("key", "new", "a.key", "--password-file", "a.word")
    w.ate("put", "notes", "seen", "1", "-k", "a.key", "--password-file", "a.word")
    pid, fd = fork_on_terminal(w, "watch", "notes", "--since", "0", "-k", "a.key")
    try:
        wait_for(fd, b"a.key: ")
        os.write(fd, word)
        secrets = [word, *pieces(w.path("a.key"))]
        asking = told_to_others(pid)
        assert b"a.key" in asking and not any(s in asking for s in secrets), asking
        os.write(fd, b"\n")
        wait_for(fd, b"seen")
        running = told_to_others(pid)
        assert not any(s in running for s in secrets), running
        looked = [(b"notes" in piece, word in piece) for piece in memory_of(pid)]
        assert not looked or any(known for known, _ in looked)
        assert not any(left for _, left in looked)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)
    server = w.server()
    told = told_to_others(server.process.pid)
    files = [f for f in w.path("state").rglob("*") if f.is_file()]
    files += [f for f in w.home.rglob("*.key") if f.is_file()]
    assert files and b"atedb" in told
    for file in files:
        assert not any(s in told for s in pieces(file)), file
    server.stop()


def test_split(w):
    w.ate("key", "new", "a.key")
    o = w.ate("key", "split", "a.key", "--json").object()
    assert o == {"read": "a.key.read", "write": "a.key.write", "public": "a.key.pub"}, o
    whole = w.ate("key", "show", "a.key", "--json").object()
    for half in "read", "write":
        p = w.ate("key", "show", f"a.key.{half}", "--json").object()
        assert p["fingerprint"] == whole["fingerprint"] and p["half"] == half, p
        assert (w.path(f"a.key.{half}").stat().st_mode & 0o777) == 0o600
    public = w.ate("key", "show", "a.key.pub", "--json").object()
    assert public["fingerprint"] == whole["fingerprint"] and not public["private"]
    w.ate("put", "notes", "x", "1", "-k", "a.key")
    w.ate("put", "notes", "open", "2", "-k", "a.key", "--public")
    # The half that reads opens, and signs nothing; the half that writes the other way round.
    assert w.ate("get", "notes", "x", "-k", "a.key.read").out == b"1"
    for command in (["put", "notes", "y", "2"], ["rm", "notes", "x"]):
        w.refused(3, "NO_KEY", *command, "-k", "a.key.read")
    w.refused(3, "NO_KEY", "get", "notes", "x", "-k", "a.key.write")
    w.refused(3, "NO_KEY", "put", "mine", "x", "1", "-k", "a.key.read")
    w.refused(3, "NO_KEY", "put", "mine", "x", "1", "-k", "a.key.write")
    assert not w.path("mine").exists()
    w.ate("rm", "notes", "open", "-k", "a.key.write", "-k", "a.key.read")
    w.ate("put", "notes", "x", "3", "-k", "a.key.read", "-k", "a.key.write")
    assert w.ate("get", "notes", "x", "-k", "a.key.read").out == b"3"
    # Never over a file, and none is left then.
    for half in "read", "pub":
        os.unlink(w.path(f"a.key.{half}"))
    w.refused(1, "EXISTS", "key", "split", "a.key")
    assert not w.path("a.key.read").exists() and not w.path("a.key.pub").exists()
    w.refused(3, "NO_KEY", "key", "split", "a.key.write")
    # With a password of their own.
    password_file(w, "one", "horse staple\n")
    w.ate("key", "new", "b.key", "--password-file", "one")
    password_file(w, "two", "tea pot\n")
    w.ate("key", "split", "b.key", "--password-file", "one", "--new-password-file", "two")
    w.ate("put", "sealed", "x", "1", "-k", "b.key", "--password-file", "one")
    assert w.ate("get", "sealed", "x", "-k", "b.key.read", "--password-file", "two").out == b"1"
    w.refused(3, "NO_KEY", "get", "sealed", "x", "-k", "b.key.read", "--password-file", "one")


def test_strengths(w):
    for bits in "128", "192", "256":
        w.ate("key", "new", f"{bits}.key", "--strength", bits)
        o = w.ate("key", "show", f"{bits}.key", "--json").object()
        assert o["strength"] == int(bits), o
        w.path(f"{bits}.pub").write_bytes(w.ate("key", "show", f"{bits}.key", "--public").out)
    w.ate("put", "strong", "x", "1", "-k", "256.key", "--strength", "256")
    assert w.ate("get", "strong", "x", "-k", "256.key").out == b"1"
    w.ate("verify", "strong", "-k", "256.key")
    # A chain takes what is as strong as it asks, and nothing less: as its root, as its reader.
    line = w.refused(3, "DENIED", "put", "no", "x", "1", "-k", "192.key", "--strength", "256")
    assert "strength 192; this chain asks for 256" in line, line
    w.refused(3, "DENIED", "put", "no", "x", "1", "-k", "128.key")
    w.refused(3, "DENIED", "put", "no", "x", "1", "-k", "256.key", "-k", "192.pub",
              "--strength", "256")
    assert not w.path("no").exists()
    w.refused(3, "DENIED", "put", "no", "x", "1", "-k", "192.key", "-k", "256.pub")
    w.ate("put", "both", "x", "1", "-k", "192.key", "-k", "256.pub", "--strength", "192")
    assert w.ate("get", "both", "x", "-k", "256.key", "--root", "192.pub").out == b"1"
    w.ate("put", "weak", "x", "1", "-k", "128.key", "-k", "192.pub", "--strength", "128")
    # What is said when a chain is made is said again or not at all.
    w.ate("put", "strong", "y", "2", "-k", "256.key", "--strength", "256")
    w.refused(1, "EXISTS", "put", "strong", "y", "2", "-k", "256.key", "--strength", "192")
    w.refused(1, "EXISTS", "put", "strong", "y", "2", "-k", "256.key", "--hash", "sha3-256")
    for wrong in "0", "100", "257", "x":
        w.refused(2, "MISUSE", "key", "new", "n.key", "--strength", wrong)
    w.refused(2, "MISUSE", "key", "new", "n.key", "--strength", "192", "--algorithm", "ed25519")


def test_one_family_and_another_hash(w):
    w.ate("key", "new", "ed.key", "--algorithm", "ed25519 x-wing")
    w.refused(3, "DENIED", "put", "no", "x", "1", "-k", "ed.key", "--strength", "128")
    w.ate("put", "ed", "x", "1", "-k", "ed.key", "--strength", "128", "--allow", "ed25519",
          "--hash", "sha3-256")
    assert w.ate("get", "ed", "x", "-k", "ed.key").out == b"1"
    w.ate("verify", "ed", "-k", "ed.key")
    w.refused(1, "EXISTS", "put", "ed", "x", "1", "-k", "ed.key", "--allow", "ed448")
    line = w.refused(7, "UNSUPPORTED", "key", "new", "n.key", "--algorithm", "rsa")
    assert "unknown algorithm: rsa" in line, line
    w.refused(2, "MISUSE", "put", "n", "x", "1", "--allow", "rsa")
    w.refused(2, "MISUSE", "put", "n", "x", "1", "--hash", "md5")
    for algorithm in SAID:
        name = algorithm.split()[0]
        made = w.ate("key", "new", f"{name}.key", "--algorithm", algorithm).lines()[0]
        assert f"({SAID[algorithm]}). Back it up" in made, made
        w.ate("put", f"{name}.chain", "x", name, "-k", f"{name}.key", "--strength", "128",
              "--allow", name)
        assert w.ate("get", f"{name}.chain", "x", "-k", f"{name}.key").out == name.encode()


if __name__ == "__main__":
    main(__name__)
