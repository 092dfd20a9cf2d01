#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the vectors of this folder, and the worked bytes of docs/format/event.md.

make.py write      writes *.txt
make.py blocks     prints the worked bytes as they stand in the page
make.py seeds      writes the records of *.txt as seeds into tests/fuzz/corpus

Public keys, sealed keys, ciphertexts and signatures are stand-ins made of counting bytes: this
layer does not look inside them.
"""
import hashlib
import pathlib
import re
import sys

from reference import (AUTH, CAME_FROM, COMPACTOR_KEYS, COMPRESSION, CONF, ENCODING, EPOCH, GENESIS,
                       H, HOLD, LINK, LOG_KEYS, NAME, NAMEKEY, OBJECT, PARENT, PREV, PUBLIC_KEY,
                       PUBLISHED, RECIPIENTS, REPLY_TO, RESET, REVOKE, ROOT, SEALED, SNAPSHOT, TAG,
                       TOMBSTONE, TOP, TYPE, WORM, leaf, message, records, u32, u64)

HERE = pathlib.Path(__file__).parent
SHA256, SHA3_256 = 1, 2
TIME = 1609459200000000  # 2021-01-01 00:00 UTC, in microseconds


def count_from(first, size):
    return bytes((first + i) & 0xff for i in range(size))


def u16(v):
    return v.to_bytes(2, "little")


def sized(data):
    return u32(len(data)) + data


class Bytes:
    """Bytes with a note for each run of them."""

    def __init__(self):
        self.data, self.lines = b"", []

    def add(self, data, note):
        self.data += data
        self.lines.append((data, note))
        return self

    def item(self, tag, data, note):
        size, head = len(data), u16(tag)
        while size >= 0x80:
            head += bytes([size & 0x7f | 0x80])
            size >>= 7
        self.add(head + bytes([size]), note.split(":")[0] + f": tag, length {len(data)}")
        self.add(data, "  " + note.split(": ", 1)[1])
        return self

    def block(self):
        out = []
        for data, note in self.lines:
            rows = [data[i:i + 16].hex() for i in range(0, len(data), 16)]
            out.append(f"{rows[0]:<32}  {note}")
            out += rows[1:]
        return "\n".join(out)


def items(*pairs):
    out = Bytes()
    for tag, data in pairs:
        out.item(tag, data, "x: x")
    return out.data


# --- the worked example --------------------------------------------------------------------------

ROOT_KEY = u16(1) + sized(count_from(0x40, 32))
READER_KEY = u16(0x647a) + sized(count_from(0x60, 32))
NAME_OF_CHAIN = b"/example.com/joe/notes"
OBJECT_ID = count_from(0xa0, 16)
OTHER_ID = count_from(0xb0, 16)
SALT = count_from(0x70, 16)
PAYLOAD = b"\x81\xa5value\xa5world"  # MessagePack: {"value": "world"}
ORIGIN = count_from(0x10, 16)


def fingerprint(key):
    return H(SHA256, "ate key 1", key)


def genesis_body(alg=SHA256):
    b = Bytes()
    b.add(u16(1), "format version")
    b.add(u16(1), "rules version")
    b.add(bytes([alg]), "hash: SHA-256")
    b.add(b"\1", "trust mode: distributed")
    b.add(u32(len(NAME_OF_CHAIN)), "length of the name")
    b.add(NAME_OF_CHAIN, '"' + NAME_OF_CHAIN.decode() + '"')
    b.add(count_from(0, 32), "random")
    b.add(u32(1), "root keys")
    b.add(u32(len(ROOT_KEY)), "length of the first")
    b.add(ROOT_KEY, "public key (a stand-in)")
    b.add(u32(0), "log keys")
    b.add(u32(0), "compactor keys")
    b.add(u64(1 << 20), "window W")
    b.add(u32(1), "signature algorithms")
    b.add(u16(1), "MLDSA65-Ed25519-SHA512")
    b.add(u16(192), "least strength")
    b.add(u32(0), "length of the options")
    return b


def head(b, chain_id, number, base_size, base_root):
    b.add(b"\1", "version")
    b.add(chain_id, "chain id")
    b.add(ORIGIN, "origin")
    b.add(u64(number), f"number {number}")
    b.add(u64(base_size), f"base size {base_size}")
    b.add(base_root, "base root")
    b.add(u64(TIME), "writer's time: 2021-01-01 00:00 UTC")


def signature(b, key, size, index, path, data):
    b.add(fingerprint(key), "signature: fingerprint")
    b.add(u32(size), f"batch of {size}")
    b.add(u32(index), f"index {index}")
    b.add(u32(len(path)), f"path of {len(path)}")
    for step in path:
        b.add(step, "  hash on the path")
    b.add(u32(len(data)), "length of the signature")
    b.add(data, "signature (a stand-in)")


def event_hash(alg, header, salt=b"", payload=None):
    if payload is None:
        return H(alg, "ate event 1", header, u64(0), b"")
    return H(alg, "ate event 1", header, u64(len(payload)), H(alg, "ate payload 1", salt, payload))


def genesis_transaction(alg=SHA256):
    body = genesis_body(alg).data
    header = Bytes().item(GENESIS, body, "GENESIS: the genesis body, as above")
    b = Bytes()
    head(b, H(alg, "ate genesis 1", body), 1, 0, hashlib.sha256().digest())
    b.add(u32(0), "preconditions")
    b.add(u32(1), "events")
    b.add(b"\1", "form: BARE")
    b.add(u32(len(header.data)), "length of the header")
    b.lines += header.lines
    b.data += header.data
    section = Bytes().add(b"\1", "signature section: signatures").add(u32(1), "signatures")
    signature(section, ROOT_KEY, 1, 0, [], count_from(0xe0, 8))
    b.data += section.data
    b.lines += section.lines
    return b, section.data, [event_hash(alg, header.data)]


def body_header(alg=SHA256):
    tag = H(alg, "ate open name 1", TOP, b"hello")[:16]
    b = Bytes()
    b.item(OBJECT, OBJECT_ID, "OBJECT: id")
    b.item(PARENT, TOP + u32(0), "PARENT: the top; collection 0")
    b.item(TAG, tag, 'TAG: of "hello" below the top')
    b.item(NAME, b"hello", 'NAME: "hello"')
    b.item(TYPE, b"text", 'TYPE: "text"')
    return b


def body_event(alg=SHA256):
    header = body_header(alg)
    b = Bytes()
    b.add(b"\2", "form: CLEAR")
    b.add(u32(len(header.data)), "length of the header")
    b.lines += header.lines
    b.data += header.data
    b.add(SALT, "salt")
    b.add(u32(len(PAYLOAD)), "length of the payload")
    b.add(PAYLOAD, 'payload: MessagePack of {"value": "world"}')
    return b, event_hash(alg, header.data, SALT, PAYLOAD)


def tombstone(alg=SHA256):
    header = Bytes()
    header.item(OBJECT, OBJECT_ID, "OBJECT: id")
    header.item(PREV, body_event(alg)[1], "PREV: event hash of the body above")
    header.item(TOMBSTONE, b"\0", "TOMBSTONE: this object alone")
    b = Bytes()
    b.add(b"\1", "form: BARE")
    b.add(u32(len(header.data)), "length of the header")
    b.lines += header.lines
    b.data += header.data
    return b, event_hash(alg, header.data)


def snapshot(alg=SHA256):
    header = Bytes()
    header.add(u16(SNAPSHOT) + bytes([72]), "SNAPSHOT: tag, length 72")
    header.add(u64(1), "  size")
    header.add(count_from(0x80, 32), "  root of the tree of that size")
    header.add(count_from(0xc0, 32), "  state root (a stand-in)")
    b = Bytes()
    b.add(b"\1", "form: BARE")
    b.add(u32(len(header.data)), "length of the header")
    b.lines += header.lines
    b.data += header.data
    return b, event_hash(alg, header.data)


CONF_ITEM = u64(0) + count_from(0xc0, 32) + count_from(0xd0, 16) + count_from(0x01, 24)


def private_header():
    b = Bytes()
    b.item(OBJECT, OTHER_ID, "OBJECT: id")
    b.item(PARENT, OBJECT_ID + u32(1), "PARENT: object; collection 1")
    b.item(CONF, CONF_ITEM, "CONF: epoch 0, data key id, version id, nonce")
    return b


def private_items():
    b = Bytes()
    b.item(NAME, b"diary", 'NAME: "diary"')
    b.item(TYPE, b"text", 'TYPE: "text"')
    return b


def parts_of(b, event):
    b.data += event.data
    b.lines += event.lines


def full_transaction(alg=SHA256):
    """All forms, all preconditions, a batch of three."""
    b, hashes = Bytes(), []
    head(b, H(alg, "ate genesis 1", genesis_body(alg).data), 7, 3, count_from(0x80, 32))
    b.add(u32(3), "preconditions")
    b.add(b"\1" + OBJECT_ID, "current: object")
    b.add(body_event(alg)[1], "  its event hash")
    b.add(b"\2" + OTHER_ID, "absent: object")
    b.add(b"\3" + OBJECT_ID, "tag free: parent")
    b.add(count_from(0x90, 16), "  tag")
    b.add(u32(5), "events")
    gone, gone_hash = tombstone(alg)
    b.add(b"\0", "event 0, form: DROPPED")
    b.add(gone_hash, "event hash of the tombstone above")
    hashes.append(gone_hash)
    auth = bytes([1, 3]) + u32(1) + fingerprint(ROOT_KEY) + bytes([0, 0])
    control = Bytes().item(OBJECT, OBJECT_ID, "OBJECT: id")
    control.item(AUTH, auth, "AUTH: read everyone; write any of 1; append, admin inherit")
    b.add(b"\1", "event 1, form: BARE")
    b.add(u32(len(control.data)), "length of the header")
    parts_of(b, control)
    hashes.append(event_hash(alg, control.data))
    clear, clear_hash = body_event(alg)
    clear.lines[0] = (clear.lines[0][0], "event 2, form: CLEAR")
    parts_of(b, clear)
    hashes.append(clear_hash)
    cipher = count_from(0x33, 40)
    b.add(b"\3", "event 3, form: CIPHER")
    b.add(u32(len(private_header().data)), "length of the header")
    parts_of(b, private_header())
    b.add(u32(len(cipher)), "length of the ciphertext")
    b.add(cipher, "ciphertext and tag (a stand-in)")
    hashes.append(event_hash(alg, private_header().data, b"", cipher))
    moved = Bytes().item(OBJECT, OTHER_ID[::-1], "OBJECT: id")
    moved.item(PARENT, OBJECT_ID + u32(0), "PARENT: object; collection 0")
    b.add(b"\4", "event 4, form: STRIPPED")
    b.add(u32(len(moved.data)), "length of the header")
    parts_of(b, moved)
    b.add(u64(len(PAYLOAD)), "length of the payload")
    b.add(H(alg, "ate payload 1", SALT, PAYLOAD), "payload hash")
    hashes.append(event_hash(alg, moved.data, SALT, PAYLOAD))
    section = Bytes().add(b"\1", "signature section: signatures").add(u32(2), "signatures")
    path = [count_from(0x20, 32), count_from(0x30, 32)]
    both = [(READER_KEY, 3, 1, path), (ROOT_KEY, 1, 0, [])]
    for key, size, index, steps in sorted(both, key=lambda one: fingerprint(one[0])):
        signature(section, key, size, index, steps, count_from(0xe0, 8))
    parts_of(b, section)
    return b, section.data, hashes


# --- records -------------------------------------------------------------------------------------


class File:
    def __init__(self, name, comment):
        self.path, self.lines = HERE / name, [f"# {line}" for line in comment.splitlines()]

    def record(self, name, result, *pairs):
        self.lines += ["", f"name: {name}", f"result: {result}"]
        self.lines += [f"{key}: {value.hex() if isinstance(value, bytes) else value}"
                       for key, value in pairs]

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n")


FORM = """A record has a line `key: value` for each of its fields, bytes in hex; an empty line ends it.
Written by make.py; docs/format/event.md says what the bytes mean."""


def write_headers():
    f = File("header.txt", FORM + "\nresult: of the decoder, kind included. kind: of the event.")
    good = lambda name, kind, *pairs: f.record(name, "OK", ("kind", kind),
                                               ("header", items(*pairs)))
    bad = lambda name, result, *pairs: f.record(name, result, ("header", items(*pairs)))
    raw = lambda name, result, data: f.record(name, result, ("header", data))
    o, p = (OBJECT, OBJECT_ID), (PARENT, TOP + u32(0))
    prev, conf = (PREV, count_from(1, 32)), (CONF, CONF_ITEM)
    tag, two = (TAG, count_from(2, 16)), (TAG, count_from(2, 32))
    name, text, user = (NAME, b"n"), (TYPE, b"text"), (0x8001, b"user")
    json, reply = (ENCODING, b"\2"), (REPLY_TO, OTHER_ID)
    inherit = (AUTH, bytes(4))
    keys = sorted([fingerprint(ROOT_KEY), fingerprint(READER_KEY)])
    private = (AUTH, b"\3" + u32(2) + b"".join(keys) + b"\1\2\0")
    epoch = lambda n: (EPOCH, u64(n) + count_from(9, 32) + u16(0x647a) + count_from(0, 1216))
    one = keys[0] + b"\1" + sized(count_from(3, 1168)) + sized(b"")
    other = keys[1] + b"\2" + sized(count_from(4, 40)) + sized(b"label")
    readers = (RECIPIENTS, u32(2) + one + other)
    link = (LINK, count_from(5, 40))
    sealed = (SEALED, count_from(7, 32) + count_from(8, 1168))
    given = (PUBLISHED, count_from(11, 32))
    scopes = lambda n: (CAME_FROM, u32(n) + b"".join(count_from(i, 16) for i in range(1, n + 1)))
    wrapped = (NAMEKEY, b"\1" + count_from(9, 32) + count_from(6, 40))

    good("body, least", "body", o, p)
    good("body in the open", "body", o, prev, p, tag, name, text, json, reply, user)
    good("body, worked example", "body", *[(OBJECT, OBJECT_ID), (PARENT, TOP + u32(0)),
         (TAG, H(SHA256, "ate open name 1", TOP, b"hello")[:16]), (NAME, b"hello"), text])
    good("body with two tags", "body", o, p, two, name)
    good("body with a tag and no name", "body", o, p, tag)
    good("body in private", "body", o, prev, p, tag, conf)
    good("body in private with its type in clear", "body", o, p, text, conf)
    good("body with the highest optional items", "body", o, p, (0x8000, b""), (0xffff, b""))
    good("body by who does not read its scope", "body", o, p, conf, sealed)
    good("tombstone", "body", o, prev, (TOMBSTONE, b"\0"))
    good("tombstone of a subtree", "body", o, prev, (TOMBSTONE, b"\1"))
    good("control, least", "control", o, inherit)
    good("control of the top", "control", (OBJECT, TOP), inherit)
    good("control, epoch 0", "control", o, private, epoch(0), readers, wrapped)
    good("control, later epoch", "control", o, prev, private, epoch(1), readers, link)
    good("control, epoch 0 at strength 256", "control", o, private,
         (EPOCH, u64(0) + count_from(9, 32) + u16(0x0051) + count_from(0, 1665)),
         (RECIPIENTS, u32(2) + keys[0] + b"\1" + sized(count_from(3, 1713)) + sized(b"") + other),
         wrapped)
    good("control, later epoch after publication", "control", o, prev, private, epoch(1), readers)
    good("control, published name key", "control", o, prev, inherit,
         (NAMEKEY, b"\0" + count_from(6, 32)), user)
    good("control, published data key", "control", o, prev, inherit,
         (NAMEKEY, b"\0" + count_from(6, 32)), (HOLD, b"\1"), given, user)
    good("control of what was moved", "control", o, prev, inherit, scopes(1), user)
    good("control of what was moved out of most scopes", "control", o, inherit, scopes(64))
    good("control of what was moved into a new epoch", "control", o, private, epoch(0), readers,
         wrapped, scopes(2))
    good("control without readers", "control", o, inherit, epoch(0), (RECIPIENTS, u32(0)))
    good("chain", "chain", (GENESIS, genesis_body().data))
    good("public key", "public-key", (PUBLIC_KEY, ROOT_KEY))
    good("root, one added, one removed", "root",
         (ROOT, u32(2) + b"\1" + sized(ROOT_KEY) + b"\2" + keys[0]))
    good("revoke", "revoke", (REVOKE, keys[0]))
    change = u32(2) + b"\1" + sized(ROOT_KEY) + b"\2" + keys[0]
    good("log keys", "chain", (LOG_KEYS, change))
    good("compactor keys", "chain", (COMPACTOR_KEYS, change))
    good("log and compactor keys", "chain", (LOG_KEYS, change), (COMPACTOR_KEYS, change))
    state = (SNAPSHOT, u64(1) + count_from(7, 64))
    good("snapshot", "snapshot", state)
    back = u64(9) + count_from(1, 32) + u64(8) + count_from(40, 32)
    good("reset", "reset", (RESET, back + b"\1" + b"the disk died"))
    good("reset from what is not known, without a word", "reset",
         (RESET, bytes(40) + back[40:] + b"\3"))
    good("hold", "control", o, inherit, (HOLD, b"\1"))
    good("hold in a scope", "control", o, prev, private, epoch(1), readers, link, wrapped,
         (HOLD, b"\1"), user)
    for number in (0x25, 0x26):
        good(f"reserved 0x{number:02x}", "reserved", (number, b"any"))
    good("reserved beside a body", "reserved", o, p, conf, (0x25, b""))

    raw("nothing", "MALFORMED", b"")
    raw("half a tag", "MALFORMED", b"\1")
    raw("no length", "MALFORMED", b"\1\0")
    raw("length in a longer form", "MALFORMED", items(o, p) + b"\x01\x80\x80\0")
    raw("length of 11 bytes", "MALFORMED", b"\1\0" + b"\xff" * 10 + b"\1" + bytes(16))
    raw("more bytes promised than there are", "MALFORMED", items(o)[:-1])
    raw("the same tag twice", "MALFORMED", items(o) + items(o) + items(p))
    raw("tags descend", "MALFORMED", items(p) + items(o))
    raw("optional items descend", "MALFORMED", items(o, p, (0x8001, b"")) + items((0x8000, b"")))
    bad("tag 0", "UNSUPPORTED", (0, b""), o, p)
    bad("a critical item of later", "UNSUPPORTED", o, p, (0x2b, b""))
    bad("the highest critical item", "UNSUPPORTED", o, p, (0x7fff, b""))
    for number, size in ((OBJECT, 16), (PREV, 32), (PARENT, 20), (TAG, 16), (TAG, 32),
                         (CONF, 80), (REPLY_TO, 16), (LINK, 40), (REVOKE, 32), (TOMBSTONE, 1),
                         (ENCODING, 1), (EPOCH, 1258), (NAMEKEY, 33), (AUTH, 4)):
        full = {ENCODING: b"\2", EPOCH: epoch(0)[1]}.get(number, b"")
        for wrong in (size - 1, size + 1):
            bad(f"item 0x{number:02x} of {wrong} bytes", "MALFORMED",
                (number, full[:wrong] + bytes(max(0, wrong - len(full)))))
    bad("the same name tag twice", "MALFORMED", o, p, (TAG, bytes(32)))
    bad("empty NAME", "MALFORMED", o, p, tag, (NAME, b""))
    bad("NAME over its limit", "TOO_BIG", o, p, tag, (NAME, bytes(256)))
    bad("empty TYPE", "MALFORMED", o, p, (TYPE, b""))
    bad("TYPE over its limit", "TOO_BIG", o, p, (TYPE, b"t" * 256))
    bad("TYPE not UTF-8", "MALFORMED", o, p, (TYPE, b"\xc0\x80"))
    bad("ENCODING that is the default", "MALFORMED", o, p, (ENCODING, b"\1"))
    bad("ENCODING of later", "UNSUPPORTED", o, p, (ENCODING, b"\3"))
    bad("TOMBSTONE 2", "MALFORMED", o, prev, (TOMBSTONE, b"\2"))
    bad("rule 4", "MALFORMED", o, (AUTH, b"\4\0\0\0"))
    bad("any of no keys", "MALFORMED", o, (AUTH, b"\3" + u32(0) + b"\0\0\0"))
    bad("keys of a rule descend", "MALFORMED",
        o, (AUTH, b"\3" + u32(2) + keys[1] + keys[0] + b"\0\0\0"))
    bad("a key of a rule twice", "MALFORMED",
        o, (AUTH, b"\3" + u32(2) + keys[0] + keys[0] + b"\0\0\0"))
    bad("keys of a rule over their limit", "TOO_BIG", o, (AUTH, b"\3" + u32(4097) + b"\0\0\0"))
    bad("more keys of a rule than there are", "MALFORMED", o, (AUTH, b"\3" + u32(4096)))
    bad("a fifth rule", "MALFORMED", o, (AUTH, bytes(5)))
    bad("KEM of later", "UNSUPPORTED", o, private,
        (EPOCH, u64(0) + bytes(32) + u16(0x50) + bytes(1216)), readers)
    bad("recipients descend", "MALFORMED", o, private, epoch(0), (RECIPIENTS, u32(2) + other + one))
    bad("a recipient twice", "MALFORMED", o, private, epoch(0), (RECIPIENTS, u32(2) + one + one))
    bad("recipients over their limit", "TOO_BIG", o, private, epoch(0), (RECIPIENTS, u32(4097)))
    bad("more recipients than there are", "MALFORMED", o, private, epoch(0),
        (RECIPIENTS, u32(2) + one))
    bad("bytes behind the recipients", "MALFORMED", o, private, epoch(0),
        (RECIPIENTS, u32(1) + one + b"\0"))
    bad("method of later", "UNSUPPORTED", o, private, epoch(0),
        (RECIPIENTS, u32(1) + keys[0] + b"\3" + sized(bytes(40)) + sized(bytes(8))))
    bad("wrapped key of 41 bytes", "MALFORMED", o, private, epoch(0),
        (RECIPIENTS, u32(1) + keys[0] + b"\2" + sized(bytes(41)) + sized(b"")))
    bad("sealed key of no KEM's size", "MALFORMED", o, private, epoch(0),
        (RECIPIENTS, u32(1) + keys[0] + b"\1" + sized(bytes(1169)) + sized(b"")))
    bad("sealed key over its size", "TOO_BIG", o, private, epoch(0),
        (RECIPIENTS, u32(1) + keys[0] + b"\1" + sized(bytes(1714)) + sized(b"")))
    bad("label over its limit", "TOO_BIG", o, private, epoch(0),
        (RECIPIENTS, u32(1) + keys[0] + b"\2" + sized(bytes(40)) + sized(bytes(321))))
    bad("name key neither clear nor wrapped", "MALFORMED", o, inherit, (NAMEKEY, b"\2" + bytes(32)))
    bad("empty GENESIS", "MALFORMED", (GENESIS, b""))
    bad("public key too short", "MALFORMED", (PUBLIC_KEY, bytes(37)))
    bad("public key over its limit", "TOO_BIG", (PUBLIC_KEY, bytes(8193)))
    bad("no root change", "MALFORMED", (ROOT, u32(0)))
    bad("root change 3", "MALFORMED", (ROOT, u32(1) + b"\3" + bytes(32)))
    bad("root changes descend", "MALFORMED",
        (ROOT, u32(2) + b"\2" + keys[0] + b"\1" + sized(ROOT_KEY)))
    bad("a root key removed twice", "MALFORMED", (ROOT, u32(2) + (b"\2" + keys[0]) * 2))
    bad("root keys over their limit", "TOO_BIG", (ROOT, u32(65) + bytes(65 * 33)))
    bad("bytes behind the root changes", "MALFORMED", (ROOT, u32(1) + b"\2" + keys[0] + b"\0"))
    bad("half a removed root key", "MALFORMED",
        (ROOT, u32(2) + b"\1" + sized(u16(1) + sized(count_from(0, 60))) + b"\2" + bytes(31)))
    bad("half an added root key", "MALFORMED", (ROOT, u32(1) + b"\1" + u32(38) + bytes(37)))
    bad("hold 0", "MALFORMED", o, inherit, (HOLD, b"\0"))
    bad("hold of two bytes", "MALFORMED", o, inherit, (HOLD, b"\1\1"))
    bad("no log key", "MALFORMED", (LOG_KEYS, u32(0)))
    bad("compactor keys descend", "MALFORMED",
        (COMPACTOR_KEYS, u32(2) + b"\2" + keys[1] + b"\2" + keys[0]))
    bad("compactor keys over their limit", "TOO_BIG", (COMPACTOR_KEYS, u32(65) + bytes(65 * 33)))
    bad("snapshot of no transaction", "MALFORMED", (SNAPSHOT, u64(0) + count_from(7, 64)))
    bad("snapshot too short", "MALFORMED", (SNAPSHOT, u64(1) + count_from(7, 63)))
    bad("snapshot too long", "MALFORMED", (SNAPSHOT, u64(1) + count_from(7, 65)))
    bad("reset too short", "MALFORMED", (RESET, back))
    bad("reset to nothing", "MALFORMED", (RESET, back[:40] + bytes(40) + b"\1"))
    bad("reset forward", "MALFORMED", (RESET, u64(8) + back[8:] + b"\1"))
    bad("reset from no size with a root", "MALFORMED", (RESET, bytes(8) + back[8:] + b"\1"))
    bad("reset for no reason", "UNSUPPORTED", (RESET, back + b"\0"))
    bad("reset for a reason of later", "UNSUPPORTED", (RESET, back + b"\4"))
    bad("reset in words that are not UTF-8", "MALFORMED", (RESET, back + b"\1\xff"))
    bad("reset in words with a NUL", "MALFORMED", (RESET, back + b"\1a\0b"))
    bad("reset in words over their limit", "TOO_BIG", (RESET, back + b"\1" + b"w" * 256))
    bad("reset beside a body", "MALFORMED", o, p, (RESET, back + b"\1"))
    bad("half a recipient", "MALFORMED", o, private, epoch(0),
        (RECIPIENTS, u32(2) + one + keys[1]))
    bad("added root key too short", "MALFORMED", (ROOT, u32(1) + b"\1" + sized(bytes(37))))

    bad("optional items alone", "MALFORMED", user)
    bad("OBJECT alone", "MALFORMED", o)
    bad("PARENT without OBJECT", "MALFORMED", p)
    bad("body of the top", "MALFORMED", (OBJECT, TOP), (PARENT, OBJECT_ID + u32(0)))
    bad("its own parent", "MALFORMED", o, (PARENT, OBJECT_ID + u32(0)))
    bad("NAME without TAG", "MALFORMED", o, p, name)
    bad("NAME beside CONF", "MALFORMED", o, p, tag, name, conf)
    bad("ENCODING beside CONF", "MALFORMED", o, p, json, conf)
    bad("REPLY_TO beside CONF", "MALFORMED", o, p, conf, reply)
    bad("user item beside CONF", "MALFORMED", o, p, conf, user)
    bad("two tags beside CONF", "MALFORMED", o, p, two, conf)
    bad("body with AUTH", "MALFORMED", o, p, inherit)
    bad("body with LINK", "MALFORMED", o, p, link)
    bad("tombstone of the top", "MALFORMED", (OBJECT, TOP), prev, (TOMBSTONE, b"\0"))
    bad("tombstone without PREV", "MALFORMED", o, (TOMBSTONE, b"\0"))
    bad("tombstone without OBJECT", "MALFORMED", prev, (TOMBSTONE, b"\0"))
    bad("tombstone with PARENT", "MALFORMED", o, prev, p, (TOMBSTONE, b"\0"))
    bad("tombstone with CONF", "MALFORMED", o, prev, conf, (TOMBSTONE, b"\0"))
    bad("tombstone with a user item", "MALFORMED", o, prev, (TOMBSTONE, b"\0"), user)
    bad("tombstone with AUTH", "MALFORMED", o, prev, (TOMBSTONE, b"\0"), inherit)
    bad("control without OBJECT", "MALFORMED", inherit)
    bad("control with TYPE", "MALFORMED", o, text, inherit)
    bad("control with CONF", "MALFORMED", o, conf, inherit)
    bad("EPOCH without RECIPIENTS", "MALFORMED", o, private, epoch(0))
    bad("RECIPIENTS without EPOCH", "MALFORMED", o, private, readers)
    bad("LINK without EPOCH", "MALFORMED", o, private, link)
    bad("LINK in epoch 0", "MALFORMED", o, private, epoch(0), readers, link)
    bad("EPOCH without AUTH", "MALFORMED", o, epoch(0), readers)
    bad("NAMEKEY without AUTH", "MALFORMED", o, wrapped)
    bad("PUBLISHED beside EPOCH", "MALFORMED", o, private, epoch(0), readers, wrapped, given)
    bad("PUBLISHED without AUTH", "MALFORMED", o, given)
    bad("PUBLISHED too short", "MALFORMED", o, inherit, (PUBLISHED, bytes(31)))
    bad("body with PUBLISHED", "MALFORMED", o, p, given)
    bad("CAME_FROM of no scope", "MALFORMED", o, inherit, scopes(0))
    bad("CAME_FROM over its limit", "TOO_BIG", o, inherit, scopes(65))
    bad("CAME_FROM with a huge count", "TOO_BIG", o, inherit, (CAME_FROM, u32(0xffffffff)))
    bad("CAME_FROM twice of one", "MALFORMED", o, inherit,
        (CAME_FROM, u32(2) + 2 * count_from(1, 16)))
    bad("CAME_FROM descending", "MALFORMED", o, inherit,
        (CAME_FROM, u32(2) + count_from(2, 16) + count_from(1, 16)))
    bad("CAME_FROM empty", "MALFORMED", o, inherit, (CAME_FROM, b""))
    bad("CAME_FROM too short", "MALFORMED", o, inherit, (CAME_FROM, scopes(2)[1][:-1]))
    bad("CAME_FROM too long", "MALFORMED", o, inherit, (CAME_FROM, scopes(2)[1] + b"\0"))
    bad("CAME_FROM without AUTH", "MALFORMED", o, scopes(1))
    bad("CAME_FROM alone", "MALFORMED", scopes(1))
    bad("body with CAME_FROM", "MALFORMED", o, p, scopes(1))
    bad("tombstone with CAME_FROM", "MALFORMED", o, prev, (TOMBSTONE, b"\0"), scopes(1))
    bad("SEALED without CONF", "MALFORMED", o, p, sealed)
    bad("SEALED too long", "MALFORMED", o, p, conf, (SEALED, bytes(1201)))
    bad("SEALED alone", "MALFORMED", sealed)
    bad("tombstone with SEALED", "MALFORMED", o, prev, (TOMBSTONE, b"\0"), sealed)
    bad("control with SEALED", "MALFORMED", o, inherit, sealed)
    bad("body with HOLD", "MALFORMED", o, p, (HOLD, b"\1"))
    bad("HOLD without AUTH", "MALFORMED", o, (HOLD, b"\1"))
    bad("genesis with log keys", "MALFORMED", (GENESIS, b"g"), (LOG_KEYS, change))
    bad("log keys with OBJECT", "MALFORMED", o, (LOG_KEYS, change))
    bad("compactor keys with a user item", "MALFORMED", (COMPACTOR_KEYS, change), user)
    bad("root with log keys", "MALFORMED", (ROOT, change), (LOG_KEYS, change))
    bad("snapshot with PREV", "MALFORMED", prev, state)
    bad("snapshot with log keys", "MALFORMED", state, (LOG_KEYS, change))
    bad("snapshot with a user item", "MALFORMED", state, user)
    bad("chain with OBJECT", "MALFORMED", o, (GENESIS, b"g"))
    bad("chain with a user item", "MALFORMED", (GENESIS, b"g"), user)
    bad("public key with OBJECT", "MALFORMED", o, (PUBLIC_KEY, ROOT_KEY))
    bad("two kinds in one", "MALFORMED", (PUBLIC_KEY, ROOT_KEY), (REVOKE, keys[0]))
    bad("revoke with PREV", "MALFORMED", prev, (REVOKE, keys[0]))
    bad("root with a user item", "MALFORMED", (ROOT, u32(1) + b"\2" + keys[0]), user)
    f.write()


def write_private_items():
    f = File("private_items.txt", FORM)
    put = lambda name, result, data: f.record(name, result, ("private_items", data))
    put("none", "OK", b"")
    put("all", "OK", items((NAME, b"n"), (TYPE, b"t"), (ENCODING, b"\2"), (REPLY_TO, OTHER_ID),
                           (0x8000, b"u"), (0x8001, b"v")))
    put("worked example", "OK", private_items().data)
    put("OBJECT", "MALFORMED", items((OBJECT, OBJECT_ID)))
    put("CONF", "MALFORMED", items((NAME, b"n"), (CONF, CONF_ITEM)))
    put("a reserved item", "MALFORMED", items((0x25, b"")))
    put("a critical item of later", "UNSUPPORTED", items((0x7fff, b"")))
    put("trailing byte", "MALFORMED", items((NAME, b"n")) + b"\0")
    f.write()


def write_genesis():
    f = File("genesis.txt", FORM)
    good = genesis_body().data
    f.record("worked example", "OK", ("genesis", good),
             ("chain_id", H(SHA256, "ate genesis 1", good)))
    other = genesis_body(SHA3_256).data
    f.record("SHA3-256", "OK", ("genesis", other),
             ("chain_id", H(SHA3_256, "ate genesis 1", other)))
    parts = [data for data, _ in genesis_body().lines]
    (VERSION, RULES, ALG, MODE, NAME_SIZE, CHAIN_NAME, RANDOM, KEYS, KEY_SIZE, KEY, LOG, COMPACTOR,
     WINDOW, IDS, ID, STRENGTH, OPTIONS) = range(17)

    def put(name, result, changes):
        data = b"".join(changes.get(i, part) for i, part in enumerate(parts))
        pairs = [("genesis", data)]
        if result == "OK":
            pairs.append(("chain_id", H(SHA256, "ate genesis 1", data)))
        f.record(name, result, *pairs)

    second = u16(2) + sized(count_from(0x41, 40))
    third = u16(3) + sized(count_from(0x41, 32))
    put("two root keys", "OK", {KEYS: u32(2), KEY: ROOT_KEY + sized(second)})
    put("an optional option", "OK", {OPTIONS: sized(items((0x8000, b"x")))})
    put("the widest window", "OK", {WINDOW: u64(1 << 24)})
    put("a window of one", "OK", {WINDOW: u64(1)})
    put("strength 128", "OK", {STRENGTH: u16(128)})
    put("strength 256", "OK", {STRENGTH: u16(256)})
    put("every algorithm", "OK", {IDS: u32(8), ID: b"".join(u16(i) for i in range(1, 9))})
    put("format version 2", "UNSUPPORTED", {VERSION: u16(2)})
    put("rules version 0", "UNSUPPORTED", {RULES: u16(0)})
    put("hash 3", "UNSUPPORTED", {ALG: b"\3"})
    put("centralized", "OK", {MODE: b"\2"})
    put("trust mode 0", "UNSUPPORTED", {MODE: b"\0"})
    put("trust mode 3", "UNSUPPORTED", {MODE: b"\3"})
    long_name = b"/" + b"/".join([b"a" * 204] * 5)
    put("the longest name", "OK", {NAME_SIZE: u32(1024), CHAIN_NAME: long_name[:1024]})
    put("name over its limit", "TOO_BIG",
        {NAME_SIZE: u32(1025), CHAIN_NAME: long_name[:1024] + b"a"})
    for name, result in ((b"", "MALFORMED"), (b"/", "MALFORMED"), (b"notes", "MALFORMED"),
                         (b"/a//b", "MALFORMED"), (b"/a/..", "MALFORMED"), (b"/a,b", "MALFORMED"),
                         (b"/" + b"a" * 256, "TOO_BIG"), (b"/a" * 33, "TOO_BIG")):
        put(f"name {name[:8].decode()}... of {len(name)} bytes", result,
            {NAME_SIZE: u32(len(name)), CHAIN_NAME: name})
    put("no root key", "MALFORMED", {KEYS: u32(0), KEY_SIZE: b"", KEY: b""})
    put("root keys descend", "MALFORMED",
        {KEYS: u32(2), KEY_SIZE: sized(second), KEY: sized(ROOT_KEY)})
    put("a root key twice", "MALFORMED", {KEYS: u32(2), KEY: ROOT_KEY + sized(ROOT_KEY)})
    put("more root keys than there are", "MALFORMED", {KEYS: u32(64)})
    put("root keys over their limit", "TOO_BIG", {KEYS: u32(65)})
    put("root key too short", "MALFORMED", {KEY_SIZE: u32(37), KEY: ROOT_KEY[:37]})
    put("root key over its limit", "TOO_BIG", {KEY_SIZE: u32(8193), KEY: bytes(8193)})
    put("a log key", "OK", {LOG: u32(1) + sized(ROOT_KEY)})
    put("two log keys and a compactor key", "OK",
        {LOG: u32(2) + sized(ROOT_KEY) + sized(third), COMPACTOR: u32(1) + sized(ROOT_KEY)})
    put("log keys over their limit", "TOO_BIG", {LOG: u32(65)})
    put("more compactor keys than there are", "MALFORMED", {COMPACTOR: u32(2) + sized(ROOT_KEY)})
    put("log keys descend", "MALFORMED", {LOG: u32(2) + sized(third) + sized(ROOT_KEY)})
    put("a compactor key", "OK", {COMPACTOR: u32(1) + sized(ROOT_KEY)})
    put("window 0", "MALFORMED", {WINDOW: u64(0)})
    put("window over its limit", "TOO_BIG", {WINDOW: u64((1 << 24) + 1)})
    put("no algorithm", "MALFORMED", {IDS: u32(0), ID: b""})
    put("algorithm of later", "UNSUPPORTED", {IDS: u32(2), ID: u16(1) + u16(0xffff)})
    put("algorithms descend", "MALFORMED", {IDS: u32(2), ID: u16(1) + u16(0)})
    put("an algorithm twice", "MALFORMED", {IDS: u32(2), ID: u16(1) + u16(1)})
    put("algorithms over their limit", "TOO_BIG", {IDS: u32(17), ID: u16(1) * 17})
    put("strength 0", "MALFORMED", {STRENGTH: u16(0)})
    put("a critical option", "UNSUPPORTED", {OPTIONS: sized(items((3, b"")))})
    put("an archive for ever", "OK", {OPTIONS: sized(items((WORM, u64(0))))})
    put("an archive of seven years", "OK",
        {OPTIONS: sized(items((WORM, u64(7 * 365 * 86400 * 10**6)), (0x8000, b"x")))})
    put("retention of seven bytes", "MALFORMED", {OPTIONS: sized(items((WORM, bytes(7))))})
    put("retention of nine bytes", "MALFORMED", {OPTIONS: sized(items((WORM, bytes(9))))})
    put("compression", "OK", {OPTIONS: sized(items((COMPRESSION, b"\1")))})
    put("an archive that compresses", "OK",
        {OPTIONS: sized(items((WORM, u64(0)), (COMPRESSION, b"\1")))})
    put("compression before the archive", "MALFORMED",
        {OPTIONS: sized(items((COMPRESSION, b"\1")) + items((WORM, u64(0))))})
    put("compression twice", "MALFORMED",
        {OPTIONS: sized(items((COMPRESSION, b"\1")) * 2)})
    put("compression by none", "UNSUPPORTED", {OPTIONS: sized(items((COMPRESSION, b"\0")))})
    put("compression of later", "UNSUPPORTED", {OPTIONS: sized(items((COMPRESSION, b"\2")))})
    put("no compression", "MALFORMED", {OPTIONS: sized(items((COMPRESSION, b"")))})
    put("compression of two bytes", "MALFORMED",
        {OPTIONS: sized(items((COMPRESSION, b"\1\1")))})
    put("options descend", "MALFORMED",
        {OPTIONS: sized(items((0x8001, b"")) + items((0x8000, b"")))})
    put("options over their limit", "TOO_BIG", {OPTIONS: u32((64 << 10) + 1)})
    put("bytes behind the options", "MALFORMED", {OPTIONS: u32(0) + b"\0"})
    f.record("nothing", "MALFORMED", ("genesis", b""))
    for size in (1, 6, 9, 40, 80, 120, len(good) - 1):
        f.record(f"the first {size} bytes", "MALFORMED", ("genesis", good[:size]))
    f.write()


def write_transactions():
    f = File("transaction.txt", FORM + """
event_hash: of each event, in order. leaf: sequence, root time, leaf hash.
message: what each signature signs, in order.""")

    def good(name, alg, b, section, hashes, signatures):
        # What precedes the section, apart from the events, is of known sizes.
        data, at = b.data, 105 + 4
        count = int.from_bytes(data[105:109], "little")
        for _ in range(count):
            at += {1: 49, 2: 17, 3: 33}[data[at]]
        fields = [data[1:33], data[33:49], data[49:57], data[57:65], data[65:97], data[97:105]]
        tx_hash = H(alg, "ate tx 1", *fields, data[105:at], u32(len(hashes)) + b"".join(hashes))
        pairs = [("hash", {1: "sha256", 2: "sha3-256"}[alg]), ("transaction", data),
                 ("tx_hash", tx_hash)]
        pairs += [("event_hash", one) for one in hashes]
        pairs.append(("leaf", f"5 {TIME + 1} {leaf(alg, tx_hash, section, 5, TIME + 1).hex()}"))
        pairs += [("message", message(alg, tx_hash, *one)) for one in signatures]
        f.record(name, "OK", *pairs)

    path = [count_from(0x20, 32), count_from(0x30, 32)]
    root = (fingerprint(ROOT_KEY), 1, 0, [])
    both = sorted([root, (fingerprint(READER_KEY), 3, 1, path)])
    for alg, name in ((SHA256, ""), (SHA3_256, " with SHA3-256")):
        good("genesis" + name, alg, *genesis_transaction(alg), [root])
        good("all forms" + name, alg, *full_transaction(alg), both)
    unsigned = b"\1" + u32(0)
    for name, (event, hashed) in (("body event", body_event()), ("tombstone", tombstone()),
                                  ("snapshot", snapshot())):
        b = Bytes()
        head(b, H(SHA256, "ate genesis 1", genesis_body().data), 2, 1, count_from(0x80, 32))
        b.add(u32(0) + u32(1) + event.data + unsigned, "")
        good(name, SHA256, b, unsigned, [hashed], [])
    attested = b"\2" + u32(2) + b"".join(sorted([fingerprint(ROOT_KEY), fingerprint(READER_KEY)]))
    event, hashed = body_event()
    b = Bytes()
    head(b, H(SHA256, "ate genesis 1", genesis_body().data), 2, 1, count_from(0x80, 32))
    b.add(u32(0) + u32(1) + event.data + attested, "")
    good("attested", SHA256, b, attested, [hashed], [])

    fixed = full_transaction()[0].data[:105]
    event = body_event()[0].data
    gone = b"\0" + bytes(32)
    none, one = u32(0), u32(1)

    def bad(name, result, *parts):
        f.record(name, result, ("hash", "sha256"), ("transaction", b"".join(parts)))

    bad("nothing", "MALFORMED")
    bad("version 2", "UNSUPPORTED", b"\2", fixed[1:], none, one, event, unsigned)
    bad("half a head", "MALFORMED", fixed[:60])
    bad("no event", "MALFORMED", fixed, none, none, unsigned)
    bad("events over their limit", "TOO_BIG", fixed, none, u32(16385), gone, unsigned)
    bad("more events than there are", "MALFORMED", fixed, none, u32(2), event, unsigned)
    bad("no signature section", "MALFORMED", fixed, none, one, event)
    bad("form 5", "MALFORMED", fixed, none, one, b"\5", bytes(32), unsigned)
    bad("header over its limit", "TOO_BIG", fixed, none, one, b"\1", u32((6 << 20) + 1), bytes(8))
    bad("payload over its limit", "TOO_BIG", fixed, none, one, b"\2", sized(body_header().data),
        SALT, u32((4 << 20) + (64 << 10) + 21), unsigned)
    bad("stripped clear payload over its limit", "TOO_BIG", fixed, none, one, b"\4",
        sized(body_header().data), u64((4 << 20) + 1), bytes(32), unsigned)
    bad("stripped private payload over its limit", "TOO_BIG", fixed, none, one, b"\4",
        sized(private_header().data), u64((4 << 20) + (64 << 10) + 21), bytes(32), unsigned)
    bad("open body in form CIPHER", "MALFORMED", fixed, none, one, b"\3",
        sized(body_header().data), sized(PAYLOAD), unsigned)
    bad("private body in form BARE", "MALFORMED", fixed, none, one, b"\1",
        sized(private_header().data), unsigned)
    bad("private body in form CLEAR", "MALFORMED", fixed, none, one, b"\2",
        sized(private_header().data), SALT, sized(PAYLOAD), unsigned)
    bad("tombstone in form CLEAR", "MALFORMED", fixed, none, one, b"\2",
        tombstone()[0].data[1:], SALT, sized(b""), unsigned)
    bad("tombstone in form STRIPPED", "MALFORMED", fixed, none, one, b"\4",
        tombstone()[0].data[1:], u64(0), bytes(32), unsigned)
    control = items((OBJECT, OBJECT_ID), (AUTH, bytes(4)))
    bad("control event in form CIPHER", "MALFORMED", fixed, none, one, b"\3", sized(control),
        sized(PAYLOAD), unsigned)
    bad("chain event in form STRIPPED", "MALFORMED", fixed, none, one, b"\4",
        sized(items((GENESIS, b"g"))), u64(0), bytes(32), unsigned)
    bad("snapshot in form STRIPPED", "MALFORMED", fixed, none, one, b"\4",
        snapshot()[0].data[1:], u64(0), bytes(32), unsigned)
    bad("bad header in the second event", "MALFORMED", fixed, none, u32(2), event, b"\1",
        sized(items((OBJECT, OBJECT_ID))), unsigned)
    absent, free = b"\2" + OBJECT_ID, b"\3" + OBJECT_ID + bytes(16)
    bad("precondition 0", "MALFORMED", fixed, one, b"\0" + OBJECT_ID, one, event, unsigned)
    bad("precondition 4", "MALFORMED", fixed, one, b"\4" + OBJECT_ID, one, event, unsigned)
    bad("preconditions descend", "MALFORMED", fixed, u32(2), free, absent, one, event, unsigned)
    bad("a precondition twice", "MALFORMED", fixed, u32(2), absent, absent, one, event, unsigned)
    bad("preconditions over their limit", "TOO_BIG", fixed, u32(65537), absent, one, event)
    bad("more preconditions than there are", "MALFORMED", fixed, u32(60000), absent, one, event)
    sign = lambda key, size, index, path, data: (
        fingerprint(key) + u32(size) + u32(index) + u32(len(path)) + b"".join(path) + sized(data))
    section = lambda *parts: b"\1" + u32(len(parts)) + b"".join(parts)
    first, last = sorted([ROOT_KEY, READER_KEY], key=fingerprint)
    put = lambda name, result, data: bad(name, result, fixed, none, one, event, data)
    put("section of kind 0", "UNSUPPORTED", b"\0" + none)
    put("section of kind 3", "UNSUPPORTED", b"\3" + none)
    put("attested by nobody", "MALFORMED", b"\2" + none)
    put("attested fingerprints descend", "MALFORMED",
        b"\2" + u32(2) + fingerprint(last) + fingerprint(first))
    put("attested fingerprints twice", "MALFORMED", b"\2" + u32(2) + bytes(64))
    put("attested fingerprints over their limit", "TOO_BIG", b"\2" + u32(17) + bytes(17 * 32))
    put("bytes behind attested fingerprints", "MALFORMED", b"\2" + one + bytes(33))
    put("half of the attested fingerprints", "MALFORMED", b"\2" + u32(2) + bytes(63))
    put("signatures descend", "MALFORMED",
        section(sign(last, 1, 0, [], b"s"), sign(first, 1, 0, [], b"s")))
    put("a key signs twice", "MALFORMED",
        section(sign(first, 1, 0, [], b"s"), sign(first, 1, 0, [], b"t")))
    put("signatures over their limit", "TOO_BIG", b"\1" + u32(17) + bytes(17 * 49))
    put("batch of none", "MALFORMED", section(sign(first, 0, 0, [], b"s")))
    put("index behind the batch", "MALFORMED", section(sign(first, 2, 2, path[:1], b"s")))
    put("path too short", "MALFORMED", section(sign(first, 3, 1, path[:1], b"s")))
    put("path too long", "MALFORMED", section(sign(first, 3, 2, path, b"s")))
    put("path over its limit", "TOO_BIG", section(sign(first, 1 << 21, 0, path[:1] * 21, b"s")))
    put("empty signature", "MALFORMED", section(sign(first, 1, 0, [], b"")))
    put("signature over its limit", "TOO_BIG", section(sign(first, 1, 0, [], bytes(8193))))
    put("bytes behind the signatures", "MALFORMED", section(sign(first, 1, 0, [], b"s")) + b"\0")
    f.write()


def write_seeds():
    corpus = HERE.parent.parent / "fuzz" / "corpus"
    for name, key, target in (("header.txt", "header", "header_decode"),
                              ("private_items.txt", "private_items", "private_items"),
                              ("genesis.txt", "genesis", "genesis_decode"),
                              ("transaction.txt", "transaction", "tx_decode")):
        (corpus / target).mkdir(parents=True, exist_ok=True)
        for record in records(HERE / name):
            values = dict(record)
            slug = re.sub("[^a-z0-9]+", "-", values["name"].lower()).strip("-")
            data = bytes.fromhex(values[key])
            if len(data) <= 4096:
                (corpus / target / slug).write_bytes(data)


def main(args):
    if args == ["seeds"]:
        write_seeds()
    elif args == ["write"]:
        write_headers()
        write_private_items()
        write_genesis()
        write_transactions()
    elif args == ["blocks"]:
        for name, b in (("genesis body", genesis_body()), ("genesis", genesis_transaction()[0]),
                        ("body event", body_event()[0]), ("tombstone", tombstone()[0]),
                        ("snapshot", snapshot()[0]), ("private items", private_items()),
                        ("all forms", full_transaction()[0])):
            print(f"<!-- bytes: {name} -->\n```\n{b.block()}\n```\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
