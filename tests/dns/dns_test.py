# SPDX-License-Identifier: MIT OR Apache-2.0
"""Servers and chains that DNS names: what is signed decides, and nothing else is believed."""
import base64
import os
import re
import subprocess

from island import Deaf, Island, Zone, now, tlsa, txt
from world import Failed, main

ZONE = "ate.example"
PATH = "/joe/notes"
OTHER = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")  # nobody's pin


class Sea:
    """A server with a chain that was made by its pin, and a name server with a zone."""

    def __init__(self, w, *options):
        self.w = w
        self.root = w.key()
        self.server = w.server(*options)
        self.island = None
        w.ate("put", self.server.chain(PATH), "hello", "world", "--public")

    def facts(self, *records):
        """Records with {pin}, {root} and {tlsa} filled in."""
        known = {"pin": self.server.pin, "root": self.root, "other": OTHER}
        return [tlsa(r[5:].format(**known), self.server.port) if r.startswith("TLSA ")
                else txt(r.format(**known)) for r in records]

    def serve(self, *records, more=(), zones=(), **zone):
        """In place of what was served before."""
        if self.island:
            self.w.servers.remove(self.island)
            self.island.end(9)
        self.island = Island(self.w, Zone(ZONE, *self.facts(*records), *more, **zone), *zones)
        return self

    def where(self, path=PATH, host="db", items=""):
        return f"tcp://{host}.{ZONE}:{self.server.port}{path}{items}"

    def get(self, **where):
        return self.w.ate("get", self.where(**where), "hello", *self.island.options())

    def works(self, **where):
        assert self.get(**where).out == b"world"

    def refused(self, status, name, *says, **where):
        line = self.w.refused(status, name, "get", self.where(**where), "hello",
                              *self.island.options())
        for text in says:
            assert text in line, line


def stranger(w):
    """From now on nobody's key is there."""
    os.rename(w.home / ".config/ate/key", w.path("owner"))


# ---- by what a server is known ----


def test_tlsa(w):
    sea = Sea(w).serve("TLSA {pin}")
    sea.works()
    w.ate("put", sea.where(path="/joe/more"), "a", "b", *sea.island.options())
    w.ate("name", "far", sea.where())
    assert w.ate("ls", "@far", *sea.island.options()).lines() == ["hello"]


def test_tlsa_of_another(w):
    """The first source that is there decides: a right TXT behind it saves nothing."""
    Sea(w).serve("TLSA {other}", "v=ate1; pin={pin}").refused(6, "UNTRUSTED", OTHER)


def test_tlsa_of_another_kind(w):
    """Not the kind that is used: skipped beside one that is (RFC 6698, 4.1); alone, no absence."""
    sea = Sea(w)
    key = base64.urlsafe_b64decode(sea.server.pin + "=").hex()
    kinds = "0 1 1", "1 1 1", "2 1 1", "3 0 1", "3 1 2", "3 1 0", "3 7 1", "200 1 1"
    records = [f"_{sea.server.port}._tcp.db IN TLSA {kind} {key}{key if kind[4:] == '2' else ''}"
               for kind in kinds]
    for record in records[2:5]:
        sea.serve("v=ate1; pin={pin}", more=[record]).refused(7, "UNSUPPORTED", "3 1 1")
    sea.serve("v=ate1; pin={pin}", more=records).refused(7, "UNSUPPORTED", "3 1 1")
    sea.serve("TLSA {pin}", more=records).works()
    sea.serve("TLSA {other}", more=records).refused(6, "UNTRUSTED", OTHER)


def test_txt(w):
    Sea(w).serve("v=ate1; pin={pin}").works()


def test_txt_of_another(w):
    Sea(w).serve("v=ate1; pin={other}").refused(6, "UNTRUSTED", OTHER)


def test_rotation(w):
    """The old key and the new one side by side, in both kinds of record."""
    sea = Sea(w)
    sea.serve("TLSA {other}", "TLSA {pin}").works()
    sea.serve("v=ate1; pin={other}", "v=ate1; pin={pin}").works()
    sea.server.stop()
    w.path("logs/,server/key").unlink()
    sea.server.start()
    sea.refused(6, "UNTRUSTED")


def test_pin_first(w):
    """A pin in the address decides, and DNS is not asked."""
    sea = Sea(w).serve("TLSA {pin}", "v=ate1; pin={pin}")
    sea.refused(6, "UNTRUSTED", OTHER, items=f"#pin={OTHER}")
    sea.works(items=f"#pin={sea.server.pin}")
    sea.works(items=f"#pin={OTHER},pin={sea.server.pin}")


def test_nothing_asked(w):
    """With pins, and roots or an own root key, no question leaves."""
    sea = Sea(w)
    deaf = Deaf(w)
    where = f"tcp://127.0.0.1:{sea.server.port}{PATH}"
    pin = f"#pin={sea.server.pin}"
    assert w.ate("get", where + pin, "hello", *deaf.options()).out == b"world"
    stranger(w)
    both = f"{where}{pin},root={sea.root}"
    assert w.ate("get", both, "hello", *deaf.options()).out == b"world"
    named = w.ate("get", where + pin, "hello", "--root", sea.root, *deaf.options())
    assert named.out == b"world"
    w.refused(6, "UNTRUSTED", "get", where + pin, "hello", *deaf.options())
    w.refused(6, "UNTRUSTED", "get", where, "hello", *deaf.options())
    assert deaf.asked() == 0


# ---- what is not believed ----


def test_unsigned(w):
    """All that an unsigned zone says is as if it were not there."""
    sea = Sea(w)
    records = "TLSA {pin}", "v=ate1; pin={pin}", "v=ate1; root={root}; path=/*"
    other = Zone("other.example")  # so that there is an anchor
    sea.serve(*records, signed=False, zones=[other])
    sea.refused(6, "UNTRUSTED", "nothing says which server to trust", f"pin={sea.server.pin}")
    stranger(w)
    sea.refused(6, "UNTRUSTED", "nothing says which root key to trust",
                items=f"#pin={sea.server.pin}")


def forge(kind, old, new):
    def spoil(line):
        return line.replace(old, new) if f"\t{kind}\t" in line and "RRSIG" not in line else line
    return spoil


def strip(kind):
    """Takes the signatures of a type away."""
    return lambda line: None if re.search(rf"\tRRSIG\t{kind} ", line) else line


def test_forged(w):
    """Changed after it was signed, to what would be right."""
    sea = Sea(w)
    mine = base64.urlsafe_b64decode(sea.server.pin + "=").hex()
    theirs = bytes(range(32)).hex()
    sea.serve("TLSA {other}", "v=ate1; pin={pin}", spoil=forge("TLSA", theirs, mine))
    sea.refused(6, "UNTRUSTED", "DNS: TLSA", "does not hold")
    sea.serve("v=ate1; pin={other}", spoil=forge("TXT", OTHER, sea.server.pin))
    sea.refused(6, "UNTRUSTED", "DNS: TXT", "does not hold")
    stranger(w)
    pinned = f"#pin={sea.server.pin}"
    sea.serve("v=ate1; root={other}; path=/*", spoil=forge("TXT", OTHER, sea.root))
    sea.refused(6, "UNTRUSTED", "DNS: TXT", "does not hold", items=pinned)


def test_stripped(w):
    """A signed zone without its signatures is no unsigned one."""
    sea = Sea(w)
    sea.serve("TLSA {pin}", spoil=strip("TLSA")).refused(6, "UNTRUSTED", "DNS: TLSA")
    sea.serve("v=ate1; pin={pin}", spoil=strip("TXT")).refused(6, "UNTRUSTED", "DNS: TXT")
    sea.serve("v=ate1; pin={pin}", spoil=strip(".*")).refused(6, "UNTRUSTED", "DNS: TLSA")


def test_hidden(w):
    """That a record is not there has to be proved, too: hiding it leads nowhere."""
    def hide(line):
        return None if "\tTLSA\t" in line or re.search(r"\tRRSIG\tTLSA ", line) else line

    sea = Sea(w).serve("TLSA {other}", "v=ate1; pin={pin}", spoil=hide)
    sea.refused(6, "UNTRUSTED", "DNS: TLSA")
    sea.serve("v=ate1; pin={pin}", spoil=lambda line: None if "NSEC" in line else line)
    sea.refused(6, "UNTRUSTED", "DNS: TLSA")


def test_expired(w):
    sea = Sea(w)
    sea.serve("TLSA {pin}", ends=now(-3)).refused(6, "UNTRUSTED", "DNS: TLSA", "out of date")
    sea.serve("TLSA {pin}", ends=now(+1)).works()


def test_another_anchor(w):
    """A zone that is signed by somebody."""
    sea = Sea(w).serve("TLSA {pin}", "v=ate1; pin={pin}")
    theirs = Island(w, Zone(ZONE)).anchor
    sea.island.anchor = theirs
    sea.refused(6, "UNTRUSTED", "does not hold")


def test_no_anchor(w):
    sea = Sea(w).serve("TLSA {pin}")
    sea.island.anchor = "missing"
    sea.refused(8, "E_SYSTEM", "missing")
    for text in b"", b"; DS DNSKEY\n", b"ate.example. IN A 127.0.0.1\n":
        sea.island.anchor = w.file("empty", text)
        sea.refused(7, "MALFORMED", "no DS and no DNSKEY")


# ---- names ----


def test_alias(w):
    """CNAME: inside the zone it is followed; out of what is signed it leads to nothing."""
    sea = Sea(w)
    plain = Zone("plain.example", txt(f"v=ate1; pin={sea.server.pin}", "x"), signed=False)
    aliases = ["_ate.alias IN CNAME _ate.db", "alias IN CNAME db",
               "_ate.away IN CNAME _ate.x.plain.example.", "away IN CNAME db"]
    sea.serve("v=ate1; pin={pin}", more=aliases, zones=[plain])
    sea.works(host="alias")
    sea.refused(6, "UNTRUSTED", "nothing says which server to trust", host="away")


def test_deaf(w):
    """A name server that is silent makes it fail, in the time that was given."""
    sea = Sea(w)
    sea.island = Deaf(w)
    w.refused(5, "TIMEOUT", "get", sea.where(), "hello", "--timeout", "4s", *sea.island.options())
    assert sea.island.asked() > 0
    stranger(w)
    w.refused(5, "TIMEOUT", "get", sea.where(items=f"#pin={sea.server.pin}"), "hello",
              "--timeout", "4s", *sea.island.options())


def test_large(w):
    """Answers that need TCP are read; more than the limits say is a failure."""
    def many(count):
        return [f"v=ate1; root={{root}}; path=/joe/{i}/{'x' * 200}" for i in range(count)]

    sea = Sea(w).serve("v=ate1; pin={pin}", *many(40))
    sea.works()
    sea.serve("v=ate1; pin={pin}", *many(70)).refused(7, "TOO_BIG", "64 records")
    sea.serve("v=ate1; pin={pin}", "v=ate9; " + "x" * 3000).refused(7, "TOO_BIG", "2048")
    pins = [base64.urlsafe_b64encode(bytes([i]) * 32).decode().rstrip("=") for i in range(8)]
    sea.serve("v=ate1; pin={pin}", *[f"v=ate1; pin={p}" for p in pins]).refused(7, "TOO_BIG", "8")


def test_form(w):
    """What says v=ate1 is exactly one fact; what says something else is nobody's business."""
    sea = Sea(w).serve("v=ate1; pin={pin}", "v=ate2; pin={pin}; new", "hello", "v=ate1x; pin=")
    sea.works()
    for bad in ("v=ate1", "v=ate1;", "v=ate1; pin={pin};", "v=ate1;pin={pin}", "v=ate1; pin=x",
                "v=ate1; pin={pin}; pin={pin}", "v=ate1; pin={pin}; path=/*", "v=ate1; root={root}",
                "v=ate1; root={root}; path=joe", "v=ate1; chain={root}; path=/joe*",
                "v=ate1; path=/*; root={root}", "v=ate1; new={root}"):
        sea.serve("v=ate1; pin={pin}", bad).refused(7, "MALFORMED", "v=ate1")


# ---- whose chain it is ----


def test_root(w):
    sea = Sea(w)
    stranger(w)
    pinned = f"#pin={sea.server.pin}"
    sea.serve("v=ate1; root={root}; path=/joe/*").works(items=pinned)
    sea.serve("TLSA {pin}", "v=ate1; root={root}; path=/*").works()
    sea.serve(f"v=ate1; root={{root}}; path={PATH}").works(items=pinned)
    sea.serve("v=ate1; root={other}; path=/joe/*", "v=ate1; root={root}; path=/joe/*")
    sea.works(items=pinned)  # rotation
    sea.serve("v=ate1; root={other}; path=/joe/*").refused(6, "WRONG_CHAIN", items=pinned)
    # the most exact path decides, alone
    sea.serve("v=ate1; root={other}; path=/*", "v=ate1; root={root}; path=/joe/*")
    sea.works(items=pinned)
    sea.serve("v=ate1; root={root}; path=/*", "v=ate1; root={other}; path=/joe/*")
    sea.refused(6, "WRONG_CHAIN", items=pinned)
    # --root and the address come before DNS, and are final
    sea.refused(6, "WRONG_CHAIN", items=f"{pinned},root={OTHER}")
    sea.works(items=f"{pinned},root={sea.root}")


def test_another_path(w):
    """A fact of another path says nothing of this one."""
    sea = Sea(w)
    stranger(w)
    pinned = f"#pin={sea.server.pin}"
    for path in "/jo/*", "/joe/notes/*", "/joe/notes2", "/joe", "/joe/note", "/notes":
        sea.serve(f"v=ate1; root={{root}}; path={path}")
        sea.refused(6, "UNTRUSTED", "which root key to trust", items=pinned)


def test_chain(w):
    sea = Sea(w)
    line = w.ate("put", sea.server.chain("/joe/second"), "hello", "two", "--json").err.decode()
    assert line
    stranger(w)
    pinned = f"#pin={sea.server.pin}"
    said = w.refused(6, "UNTRUSTED", "get", sea.server.chain(PATH), "hello")
    chain = re.search(r"it is chain (\S{43})", said).group(1)
    sea.serve(f"v=ate1; chain={chain}; path={PATH}").works(items=pinned)
    sea.serve("v=ate1; chain={other}; path=/joe/*").refused(6, "WRONG_CHAIN", items=pinned)
    # a chain before roots, as in an address
    sea.serve("v=ate1; chain={other}; path=/joe/*", "v=ate1; root={root}; path=/joe/*")
    sea.refused(6, "WRONG_CHAIN", items=pinned)
    sea.serve(f"v=ate1; chain={chain}; path=/joe/*", "v=ate1; chain={other}; path=/joe/*")
    sea.refused(6, "UNTRUSTED", "two records", items=pinned)


def test_destroyed(w):
    """Its owner destroys a chain at a server that DNS names; at another one his word is none."""
    sea = Sea(w, "--no-auth", "--allow-destroy").serve("v=ate1; pin={pin}")
    w.ate("destroy", sea.where(), "--yes", PATH, *sea.island.options())
    sea.refused(1, "NOT_FOUND", "its owner destroyed this chain")
    said = (sea.server.logs / PATH[1:] / ",destroyed").read_bytes()
    sea.server = w.server()
    w.file(sea.server.logs / PATH[1:] / ",destroyed", said)
    sea.serve("v=ate1; pin={pin}").refused(6, "UNTRUSTED", "another place")


def test_mirror(w):
    """A copy is made of what DNS trusts, with a key of one's own that is not the root."""
    sea = Sea(w).serve("TLSA {pin}", "v=ate1; root={root}; path=/joe/*")
    stranger(w)
    w.key()
    for _ in range(2):
        assert w.ate("ls", sea.where(), "--mirror", "copy", *sea.island.options()).lines() == [
            "hello"]
    assert b"all holds" in w.ate("verify", "copy", "--root", sea.root).out


def test_own_key_first(w):
    """Whoever holds a root key needs no DNS; whoever holds another one does."""
    sea = Sea(w)
    pinned = f"#pin={sea.server.pin}"
    sea.serve("v=ate1; root={other}; path=/*").works(items=pinned)
    stranger(w)
    w.key()
    sea.refused(6, "WRONG_CHAIN", items=pinned)
    sea.serve("v=ate1; root={root}; path=/*").works(items=pinned)
    sea.serve("v=ate1; root={root}; path=/x").refused(6, "UNTRUSTED", "which root", items=pinned)


# ---- authorities ----


def openssl(w, *words):
    subprocess.run(["openssl", *words], cwd=w.dir, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def certify(w, name, days="30"):
    """A server key with a certificate for the name, of an authority of ours."""
    openssl(w, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca",
            "-subj", "/CN=authority", "-days", "60")
    openssl(w, "genpkey", "-algorithm", "ed25519", "-out", "server.key")
    openssl(w, "req", "-new", "-key", "server.key", "-out", "request", "-subj", "/CN=server")
    w.file("names", f"subjectAltName=DNS:{name}\n".encode())
    openssl(w, "x509", "-req", "-in", "request", "-CA", "ca", "-CAkey", "ca.key", "-days", days,
            "-extfile", "names", "-set_serial", "1", "-out", "certificate")


def use_certificate(w, server):
    """The server shows it from now on."""
    server.stop()
    own = w.path("logs/,server")
    os.chmod(w.path("server.key"), 0o600)
    os.rename(w.path("server.key"), own / "key")
    os.rename(w.path("certificate"), own / "certificate")
    server.start()


def test_authority(w):
    """Where DNS proves that it says nothing, or signs nothing, an authority decides."""
    sea = Sea(w)
    certify(w, f"db.{ZONE}")
    use_certificate(w, sea.server)
    sea.serve(more=["wrong IN A 127.0.0.1"])
    trusted = [*sea.island.options(), "--ca-file", "ca"]
    assert w.ate("get", sea.where(), "hello", *trusted).out == b"world"
    said = w.refused(6, "UNTRUSTED", "get", sea.where(host="wrong"), "hello", *trusted)
    assert "ostname mismatch" in said, said
    sea.refused(6, "UNTRUSTED", "of its certificate")  # those of the system know nothing of it
    sea.works(items=f"#pin={sea.server.pin}")
    w.refused(7, "MALFORMED", "get", sea.where(), "hello", *sea.island.options(), "--ca-file",
              w.file("none"))
    sea.serve(signed=False, zones=[Zone("other.example")])
    trusted = [*sea.island.options(), "--ca-file", "ca"]
    assert w.ate("get", sea.where(), "hello", *trusted).out == b"world"
    # what DNS does say comes first
    sea.serve("v=ate1; pin={other}")
    trusted = [*sea.island.options(), "--ca-file", "ca"]
    said = w.refused(6, "UNTRUSTED", "get", sea.where(), "hello", *trusted)
    assert OTHER in said
    sea.serve("v=ate1; pin={pin}", spoil=strip("TXT"))
    trusted = [*sea.island.options(), "--ca-file", "ca"]
    w.refused(6, "UNTRUSTED", "get", sea.where(), "hello", *trusted)


def test_certificate_of_another(w):
    sea = Sea(w)
    certify(w, f"db.{ZONE}")
    sea.server.stop()
    os.rename(w.path("certificate"), w.path("logs/,server/certificate"))
    try:
        sea.server.start()
    except Failed as why:
        assert "not of the server's key" in str(why), why
        return
    raise Failed("it started with another's certificate")


def test_usage(w):
    w.key()
    for server in "ns.example", "127.0.0.1@", "127.0.0.1@0", "127.0.0.1@70000", "127.0.0.1,":
        w.refused(2, "MISUSE", "get", f"tcp://db.{ZONE}{PATH}", "hello", "--dns-server", server,
                  "--dns-anchor", w.file("anchor", b". IN DS 20326 8 2 " + b"e0" * 32 + b"\n"))


def test_long_name(w):
    """Its records would have a name that is none."""
    label = "x" * 49 + "."
    host = label * 5 + "abc"
    w.key()
    w.refused(7, "MALFORMED", "get", f"tcp://{host}{PATH}", "hello", *Deaf(w).options())


main(__name__)
