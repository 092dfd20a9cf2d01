# SPDX-License-Identifier: MIT OR Apache-2.0
"""The programs as users run them: a home of their own, real commands, a real server.

A test file is run by Meson as `python3 X_test.py BUILD/src`; every function in it that is called
test_* gets a fresh World:

    def test_put(w):
        w.key()
        w.ate("put", "notes", "hello", "world")
        assert w.ate("get", "notes", "hello").out == b"world"

A command whose exit status is not the one that was asked for fails the test and shows all of it.
Nothing sleeps: what has to be waited for is read from a pipe, or is a process that ends.
"""
import fcntl
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback

PROGRAMS = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/bin").resolve()
# Sanitizers and a loaded machine are slow; nothing that works takes this long.
PATIENCE_S = 120
STATUSES = range(9)  # those that the programs end with; a crash has none of them


class Failed(AssertionError):
    pass


class Skipped(Exception):
    pass


class Result:
    """What a command printed, and how it ended."""

    def __init__(self, words, status, out, err):
        self.words, self.status, self.out, self.err = words, status, out, err

    def lines(self):
        return self.out.decode().splitlines()

    def objects(self):
        """The lines of --json."""
        return [json.loads(line) for line in self.lines()]

    def check(self, status):
        """That it ended as it should, and no sanitizer spoke. None: with any status of ours."""
        if self.status not in (STATUSES if status is None else (status,)):
            raise Failed(f"the exit status should be {status}\n{self}")
        for sign in (b"Sanitizer", b"runtime error:", b"Assertion"):
            if sign in self.err:
                raise Failed(str(self))
        return self

    def object(self):
        objects = self.objects()
        if len(objects) != 1:
            raise Failed(f"one JSON object was expected:\n{self}")
        return objects[0]

    def __str__(self):
        words = " ".join(os.fsdecode(w) for w in self.words)
        return (f"$ {words}\nstatus {self.status}\n--- stdout\n"
                f"{self.out.decode(errors='backslashreplace')}\n--- stderr\n"
                f"{self.err.decode(errors='backslashreplace')}")


class Server:
    """An atedb that is ready. kill() and start() again is the same server: its key, port and chains
    lie in the world."""

    def __init__(self, world, options):
        self.world, self.options, self.port = world, options, 0
        self.logs = world.path(f"logs{len(world.servers) or ''}")
        self.start()

    def start(self):
        words = [str(PROGRAMS / "atedb"), *self.options, "-p", str(self.port), str(self.logs)]
        self.log = open(self.world.path("atedb.log"), "ab")
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self.log,
                                        env=self.world.env, cwd=self.world.dir)
        line = self.process.stdout.readline().decode()
        if not line.startswith("tcp://"):
            self.process.wait()
            raise Failed(f"atedb is not ready: {line!r}\n{self.log_text()}")
        self.address, self.pin = line.split()[0].split("#pin=")
        self.port = int(self.address.split(":")[2].rstrip("/"))

    def log_text(self):
        return self.world.path("atedb.log").read_text(errors="backslashreplace")

    def chain(self, path, items=""):
        """The address of a chain here, with the pin."""
        return f"tcp://127.0.0.1:{self.port}{path}#pin={self.pin}{items}"

    def end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.log.close()
        return status

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        status = self.end(signal.SIGTERM)
        if status != 0:
            raise Failed(f"atedb ended with {status}\n{self.log_text()}")


class World:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ate-cli-"))
        self.home = self.dir / "home"
        self.home.mkdir()
        keep = ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH",
                "UBSAN_SYMBOLIZER_PATH", "LSAN_OPTIONS", "LLVM_PROFILE_FILE", "TSAN_OPTIONS")
        self.env = {k: os.environ[k] for k in keep if k in os.environ}
        self.env["HOME"] = str(self.home)
        self.env["STATE_DIRECTORY"] = str(self.dir / "state")  # no test writes to root's own
        self.env["PATH"] = f"{PROGRAMS}:{self.env.get('PATH', '/usr/bin:/bin')}"
        self.servers = []

    def path(self, name):
        return self.dir / name

    def close(self):
        for server in self.servers:
            server.end(signal.SIGKILL)
        for folder, _, _ in os.walk(self.dir):
            os.chmod(folder, 0o700)
        shutil.rmtree(self.dir)

    # ---- commands ----

    def popen(self, *words, env=None, **more):
        return subprocess.Popen(words, env={**self.env, **(env or {})}, cwd=self.dir, **more)

    def run(self, *words, status=0, stdin=b"", env=None, user=None, timeout=PATIENCE_S):
        """status: the exit status that is right, None: any of ours. user: an ordinary one, by
        number."""
        process = self.popen(*words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, user=user, group=user,
                             extra_groups=[] if user else None)
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise Failed(f"it does not end\n{Result(words, None, out, err)}") from None
        return Result(words, process.returncode, out, err).check(status)

    def ate(self, *words, **more):
        return self.run("ate", *words, **more)

    def refused(self, status, name, *words, **more):
        """The command fails so, says it on one line of stderr, and prints nothing."""
        result = self.ate(*words, status=status, **more)
        lines = result.err.decode(errors="backslashreplace").splitlines()
        if len(lines) != 1 or f": {name}: " not in lines[0] or result.out:
            raise Failed(f"one line with {name} was expected\n{result}")
        return lines[0]

    def on_terminal(self, *words, status=0, env=None):
        """What a terminal would show (stdout and stderr are one), with \\r\\n as \\n."""
        try:
            master, slave = pty.openpty()
        except OSError as why:
            raise Skipped(f"no terminals here, is /dev/pts mounted? {why}") from why
        env = {"TERM": "xterm", **(env or {})}
        process = self.popen(*words, env=env, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the last writer closed it
                break
            if not piece:
                break
            shown += piece
        os.close(master)
        shown = shown.replace(b"\r\n", b"\n")
        return Result(words, process.wait(PATIENCE_S), shown, b"").check(status)

    # ---- things to work with ----

    def key(self, *file):
        """Makes a key, and gives its fingerprint; without a file: the default one."""
        return self.ate("key", "new", *file, "--json").object()["fingerprint"]

    def public(self, key_file, public_file):
        self.path(public_file).write_bytes(self.ate("key", "show", key_file, "--public").out)
        return public_file

    def server(self, *options):
        server = Server(self, options or ("--no-auth",))
        self.servers.append(server)
        return server

    def file(self, name, content=b""):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)


class Lines:
    """The lines of a running process, as they come."""

    def __init__(self, process, stream):
        self.process, self.stream = process, stream
        self.watchdog = threading.Timer(PATIENCE_S, process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()

    def next(self):
        line = self.stream.readline()
        if not line:
            raise Failed(f"it ended with {self.process.wait()}, and a line was expected")
        return line.decode(errors="backslashreplace").rstrip("\n")

    def end(self):
        self.watchdog.cancel()


def refuse_privilege():
    """The number of an ordinary user, or None where this process is one itself."""
    return 65534 if os.geteuid() == 0 else None


def pipe_full(fd):
    """Makes the pipe as small as it gets, so that a writer has to wait soon."""
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 4096)


def main(module):
    """Runs the file's tests, or those that are named behind the folder of the programs."""
    named = sys.argv[2:]
    for number in signal.SIGHUP, signal.SIGINT, signal.SIGTERM:
        if signal.getsignal(number) == signal.SIG_IGN:  # as nohup and background jobs have them
            signal.signal(number, signal.SIG_DFL)
    tests = [(n, f) for n, f in vars(sys.modules[module]).items()
             if n.startswith("test_") and callable(f) and (not named or n in named)]
    if not tests:
        sys.exit("there is no such test")
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        world = World()
        try:
            test(world)
            print(f"ok {number} - {name}", flush=True)
        except Skipped as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except Exception:  # one test's failure is not the next one's
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            traceback.print_exc()
        finally:
            world.close()
    sys.exit(1 if failed else 0)
