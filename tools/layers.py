#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The layer rule, checked on the #include lines of src/ and include/.

1. A file includes only its own layer and those that stand below it in the table of src/meson.build,
   by a path that starts with the layer's folder; and the public headers, as "ate/x.h".
2. Third-party headers are confined to the files that are named in CONFINED.
3. From event to mesh no file makes system calls or reads a clock, so none includes a header that
   declares such calls; the drivers (*_uv.c) do.
4. Public headers include public headers and the C library's, and nothing else.

layers.py [ROOT]   prints file:line: sentence for each violation; status 1 if there is one.
"""
import fnmatch
import pathlib
import re
import sys

from ctext import blank, line_of

# Header (by pattern) and the files that may include it.
CONFINED = [
    ("openssl/*", ["src/crypto/*"]),
    ("uv.h", ["src/*/*_uv.c", "src/*/*_uv.h", "src/bin/*", "include/ate/uv.h"]),
    ("uv/*", []),
    ("msgpack*", ["src/dio/codec*.c"]),
    ("zstd*", ["src/dio/compress.c"]),
    ("urcu*", ["src/chain/rcu.h"]),
    ("sanitizer/tsan*", ["src/chain/rcu.h"]),
    ("jansson.h", ["src/bin/*"]),
    ("nats*", ["src/net/nats.c"]),
    ("fuse*", ["src/fs/fuse.c", "src/fs/mount.c"]),
    ("unbound.h", ["src/net/*_uv.c"]),
]

# What the layers from event to mesh may include of the system: types, memory, arithmetic, text and
# the threads' own tools. Everything that opens, reads, waits or asks the time is missing.
PURE = {
    "arpa/inet.h", "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h",
    "pthread.h", "semaphore.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h",
    "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h",
}
PURE_LAYERS = {"event", "redo", "trust", "net", "chain", "dio", "mesh"}
# <stdio.h> is there for snprintf alone, <arpa/inet.h> for inet_pton; the others for what computes.
IMPURE_CALLS = re.compile(
    r"\b(fopen|fdopen|freopen|fread|fwrite|fgets|fputs|fclose|fflush|printf|fprintf|vprintf|"
    r"vfprintf|puts|putchar|perror|remove|rename|tmpfile|getenv|setenv|system|time|clock|"
    r"gettimeofday|clock_gettime|getrandom|arc4random|open|openat|close|read|write|pread|pwrite|"
    r"fsync|fdatasync|ftruncate|mmap|munmap|unlink|socket|connect|send|recv|poll|usleep|nanosleep|"
    r"sleep|malloc|calloc|realloc|free|strdup)\s*\(")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def layer_table(root):
    text = (root / "src/meson.build").read_text()
    body = re.search(r"^layer_below = \{(.*?)^\}", text, re.M | re.S).group(1)
    return {name: set(re.findall(r"'(\w+)'", below))
            for name, below in re.findall(r"'(\w+)':\s*\[(.*?)\]", body, re.S)}


def confined(path, header):
    for pattern, files in CONFINED:
        if fnmatch.fnmatch(header, pattern):
            return not any(fnmatch.fnmatch(path, f) for f in files)
    return False


def check_include(layers, layer, path, quote, header):
    """The sentence that says what is wrong with this #include, or None."""
    if confined(path, header):
        return f"<{header}> is confined to other files (CONFINED in tools/layers.py)"
    if layer is None:  # a public header
        if quote == '"' and not header.startswith("ate/"):
            return f'a public header may include "ate/..." only, not "{header}"'
        if quote == "<" and "/" in header and not header.startswith(("ate/", "sys/")):
            return f"a public header may not include <{header}>"
        return None
    if header.startswith("ate/"):
        return None
    if quote == '"':
        folder = header.split("/")[0] if "/" in header else None
        if folder not in layers:
            return f'"{header}" does not start with the folder of a layer'
        if folder != layer and folder not in layers[layer]:
            return f'{layer} may not include "{header}": {folder} is not below it'
        return None
    if header.split("/")[0] in layers:
        return f'<{header}>: our own headers are included with ""'
    third_party = any(fnmatch.fnmatch(header, pattern) for pattern, _ in CONFINED)
    if layer in PURE_LAYERS and not path.endswith("_uv.c") and not third_party:
        if header not in PURE:
            return f"<{header}> in {layer}: from event to mesh only *_uv.c touches the system"
    return None


def check_file(layers, root, file):
    path = file.relative_to(root).as_posix()
    layer = path.split("/")[1] if path.startswith("src/") else None
    text = blank(file.read_text(), strings=False)
    problems = []
    if layer is not None and layer not in layers:
        return [(path, 1, f"{layer} is not a layer in src/meson.build")]
    for match in INCLUDE.finditer(text):
        sentence = check_include(layers, layer, path, match.group(1), match.group(2))
        if sentence:
            problems.append((path, line_of(text, match.start()), sentence))
    code = blank(text, strings=True)
    if layer in PURE_LAYERS and not path.endswith("_uv.c"):
        for match in IMPURE_CALLS.finditer(code):
            before = code[:match.start()].rstrip()
            if before.endswith((".", "->")) or re.search(r"\w[ *]*$", before) and not re.search(
                    r"\b(return|else|do|case)$", before):
                continue  # a member, or a declaration of that name
            line = line_of(code, match.start())
            problems.append((path, line, f"{match.group(1)}() in {layer}: use base/vfs.h, "
                             "struct ate__env or base/alloc.h"))
    return problems


def main(args):
    root = pathlib.Path(args[0] if args else ".").resolve()
    layers = layer_table(root)
    files = sorted(f for top in ("src", "include") for f in (root / top).rglob("*.[ch]"))
    problems = [p for f in files for p in check_file(layers, root, f)]
    for path, line, sentence in problems:
        print(f"{path}:{line}: {sentence}")
    print(f"layers: {len(files)} files, {len(problems)} violations")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
