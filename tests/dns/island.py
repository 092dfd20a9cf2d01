# SPDX-License-Identifier: MIT OR Apache-2.0
"""Signed zones on loopback: an island of trust with keys of its own, served by Knot DNS.

A Zone is signed by ldns-signzone, and may then be spoilt. An Island serves some of them, and
`anchor` is the file of DS records from which each of them but the unsigned is validated. A Deaf
server takes questions, counts them and never answers. What is started ends with the world.
"""
import base64
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from world import PATIENCE_S, Failed, Skipped  # noqa: E402

KNOT, SIGN, KEYGEN = "/usr/sbin/knotd", "ldns-signzone", "ldns-keygen"
HEAD = """$ORIGIN {0}.
$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
"""
CONF = """server:
    rundir: "{0}"
    pidfile: "{0}/pid"
    listen: 127.0.0.1@{1}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: "{0}/control"
log:
  - target: stderr
    any: info
database:
    storage: "{0}/db"
template:
  - id: default
    storage: "{0}"
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
zone:
"""


def tlsa(pin, port):
    """The record that `pin` is in."""
    data = base64.urlsafe_b64decode(pin + "=").hex()
    return f"_{port}._tcp.db IN TLSA 3 1 1 {data}"


def txt(text, host="db"):
    pieces = " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))
    return f"_ate.{host} IN TXT {pieces}"


class Zone:
    """name: with the host `db` at 127.0.0.1 and the records; spoil: what is done to each line after
    it was signed, giving the line, another one or None; ends: the date when signatures run out."""

    def __init__(self, name, *records, signed=True, ends="20500101000000", spoil=None):
        self.name, self.signed, self.ends, self.spoil = name, signed, ends, spoil
        self.text = HEAD.format(name) + "\n".join(["db IN A 127.0.0.1", *records]) + "\n"

    def write(self, folder):
        """Gives the DS record of its key; none of an unsigned zone."""
        file = folder / self.name
        file.write_text(self.text)
        if not self.signed:
            return ""
        run = dict(cwd=folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        key = subprocess.run([KEYGEN, "-a", "ECDSAP256SHA256", "-k", self.name], **run)
        key = key.stdout.decode().strip()
        begins = ["-i", "20200101000000"]
        subprocess.run([SIGN, "-f", "signed", *begins, "-e", self.ends, self.name, key], **run)
        lines = (folder / "signed").read_text().splitlines()
        if self.spoil:
            lines = [line for line in map(self.spoil, lines) if line is not None]
        file.write_text("\n".join(lines) + "\n")
        return (folder / f"{key}.ds").read_text()


class Island:
    def __init__(self, world, *zones):
        for tool in KNOT, SIGN, KEYGEN:
            if not shutil.which(tool):
                raise Skipped(f"{tool} is not installed")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="island-", dir=world.dir))
        self.zones = zones
        anchor = self.folder / "anchor"
        anchor.write_text("".join(zone.write(self.folder) for zone in zones))
        self.anchor = str(anchor)
        for _ in range(20):  # the port that was free may be another's by now
            if self.start():
                world.servers.append(self)
                return
        raise Failed(f"no port for the name server\n{self.said}")

    def start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        conf = self.folder / "knot.conf"
        conf.write_text(CONF.format(self.folder, self.port) + "".join(
            f"  - domain: {zone.name}\n    file: {zone.name}\n" for zone in self.zones))
        self.process = subprocess.Popen([KNOT, "-c", str(conf)], stderr=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.said = ""
        for line in self.process.stderr:
            self.said += line.decode(errors="backslashreplace")
            if "cannot bind" in self.said or "server started" in self.said:
                break
        if "server started" in self.said and "cannot bind" not in self.said:
            self.drain = threading.Thread(target=self.process.stderr.read, daemon=True)
            self.drain.start()
            return True
        self.end(9)
        return False

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)
        if hasattr(self, "drain"):
            self.drain.join()
        self.process.stderr.close()

    def options(self):
        return ["--dns-server", f"127.0.0.1@{self.port}", "--dns-anchor", self.anchor]


class Deaf:
    """A name server that never answers."""

    def __init__(self, world):
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.anchor = world.file("anchor", b". IN DS 20326 8 2 " + b"e0" * 32 + b"\n")
        world.servers.append(self)

    def options(self):
        return ["--dns-server", f"127.0.0.1@{self.socket.getsockname()[1]}",
                "--dns-anchor", self.anchor]

    def asked(self):
        """How many questions came so far."""
        self.socket.setblocking(False)
        count = 0
        try:
            while self.socket.recv(4096):
                count += 1
        except BlockingIOError:
            return count

    def end(self, _):
        self.socket.close()


def now(days):
    """A date as ldns-signzone takes it, so many days from now."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + days * 86400))
