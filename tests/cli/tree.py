# SPDX-License-Identifier: MIT OR Apache-2.0
"""Trees of files: making them, and saying all of one that is to come back."""
import hashlib
import os
import random
import shutil
import stat

from world import PROGRAMS, refuse_privilege

MIB = 1 << 20


def write(path, content=b"", mode=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)
    if mode is not None:
        os.chmod(path, mode)


def noise(seed, size):
    """The same bytes for the same seed."""
    return random.Random(seed).randbytes(size)


def tree(top, owners=True):
    """What is below top, and itself: path -> all that is to come back of it. A file's identity is
    the least of its names."""
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


def differences(a, b):
    return {path: (a.get(path), b.get(path)) for path in sorted({*a, *b})
            if a.get(path) != b.get(path)}


def same(a, b):
    assert a == b, differences(a, b)


# ---- who may not do everything ----

def ordinary(w):
    """The number of a user that is not root and may run the programs in this world; None: we."""
    user = refuse_privilege()
    if user is None:
        return None
    os.chmod(w.dir, 0o755)
    os.chown(w.home, user, user)
    folder = w.path("programs")
    folder.mkdir()
    shutil.copy(PROGRAMS / "ate", folder)  # it may lie where that user may not look
    w.env["PATH"] = f"{folder}:{w.env['PATH']}"
    return user


def give(path, user):
    """Gives the tree to that user."""
    if user is None:
        return
    for folder, folders, files in os.walk(path):
        os.chown(folder, user, user)
        for name in files + folders:
            os.lchown(os.path.join(folder, name), user, user)
