#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A second maker of what docs/format/trust.md describes, out of the standard library alone.

reference.py check     makes every record of seal.txt again and compares; status 1 if one differs
reference.py write     writes seal.txt

Keys and ids are counting bytes. AES is here as FIPS 197 has it, slow and for tests only; key wrap is
RFC 3394, GCM is SP 800-38D, XAES-256-GCM is the C2SP's.
"""
import hashlib
import hmac
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


# ---- AES-256 ----

def gf_mul(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11b if a & 0x80 else 0)
        b >>= 1
    return product


def make_sbox():
    box = []
    for value in range(256):
        inverse = next((i for i in range(256) if gf_mul(value, i) == 1), 0)
        rotated = inverse
        for shift in range(1, 5):
            rotated ^= (inverse << shift | inverse >> (8 - shift)) & 0xff
        box.append(rotated ^ 0x63)
    return box


SBOX = make_sbox()


def expand_key(key):
    words, constant = [list(key[i:i + 4]) for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = gf_mul(constant, 2)
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[-8], word)])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]


def aes(key, block):
    rounds = expand_key(key)
    state = [a ^ b for a, b in zip(block, rounds[0])]
    for number in range(1, 15):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 14:
            mixed = []
            for c in range(0, 16, 4):
                column = state[c:c + 4]
                for r in range(4):
                    mixed.append(gf_mul(column[r], 2) ^ gf_mul(column[(r + 1) % 4], 3)
                                 ^ column[(r + 2) % 4] ^ column[(r + 3) % 4])
            state = mixed
        state = [a ^ b for a, b in zip(state, rounds[number])]
    return bytes(state)


# ---- modes ----

def wrap(key, data):
    """RFC 3394, 2.2.1."""
    a, blocks = b"\xa6" * 8, [data[i:i + 8] for i in range(0, len(data), 8)]
    for step in range(6 * len(blocks)):
        i = step % len(blocks)
        out = aes(key, a + blocks[i])
        a = (int.from_bytes(out[:8], "big") ^ step + 1).to_bytes(8, "big")
        blocks[i] = out[8:]
    return a + b"".join(blocks)


def ghash(h, data):
    total = 0
    for at in range(0, len(data), 16):
        total ^= int.from_bytes(data[at:at + 16], "big")
        product, v = 0, h
        for bit in range(127, -1, -1):
            if total >> bit & 1:
                product ^= v
            v = v >> 1 ^ (0xe1 << 120 if v & 1 else 0)
        total = product
    return total


def gcm(key, nonce, aad, plain):
    def padded(data):
        return data + bytes(-len(data) % 16)
    counter, stream = 2, b""
    while len(stream) < len(plain):
        stream += aes(key, nonce + counter.to_bytes(4, "big"))
        counter += 1
    cipher = bytes(a ^ b for a, b in zip(plain, stream))
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(cipher)).to_bytes(8, "big")
    tag = ghash(int.from_bytes(aes(key, bytes(16)), "big"), padded(aad) + padded(cipher) + lengths)
    tag ^= int.from_bytes(aes(key, nonce + b"\0\0\0\1"), "big")
    return cipher + tag.to_bytes(16, "big")


def xaes(key, nonce, aad, plain):
    """C2SP XAES-256-GCM."""
    first = int.from_bytes(aes(key, bytes(16)), "big")
    k1 = (first << 1 & (1 << 128) - 1) ^ (0x87 if first >> 127 else 0)
    derived = b""
    for number in (1, 2):
        message = bytes([0, number, ord("X"), 0]) + nonce[:12]
        derived += aes(key, (int.from_bytes(message, "big") ^ k1).to_bytes(16, "big"))
    return gcm(derived, nonce[12:], aad, plain)


# ---- frames ----

def u32(value):
    return value.to_bytes(4, "little")


def u64(value):
    return value.to_bytes(8, "little")


def frame(label, *fields):
    out = bytes([len(label)]) + label.encode()
    for field in fields:
        out += u64(len(field)) + field
    return out


def H(hash_name, label, *fields):
    return hashlib.new(hash_name, frame(label, *fields)).digest()


def kdf(key, label, *fields):
    """HKDF-Expand of 32 bytes is one block."""
    return hmac.new(key, frame(label, *fields) + b"\1", "sha256").digest()


# ---- the records ----

def count_from(first, size):
    return bytes((first + i) & 0xff for i in range(size))


CHAIN, D, BELOW = count_from(0x10, 32), count_from(0xd0, 32), count_from(0xb0, 32)
SCOPE, OBJECT, PARENT = count_from(0x50, 16), count_from(0x60, 16), count_from(0x70, 16)
READ_KEY, NAME_KEY = count_from(0x30, 32), count_from(0x90, 32)
FINGERPRINT = count_from(0xf0, 32)
VERSION, NONCE = count_from(0x01, 16), count_from(0x21, 24)
EPOCH, COLLECTION = 3, 7


def data_key_id(key):
    return kdf(key, "ate id 1", CHAIN)


def seal_records():
    identity, enc = data_key_id(D), kdf(D, "ate enc 1", CHAIN)
    yield [("name", "data key"), ("chain id", CHAIN), ("D", D), ("encryption key", enc),
           ("data key id", identity), ("seal seed", kdf(D, "ate seal 1", CHAIN))]
    yield [("name", "sealed to a reader"), ("scope", SCOPE), ("epoch", u64(EPOCH)),
           ("fingerprint", FINGERPRINT),
           ("info", frame("ate seal 1", CHAIN, SCOPE, u64(EPOCH))),
           ("aad", frame("ate seal 1", FINGERPRINT, identity))]
    wrapping = kdf(READ_KEY, "ate wrap 1", CHAIN, SCOPE, u64(EPOCH), identity)
    yield [("name", "wrapped by a read key"), ("read key", READ_KEY), ("wrapping key", wrapping),
           ("wrapped", wrap(wrapping, D))]
    wrapping = kdf(D, "ate link 1", CHAIN, SCOPE, u64(EPOCH))
    yield [("name", "LINK"), ("D below", BELOW), ("id below", data_key_id(BELOW)),
           ("wrapping key", wrapping), ("link", wrap(wrapping, BELOW))]
    wrapping = kdf(D, "ate name key 1", CHAIN, OBJECT, identity)
    yield [("name", "NAMEKEY"), ("object", OBJECT), ("name key", NAME_KEY),
           ("wrapping key", wrapping), ("wrapped", wrap(wrapping, NAME_KEY))]
    yield from body_records(identity, enc)
    yield from name_records()


def body_records(identity, enc):
    payload = b"payload"
    plain = u32(0) + payload
    for name, hash_name, kind in (("body", "sha256", b""), ("body, SHA3-256", "sha3_256", b""),
                                  ("body, TYPE in clear", "sha256", b"note")):
        aad = H(hash_name, "ate aad 1", CHAIN, OBJECT, kind, PARENT, u32(COLLECTION), u64(EPOCH),
                identity, VERSION)
        yield [("name", name), ("object", OBJECT), ("type", kind), ("parent", PARENT),
               ("collection", u32(COLLECTION)), ("epoch", u64(EPOCH)), ("version id", VERSION),
               ("nonce", NONCE), ("aad", aad), ("plaintext", plain),
               ("ciphertext", xaes(enc, NONCE, aad, plain))]


def name_records():
    for name in (b"notes", bytes([0xff] * 255)):
        tags = frame("ate open name 1", PARENT, name)
        member = frame("ate collection name 1", PARENT, u32(COLLECTION), name)
        yield [("name", "name tags of " + (name.decode("latin1") if name[0] < 0x80 else "255 bytes")),
               ("parent", PARENT), ("object name", name),
               ("open", hashlib.sha256(tags).digest()[:16]),
               ("open, SHA3-256", hashlib.sha3_256(tags).digest()[:16]),
               ("open, in a collection", hashlib.sha256(member).digest()[:16]),
               ("private, in a collection", hmac.new(NAME_KEY, member, "sha256").digest()[:16]),
               ("private", hmac.new(NAME_KEY, tags, "sha256").digest()[:16])]


def text_of(records):
    out = ["# SPDX-License-Identifier: MIT OR Apache-2.0",
           "# Written by reference.py. docs/format/trust.md says what the fields are."]
    for record in records:
        out.append("")
        out += [f"{key}: {value if isinstance(value, str) else value.hex()}"
                for key, value in record]
    return "\n".join(out) + "\n"


def self_test():
    """Published values: FIPS 197 C.3, RFC 3394 4.6, SP 800-38D through XAES-256-GCM's own."""
    key = count_from(0, 32)
    good = aes(key, bytes.fromhex("00112233445566778899aabbccddeeff")).hex()
    assert good == "8ea2b7ca516745bfeafc49904b496089"
    good = wrap(key, bytes.fromhex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"))
    assert good.hex() == "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"
    good = xaes(b"\1" * 32, b"ABCDEFGHIJKLMNOPQRSTUVWX", b"", b"XAES-256-GCM")
    assert good.hex() == "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"


def main(args):
    self_test()
    text = text_of(seal_records())
    if args == ["write"]:
        (HERE / "seal.txt").write_text(text)
    elif (HERE / "seal.txt").read_text() != text:
        print("seal.txt is not what reference.py makes")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
