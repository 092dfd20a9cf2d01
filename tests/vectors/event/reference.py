#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A second reader of the formats of docs/format/event.md, written from that page alone.

reference.py check         reads every vector of this folder and compares result, kind and hashes
reference.py read FILE     reads the transaction in FILE and prints its hashes

It favours being easy to compare with the page over speed, and is no part of the library.
"""
import hashlib
import pathlib
import re
import sys

HASHES = {1: hashlib.sha256, 2: hashlib.sha3_256}
HASH_NAMES = {"sha256": 1, "sha3-256": 2}
TOP = bytes(16)

OBJECT, PREV, PARENT, TAG, NAME, TYPE, ENCODING, CONF, TOMBSTONE, REPLY_TO = range(1, 11)
AUTH, EPOCH, RECIPIENTS, LINK, NAMEKEY, HOLD, PUBLISHED, CAME_FROM = range(0x10, 0x18)
GENESIS, PUBLIC_KEY, ROOT, REVOKE, SEALED = range(0x20, 0x25)
RESERVED = {0x25, 0x26}
RESET, SNAPSHOT, LOG_KEYS, COMPACTOR_KEYS = range(0x27, 0x2b)
WORM, COMPRESSION = 1, 2
OPTIONAL = 0x8000


class Wrong(Exception):
    """args: the result, what is wrong"""


def need(truth, what, result="MALFORMED"):
    if not truth:
        raise Wrong(result, what)


def limit(size, size_max, what):
    need(size <= size_max, what, "TOO_BIG")


# --- hashes --------------------------------------------------------------------------------------


def frame(label, *fields):
    out = bytes([len(label)]) + label.encode()
    for field in fields:
        out += len(field).to_bytes(8, "little") + field
    return out


# KEM: bytes of its public key, and of what encapsulating gives
KEMS = {0x647a: (1216, 1120), 0x0051: (1665, 1665)}
SEALED_SIZES = tuple(enc + 32 + 16 for _, enc in KEMS.values())


def H(alg, label, *fields):
    return HASHES[alg](frame(label, *fields)).digest()


def u32(v):
    return v.to_bytes(4, "little")


def u64(v):
    return v.to_bytes(8, "little")


def root_of_path(leaf, index, size, path):
    """RFC 9162, 2.1.3.2"""
    node, last = leaf, size - 1
    for step in path:
        need(last, "path")
        if index & 1 or index == last:
            node = hashlib.sha256(b"\1" + step + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + step).digest()
        index, last = index >> 1, last >> 1
    need(last == 0, "path")
    return node


def leaf(alg, tx_hash, section, sequence, root_time):
    entry = (b"\1" + sequence.to_bytes(8, "big") + root_time.to_bytes(8, "big") + tx_hash +
             H(alg, "ate sigs 1", section))
    return hashlib.sha256(b"\0" + entry).digest()


def message(alg, tx_hash, fingerprint, size, index, path):
    root = root_of_path(hashlib.sha256(b"\0" + tx_hash).digest(), index, size, path)
    return H(alg, "ate batch 1", fingerprint, u32(size), root)


# --- reading -------------------------------------------------------------------------------------


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def bytes(self, size):
        need(size <= self.left(), "cut")
        self.at += size
        return self.data[self.at - size:self.at]

    def int(self, size):
        return int.from_bytes(self.bytes(size), "little")

    def sized(self, size_max, what):
        size = self.int(4)
        limit(size, size_max, what)
        return self.bytes(size)

    def count(self, count_max, item_size, what):
        count = self.int(4)
        limit(count, count_max, what)
        need(count * item_size <= self.left(), "cut")
        return count

    def varint(self):
        value = shift = 0
        while True:
            byte = self.int(1)
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                need(byte or shift == 7, "not the shortest form")
                return value

    def end(self):
        need(self.left() == 0, "trailing bytes")


def ascending(items, what):
    need(all(a < b for a, b in zip(items, items[1:])), what + ": order")
    return items


def items_of(data):
    """Each (tag, bytes) of an item list, one by one: what is wrong first decides."""
    r, last = Reader(data), -1
    while r.left():
        tag, size = r.int(2), r.varint()
        need(tag > last, "tags do not ascend")
        yield tag, r.bytes(size)
        last = tag


def read_auth(r):
    for _ in range(4):
        who = r.int(1)
        need(who <= 3, "rule")
        if who == 3:
            count = r.count(4096, 32, "keys of a rule")
            need(count, "any of none")
            ascending([r.bytes(32) for _ in range(count)], "keys of a rule")


def read_recipients(r):
    found = []
    for _ in range(r.count(4096, 81, "recipients")):
        found.append(r.bytes(32))
        method = r.int(1)
        need(method in (1, 2), "method", "UNSUPPORTED")
        sealed = r.sized(max(SEALED_SIZES), "sealed key")
        need(len(sealed) in (SEALED_SIZES if method == 1 else (40,)), "sealed key")
        r.sized(320, "label")
    ascending(found, "recipients")


def read_key(r):
    key = r.sized(8192, "public key")
    need(len(key) >= 38, "public key")
    return key


def read_key_changes(r):
    found = []
    for _ in range(r.count(64, 33, "keys")):
        op = r.int(1)
        need(op in (1, 2), "change of a key")
        found.append((op, read_key(r) if op == 1 else r.bytes(32)))
    need(found, "no change of a key")
    ascending(found, "changes of keys")


def read_item(tag, data):
    sizes = {OBJECT: 16, PREV: 32, PARENT: 20, CONF: 80, REPLY_TO: 16, LINK: 40, REVOKE: 32}
    r = Reader(data)
    if tag in sizes:
        r.bytes(sizes[tag])
    elif tag == TAG:
        first = r.bytes(16)
        need(not r.left() or r.bytes(16) != first, "the same tag twice")
    elif tag in (NAME, TYPE):
        need(data, "empty")
        limit(len(data), 255, "name or type")
        if tag == TYPE:
            try:
                data.decode()
            except UnicodeDecodeError:
                need(False, "UTF-8")
        r.bytes(len(data))
    elif tag == ENCODING:
        value = r.int(1)
        r.end()
        need(value != 1, "the default is not written")
        need(value == 2, "encoding", "UNSUPPORTED")
    elif tag == TOMBSTONE:
        need(r.int(1) <= 1, "tombstone")
    elif tag == AUTH:
        read_auth(r)
    elif tag == EPOCH:
        r.bytes(40)
        kem = r.int(2)
        need(kem in KEMS, "KEM", "UNSUPPORTED")
        r.bytes(KEMS[kem][0])
    elif tag == RECIPIENTS:
        read_recipients(r)
    elif tag == NAMEKEY:
        wrapped = r.int(1)
        need(wrapped <= 1, "name key")
        r.bytes(72 if wrapped else 32)
    elif tag == GENESIS:
        need(data, "empty")
        r.bytes(len(data))
    elif tag == PUBLIC_KEY:
        limit(len(data), 8192, "public key")
        need(len(data) >= 38, "public key")
        r.bytes(len(data))
    elif tag == PUBLISHED:
        r.bytes(32)
    elif tag == CAME_FROM:
        count = r.int(4)
        limit(count, 64, "scopes")
        ids = [r.bytes(16) for _ in range(count)]
        need(ids, "scopes")
        need(all(a < b for a, b in zip(ids, ids[1:])), "ids that do not ascend")
    elif tag == SEALED:
        r.bytes(32)
        need(r.left() in SEALED_SIZES, "sealed key")
        r.bytes(r.left())
    elif tag == HOLD:
        need(r.int(1) == 1, "hold")
    elif tag in (ROOT, LOG_KEYS, COMPACTOR_KEYS):
        read_key_changes(r)
    elif tag == SNAPSHOT:
        need(r.int(8), "a snapshot of nothing")
        r.bytes(64)
    elif tag == RESET:
        old_size, old_root = r.int(8), r.bytes(32)
        size, _, reason = r.int(8), r.bytes(32), r.int(1)
        text = r.bytes(len(data) - 81)
        limit(len(text), 255, "text")
        try:
            text.decode()
        except UnicodeDecodeError:
            need(False, "text")
        need(0 not in text, "text")
        need(size, "a reset to nothing")
        need(old_size > size if old_size else not any(old_root), "a reset forward")
        need(1 <= reason <= 3, "reason", "UNSUPPORTED")
    elif tag in RESERVED:
        r.bytes(len(data))
    else:
        need(False, "critical item", "UNSUPPORTED")
    r.end()


def read_header(data):
    """{tag: bytes} of a header, its items checked one by one."""
    limit(len(data), 6 << 20, "header")
    found = {}
    for tag, item in items_of(data):
        if tag < OPTIONAL:
            read_item(tag, item)
        found[tag] = item
    return found


KINDS = [  # lead item, needed, allowed besides, optional items allowed, name
    (GENESIS, {GENESIS}, set(), False, "chain"),
    (SNAPSHOT, {SNAPSHOT}, set(), False, "snapshot"),
    (RESET, {RESET}, set(), False, "reset"),
    (LOG_KEYS, {LOG_KEYS}, {COMPACTOR_KEYS}, False, "chain"),
    (COMPACTOR_KEYS, {COMPACTOR_KEYS}, set(), False, "chain"),
    (PUBLIC_KEY, {PUBLIC_KEY}, set(), False, "public-key"),
    (ROOT, {ROOT}, set(), False, "root"),
    (REVOKE, {REVOKE}, set(), False, "revoke"),
    (TOMBSTONE, {OBJECT, PREV, TOMBSTONE}, set(), False, "body"),
    (AUTH, {OBJECT, AUTH},
     {PREV, EPOCH, RECIPIENTS, LINK, NAMEKEY, HOLD, PUBLISHED, CAME_FROM}, True, "control"),
    (PARENT, {OBJECT, PARENT}, {PREV, TAG, NAME, TYPE, ENCODING, CONF, REPLY_TO, SEALED}, True,
     "body"),
]


def kind_of(h):
    tags = {tag for tag in h if tag < OPTIONAL}
    optional = {tag for tag in h if tag >= OPTIONAL}
    if tags & RESERVED:
        return "reserved"
    for lead, needed, more, may, name in KINDS:
        if lead in tags:
            need(needed <= tags <= needed | more, "items of " + name)
            need(may or not optional, "optional items")
            break
    else:
        need(False, "no kind")
    if name == "body":
        need(h[OBJECT] != TOP, "the top has no body")
    if lead == PARENT:
        need(h[OBJECT] != h[PARENT][:16], "its own parent")
        need(NAME not in tags or TAG in tags, "NAME without TAG")
        need(SEALED not in tags or CONF in tags, "SEALED without CONF")
        if CONF in tags:
            need(not tags & {NAME, ENCODING, REPLY_TO} and not optional, "in clear")
            need(len(h.get(TAG, b"")) <= 16, "two tags")
    if lead == AUTH:
        need(not {EPOCH, PUBLISHED} <= tags, "EPOCH and PUBLISHED")
        need((EPOCH in tags) == (RECIPIENTS in tags), "EPOCH and RECIPIENTS")
        need(LINK not in tags or (EPOCH in tags and h[EPOCH][:8] != bytes(8)), "LINK")
    return name


def read_private_items(data):
    limit(len(data), 64 << 10, "private items")
    h = read_header(data)
    need(all(tag in (NAME, TYPE, ENCODING, REPLY_TO) or tag >= OPTIONAL for tag in h), "private")
    return h


def check_name(name):
    limit(len(name), 1024, "name")
    need(name[:1] == b"/", "name")
    for i, segment in enumerate(name.split(b"/")[1:]):
        limit(i + 1, 32, "segments")
        limit(len(segment), 255, "segment")
        need(re.fullmatch(rb"[A-Za-z0-9_@][A-Za-z0-9._@+-]*", segment), "name")


def read_genesis(data):
    r = Reader(data)
    versions, alg, mode = (r.int(2), r.int(2)), r.int(1), r.int(1)
    need(versions == (1, 1) and alg in HASHES and mode in (1, 2), "version", "UNSUPPORTED")
    check_name(r.sized(1024, "name"))
    r.bytes(32)
    keys = [read_key(r) for _ in range(r.count(64, 42, "root keys"))]
    need(keys, "no root key")
    ascending(keys, "root keys")
    for _ in range(2):
        keys = [read_key(r) for _ in range(r.count(64, 42, "keys of services"))]
        ascending(keys, "keys of services")
    window = r.int(8)
    need(window, "window")
    limit(window, 1 << 24, "window")
    ids = [r.int(2) for _ in range(r.count(16, 2, "algorithms"))]
    need(ids, "no algorithm")
    for last, one in zip([-1] + ids, ids):
        need(one > last, "algorithms: order")
        need(1 <= one <= 8, "algorithm", "UNSUPPORTED")
    strength = r.int(2)
    need(strength in (128, 192, 256), "strength")
    options = r.sized(64 << 10, "options")
    for tag, item in items_of(options):
        if tag in (WORM, COMPRESSION):
            need(len(item) == {WORM: 8, COMPRESSION: 1}[tag], "option")
        need(tag != COMPRESSION or item == b"\1", "compression", "UNSUPPORTED")
        need(tag in (WORM, COMPRESSION) or tag >= OPTIONAL, "option", "UNSUPPORTED")
    r.end()
    return alg


def read_event(r, alg):
    """The event hash and the kind."""
    form = r.int(1)
    need(form <= 4, "form")
    if form == 0:
        return r.bytes(32), "dropped"
    header = r.sized(6 << 20, "header")
    size, payload_hash, payload, salt = 0, b"", b"", b""
    if form == 2:
        salt = r.bytes(16)
    if form in (2, 3):
        payload = r.sized((4 << 20) + (64 << 10) + 20, "payload")
        size, payload_hash = len(payload), H(alg, "ate payload 1", salt, payload)
    if form == 4:
        size, payload_hash = r.int(8), r.bytes(32)
    h = read_header(header)
    kind = kind_of(h)
    if kind == "body":
        limit(len(header), 64 << 10, "header of a body event")
    if kind != "reserved":
        forms = {1}
        if kind == "body" and TOMBSTONE not in h:
            forms = {3, 4} if CONF in h else {1, 2, 4}
        need(form in forms, "form")
    private = form == 3 or CONF in h
    limit(size, (4 << 20) + ((64 << 10) + 20 if private else 0), "payload")
    return H(alg, "ate event 1", header, u64(size), payload_hash), kind


def path_size(index, size):
    """Steps from a leaf to the root, counted by splitting as RFC 9162, 2.1.1 does."""
    steps = 0
    while size > 1:
        half = 1 << (size - 1).bit_length() - 1
        index, size = (index, half) if index < half else (index - half, size - half)
        steps += 1
    return steps


def read_section(data):
    r = Reader(data)
    kind = r.int(1)
    if kind == 2:
        count = r.count(16, 32, "attested")
        need(count, "attested by nobody")
        ascending([r.bytes(32) for _ in range(count)], "attested")
        r.end()
        return []
    need(kind == 1, "signature section", "UNSUPPORTED")
    found = []
    for _ in range(r.count(16, 49, "signatures")):
        fingerprint, size, index = r.bytes(32), r.int(4), r.int(4)
        path = [r.bytes(32) for _ in range(r.count(20, 32, "path"))]
        signature = r.sized(8192, "signature")
        need(index < size, "signature")
        limit(size, 1 << 20, "batch")
        need(len(path) == path_size(index, size) and signature, "signature")
        found.append((fingerprint, size, index, path))
    ascending([one[0] for one in found], "signatures")
    r.end()
    return found


def read_transaction(data, alg):
    limit(len(data), 8 << 20, "transaction")
    r = Reader(data)
    need(r.int(1) == 1, "version", "UNSUPPORTED")
    fixed = [r.bytes(size) for size in (32, 16, 8, 8, 32, 8)]
    start, items = r.at, []
    for _ in range(r.count(65536, 17, "preconditions")):
        kind = r.int(1)
        need(1 <= kind <= 3, "precondition")
        items.append(bytes([kind]) + r.bytes({1: 48, 2: 16, 3: 32}[kind]))
    ascending(items, "preconditions")
    preconditions = data[start:r.at]
    count = r.count(16384, 8, "events")
    need(count, "no event")
    events = [read_event(r, alg) for _ in range(count)]
    section = r.bytes(r.left())
    signatures = read_section(section)
    tx_hash = H(alg, "ate tx 1", *fixed, preconditions,
                u32(count) + b"".join(one[0] for one in events))
    return tx_hash, events, section, signatures


# --- the vectors ---------------------------------------------------------------------------------


def records(path):
    """Lists of (key, value), divided by empty lines; # begins a comment line."""
    found = [[]]
    for line in path.read_text().splitlines():
        if not line:
            found.append([])
        elif line[0] != "#":
            found[-1].append(tuple(line.split(": ", 1)) if ": " in line else (line[:-1], ""))
    return [one for one in found if one]


def check_transaction(record, values):
    alg = HASH_NAMES[values["hash"]]
    tx_hash, events, section, signatures = read_transaction(
        bytes.fromhex(values["transaction"]), alg)
    assert tx_hash.hex() == values["tx_hash"], "tx_hash"
    wanted = [value for key, value in record if key == "event_hash"]
    assert [one[0].hex() for one in events] == wanted, "event hashes"
    if "leaf" in values:
        sequence, root_time, wanted = values["leaf"].split()
        assert leaf(alg, tx_hash, section, int(sequence), int(root_time)).hex() == wanted, "leaf"
    wanted = [value for key, value in record if key == "message"]
    assert [message(alg, tx_hash, *one).hex() for one in signatures] == wanted, "messages"


def check(record):
    values = dict(record)
    try:
        if "header" in values:
            kind = kind_of(read_header(bytes.fromhex(values["header"])))
            assert kind == values.get("kind"), kind
        elif "private_items" in values:
            read_private_items(bytes.fromhex(values["private_items"]))
        elif "genesis" in values:
            body = bytes.fromhex(values["genesis"])
            alg = read_genesis(body)
            assert H(alg, "ate genesis 1", body).hex() == values.get("chain_id"), "chain id"
        elif values["result"] == "OK":
            check_transaction(record, values)
        else:
            read_transaction(bytes.fromhex(values["transaction"]), HASH_NAMES[values["hash"]])
        result = "OK"
    except Wrong as wrong:
        result = wrong.args[0]
    assert result == values["result"], result


def main(args):
    if args == ["check"]:
        count = 0
        for path in sorted(pathlib.Path(__file__).parent.glob("*.txt")):
            for record in records(path):
                try:
                    check(record)
                except AssertionError as error:
                    sys.exit(f"{path.name}: {dict(record)['name']}: {error}")
                count += 1
        print(f"{count} vectors")
        return 0 if count else 1
    if len(args) == 2 and args[0] == "read":
        tx_hash, events, _, _ = read_transaction(pathlib.Path(args[1]).read_bytes(), 1)
        print("tx_hash", tx_hash.hex())
        for event_hash, kind in events:
            print("event", event_hash.hex(), kind)
        return 0
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
