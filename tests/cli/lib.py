# SPDX-License-Identifier: MIT OR Apache-2.0
"""Drives the real programs in temporary directories, each client with a home of its own.

The programs are those of $ATE_BUILD_ROOT (Meson sets it). $ATE_WRAP is put in front of them, such as
"setarch -R" where gcc's sanitizers need it.
"""
import hashlib
import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("ATE_BUILD_ROOT") or os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "build", "release")
WRAP = shlex.split(os.environ.get("ATE_WRAP", ""))
NOBODY = 65534
MIB = 1 << 20
SANITIZER = (b"ERROR: AddressSanitizer", b"runtime error:", b"ERROR: LeakSanitizer",
             b"WARNING: ThreadSanitizer")


class Ran:
    def __init__(self, words, status, stdout, stderr):
        self.words, self.status, self.stdout, self.stderr = words, status, stdout, stderr
        self.text = stderr.decode(errors="replace")

    def lines(self):
        return [json.loads(line) for line in self.stdout.splitlines()]


class Client:
    """A user: a home with a key. user: the uid it acts as, if not our own."""

    def __init__(self, test, name, user=None, key=True):
        self.test, self.user = test, user
        self.home = os.path.join(test.work, name)
        os.mkdir(self.home, 0o700)
        if user is not None:
            os.chown(self.home, user, user)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("XDG_", "ATE_")) or k == "ATE_BUILD_ROOT"}
        self.env["HOME"] = self.home
        if key:
            self.run("key", "new")

    def words(self, words, program="ate"):
        return [*WRAP, self.test.program(program), *[w if isinstance(w, bytes) else str(w)
                                                    for w in words]]

    def start(self, *words, program="ate", **more):
        if self.user is not None:
            more |= {"user": self.user, "group": self.user, "extra_groups": []}
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("cwd", self.test.work)
        process = subprocess.Popen(self.words(words, program), env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        self.test.addCleanup(end, process)
        return process

    def run(self, *words, status=0, stdin=None, before=None, timeout=300):
        """before: runs in the new process; status None: any."""
        process = self.start(*words, preexec_fn=before,
                             stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=timeout)
        ran = Ran(words, process.returncode, out, err)
        for text in SANITIZER:
            self.test.assertNotIn(text, err, ran.text)
        if status is not None:
            self.test.assertEqual(ran.status, status, f"ate {words}: {ran.text}{out[-2000:]!r}")
        return ran

    def json(self, *words, **more):
        return self.run(*words, "--json", **more).lines()

    def public_file(self):
        """Its public half, to give away."""
        path = os.path.join(self.test.work, os.path.basename(self.home) + ".pub")
        with open(path, "wb") as f:
            f.write(self.run("key", "show", "--public").stdout)
        return path


class Server:
    """atedb on loopback, on the same port after each start."""

    def __init__(self, test, *words):
        self.client = Client(test, "server", key=False)
        self.logs, self.port, self.more = os.path.join(test.work, "logs"), 0, words
        self.start()

    def start(self):
        self.process = self.client.start(self.logs, "-p", self.port, "--no-auth", "--json",
                                         *self.more, program="atedb")
        line = self.process.stdout.readline()
        self.client.test.assertTrue(line, "atedb did not start")
        self.address = json.loads(line)["address"]
        self.port = int(self.address.split("#")[0].rstrip("/").rsplit(":", 1)[1])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def chain(self, path):
        place, pin = self.address.split("#")
        return f"{place.rstrip('/')}{path}#{pin}"


def end(process):
    if process.poll() is None:
        process.kill()
    process.communicate()


class Case(unittest.TestCase):
    def setUp(self):
        self.work = os.path.realpath(tempfile.mkdtemp(prefix="ate-cli-"))
        self.addCleanup(remove, self.work)
        self.programs = os.path.join(BUILD, "src")

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def program(self, name):
        return os.path.join(self.programs, name)

    def ordinary(self, name="ordinary"):
        """A client that is not root, and may read the programs."""
        if os.geteuid():
            return Client(self, name)
        os.chmod(self.work, 0o755)
        self.programs = self.path("programs")
        os.mkdir(self.programs)
        for program in ("ate", "atedb"):
            shutil.copy(os.path.join(BUILD, "src", program), self.programs)
        return Client(self, name, user=NOBODY)


def remove(top):
    """Also what nobody may enter."""
    for folder, _, _ in os.walk(top):
        os.chmod(folder, 0o700)
    shutil.rmtree(top)


# ---- trees of files ----

def write(path, content=b"", mode=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)
    if mode is not None:
        os.chmod(path, mode)


def noise(seed, size):
    """The same bytes for the same seed."""
    blocks = (hashlib.sha256(b"%d %d" % (seed, i)).digest() for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def tree(top, owners=True):
    """What is below top, and itself: path -> all that is to come back of it. A file's identity is the
    least of its names."""
    top = os.fsencode(top)
    found, inodes = {}, {}
    paths = [top]
    for folder, folders, files in os.walk(top):
        paths += [os.path.join(folder, name) for name in folders + files]
    for path in sorted(paths):
        st, name = os.lstat(path), os.path.relpath(path, top)
        if stat.S_ISLNK(st.st_mode):
            found[name] = ("link", os.readlink(path))
            continue
        item = (stat.S_IMODE(st.st_mode), st.st_mtime_ns, *((st.st_uid, st.st_gid) * owners))
        if stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                digest = hashlib.sha256(f.read()).hexdigest()
            found[name] = ("file", inodes.setdefault(st.st_ino, name), st.st_size, digest, *item)
        elif stat.S_ISDIR(st.st_mode):
            found[name] = ("dir", *item)
        else:
            found[name] = ("other",)
    return found


def without(found, kind):
    return {path: item for path, item in found.items() if item[0] != kind}
