#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checks checkpoints and proofs (docs/format/proof.md) without a line of the library.

verify.py KEYS FILE...   exit status 1 and a sentence at the first that does not hold
verify.py --examples     the files beside this one, what is changed in them, and the page's values

Ed25519 is RFC 8032 in Python's integers; ML-DSA-44 is left to an openssl program of 3.5 or later
($OPENSSL, that of the library's build, or the system's), and passed over where there is none, which
is said.
"""
import base64
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
DASH = "\u2014 "
ED25519, MLDSA44 = 1, 6


class Bad(Exception):
    pass


def need(truth, sentence):
    if not truth:
        raise Bad(sentence)


# --- Ed25519, RFC 8032, section 5.1 ---

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def x_of(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def add(a, b):
    """Points as (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * D * a[3] * b[3] % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def of_xy(x, y):
    return x, y, 1, x * y % P


BASE = of_xy(x_of(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)


def point_of(text):
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = x_of(y, sign) if y < P else None
    return None if x is None else of_xy(x, y)


def ed25519_holds(key, message, signature):
    if len(signature) != 64:
        return False
    a, r, s = point_of(key), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if not a or not r or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(times(s, BASE), add(r, times(k, a)))


# --- ML-DSA-44, by the openssl program ---

SPKI = bytes.fromhex("30820532300b06096086480165030403110382052100")


def openssl():
    """A program that knows ML-DSA-44; None: there is none."""
    deps = os.environ.get("ATE_DEPS", os.path.expanduser("~/.cache/ate-deps"))
    for program in (os.environ.get("OPENSSL"), f"{deps}/openssl/bin/openssl", "openssl"):
        try:
            run = subprocess.run([program, "list", "-signature-algorithms"], capture_output=True)
        except (OSError, TypeError):
            continue
        if b"ML-DSA-44" in run.stdout:
            return program
    return None


OPENSSL = openssl()


def mldsa44_holds(key, message, signature):
    if len(signature) != 2420:
        return False
    if not OPENSSL:
        return True
    with tempfile.TemporaryDirectory() as folder:
        names = {n: os.path.join(folder, n) for n in ("key", "message", "signature")}
        for name, data in (("key", SPKI + key), ("message", message), ("signature", signature)):
            pathlib.Path(names[name]).write_bytes(data)
        return subprocess.run(
            [OPENSSL, "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", names["key"],
             "-rawin", "-in", names["message"], "-sigfile", names["signature"]],
            capture_output=True).returncode == 0


# --- notes ---

def bytes_of(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 is not in its one form")
    return data


def lines_of(text):
    """Lines end with a newline and nothing else, which is more than splitlines() knows."""
    rows = text.split("\n")
    return rows if rows[-1] else rows[:-1]


def number_of(text):
    need(text.isascii() and text.isdigit() and str(int(text)) == text, f"no number: {text}")
    return int(text)


def keys_of(text):
    """{(name, key id): (type, public key)} of verifier keys, a line each."""
    keys = {}
    for line in lines_of(text):
        name, key_id, rest = line.split("+", 2)
        data = bytes_of(rest)
        digest = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
        need(digest.hex() == key_id, "a key's id is that of another")
        need((data[0], len(data)) in ((ED25519, 33), (MLDSA44, 1313)), "a key of another kind")
        keys[name, digest] = data[0], data[1:]
    return keys


def sized(text):
    return bytes([len(text)]) + text


def cosigned(name, time, origin, size, root):
    return (b"subtree/v1\n\0" + sized(name.encode()) + time + sized(origin.encode()) +
            bytes(8) + size.to_bytes(8, "big") + root)


def checkpoint_of(note, keys):
    """(origin, size, root), signed by one key's both halves; or Bad."""
    need(note.count("\n\n") == 1 and note.endswith("\n"), "not a checkpoint")
    text, lines = note.split("\n\n")
    text += "\n"
    rows = lines_of(text)
    need(len(rows) == 3 and rows[0], "a checkpoint has three lines")
    origin, size, root = rows[0], number_of(rows[1]), bytes_of(rows[2])
    need(len(root) == 32, "a root hash has 32 bytes")
    held = set()
    for line in lines_of(lines):
        need(line.startswith(DASH), "not a signature line")
        name, rest = line[len(DASH):].split(" ")
        data = bytes_of(rest)
        known = keys.get((name, data[:4]))
        if not known or name != origin:
            continue
        kind, key = known
        if kind == ED25519:
            good = ed25519_holds(key, text.encode(), data[4:])
        else:
            good = mldsa44_holds(key, cosigned(name, data[4:12], origin, size, root), data[12:])
        need(good, "a signature does not hold")
        held.add(kind)
    need(held == {ED25519, MLDSA44}, "not signed by both halves of a log key")
    return origin, size, root


# --- the tree, RFC 9162, sections 2.1.3.2 and 2.1.4.2 ---

def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def check_inclusion(leaf, index, size, path, root):
    need(index < size, "the index lies outside of the tree")
    at, last, found = index, size - 1, leaf
    for step in path:
        need(last > 0, "the path is too long")
        if at & 1 or at == last:
            found = node(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, step)
        at, last = at >> 1, last >> 1
    need(last == 0 and found == root, "the path does not lead to the root hash")


def check_consistency(old, old_root, size, root, path):
    need(old <= size, "the older tree is the larger one")
    if old == size or old == 0:
        need(not path, "the path is too long")
        need(root == old_root if old == size else old_root == hashlib.sha256().digest(),
             "two roots of one size")
        return
    path = list(path) if old & (old - 1) else [old_root, *path]
    need(path, "the path is too short")
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for step in path[1:]:
        need(last > 0, "the path is too long")
        if at & 1 or at == last:
            first, second = node(step, first), node(step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node(second, step)
        at, last = at >> 1, last >> 1
    need(last == 0 and first == old_root and second == root, "the path does not lead to the roots")


# --- proofs ---

def leaf_of(extra, index):
    time, hashes = int.from_bytes(extra[1:9], "little"), extra[9:73]
    entry = b"\1" + index.to_bytes(8, "big") + time.to_bytes(8, "big") + hashes
    return hashlib.sha256(b"\0" + entry).digest()


def check(text, keys):
    """What a checkpoint or a proof says, as a dict; or Bad."""
    head = text.split("\n", 1)[0]
    if head not in ("c2sp.org/tlog-proof@v1", "ate/consistency-proof@v1"):
        origin, size, root = checkpoint_of(text, keys)
        return {"origin": origin, "size": size, "root": root}
    need("\n\n" in text, "not a proof")
    top, notes = text.split("\n\n", 1)
    rows = lines_of(top)[1:]
    need(rows and rows[0].startswith("extra "), "no line \"extra\"")
    extra, rows = bytes_of(rows[0][6:]), rows[1:]
    inclusion = head == "c2sp.org/tlog-proof@v1"
    sizes = 73 if inclusion else 1
    need(extra[:1] == b"\1" and len(extra) >= sizes + 4, "extra data of another version")
    need(int.from_bytes(extra[sizes:sizes + 4], "little") == len(extra) - sizes - 4, "extra data")
    if inclusion:
        need(rows and rows[0].startswith("index "), "no line \"index\"")
        index, rows = number_of(rows[0][6:]), rows[1:]
    path = [bytes_of(row) for row in rows]
    need(all(len(step) == 32 for step in path), "a hash has 32 bytes")
    if inclusion:
        origin, size, root = checkpoint_of(notes, keys)
        check_inclusion(leaf_of(extra, index), index, size, path, root)
        return {"origin": origin, "size": size, "root": root, "index": index,
                "time_us": int.from_bytes(extra[1:9], "little"), "tx_hash": extra[9:41]}
    parts = notes.split("\n\n")
    need(len(parts) == 4, "two checkpoints belong there")
    old = checkpoint_of(parts[0] + "\n\n" + parts[1] + "\n", keys)
    origin, size, root = checkpoint_of(parts[2] + "\n\n" + parts[3], keys)
    need(old[0] == origin, "checkpoints of two chains")
    check_consistency(old[1], old[2], size, root, path)
    return {"origin": origin, "size": size, "root": root, "old_size": old[1]}


# --- the examples ---

def refused(text, keys):
    try:
        check(text, keys)
    except (Bad, ValueError):
        return True
    return False


def examples():
    keys = keys_of((HERE / "keys").read_text())
    page = (HERE / "../../../docs/format/proof.md").resolve().read_text()
    inclusion = (HERE / "inclusion.tlog-proof").read_text()
    consistency = (HERE / "consistency.proof").read_text()
    found = check(inclusion, keys)
    need((found["index"], found["size"]) == (3, 9), "the example's numbers")
    need(found["time_us"] == 1700000000000003 and found["tx_hash"] == bytes([4] * 32), "its entry")
    extra = bytes_of(lines_of(inclusion)[1][6:])
    for value in (leaf_of(extra, 3).hex(), found["root"].hex(), *(k[1].hex() for k in keys)):
        need(f"`{value}`" in page, f"{value} is not in docs/format/proof.md")
    for line in filter(None, lines_of(inclusion)[2:11]):
        need(f"\n    {line}\n" in page, f"not in docs/format/proof.md: {line}")
    need(check(consistency, keys)["old_size"] == 3, "the example's older size")
    for text in (inclusion, consistency):
        long = [(text.index(row), text.index(row) + len(row)) for row in lines_of(text)
                if len(row) > 1000]
        for i in range(0, len(text), 61):
            if not OPENSSL and any(a <= i < b for a, b in long):
                continue
            other = text[:i] + chr(ord(text[i]) ^ 1) + text[i + 1:]
            need(refused(other, keys), f"believed with another character at {i}")
        need(refused(text, {k: v for k, v in keys.items() if v[0] == ED25519}), "one half")
    print("verified" + ("" if OPENSSL else "; ML-DSA-44 was not: no openssl of 3.5 or later"))


def main():
    if sys.argv[1:] == ["--examples"]:
        return examples()
    keys = keys_of(pathlib.Path(sys.argv[1]).read_text())
    for name in sys.argv[2:]:
        check(pathlib.Path(name).read_text(), keys)
    return None


if __name__ == "__main__":
    try:
        main()
    except (Bad, ValueError) as problem:
        sys.exit(f"verify.py: {problem}")
