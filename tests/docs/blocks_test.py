#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""blocks.py itself: what it lets pass, and what it does not."""
import pathlib
import sys
import tempfile

import blocks


def outcome(text, name="page.md"):
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / name
        page.write_text(text)
        try:
            return blocks.run_page("/bin", page)
        except blocks.Failed as failure:
            return str(failure)


def fence(text):
    return f"words\n\n```console\n{text}```\n\n```\n$ not run\n```\n"


GOOD = [
    ("$ echo a\na\n", 1),
    ("$ true\n$ echo x\nx\n", 2),
    ("$ echo a b c\na ... c\n", 1),
    ("$ seq 5\n1\n...\n5\n", 1),
    ("$ seq 5\n...\n", 1),
    ("$ echo a \\\n> b\na b\n", 1),
    ("$ printf x\nx\n", 1),
    ("$ false\n$ echo $?\n1\n", 2),
    ("$ x=3\n$ echo $x\n3\n", 2),
    ("$ sleep 100 &\n$ kill $!\n", 2),
    ("$ cat\n", 1),
    ("$ echo 'ate: no' >&2; false\nate: no\n", 1),
    ("$ cat <<E\n> text\n> E\ntext\n", 1),
    ("$ echo; echo a\n\na\n", 1),
    ("$ pwd\n.../home/work\n", 1),
]
BAD = [
    "$ echo a\nb\n", "$ echo a\n", "$ true\na\n", "$ false\n", "$ echo ab\na\n",
    "$ seq 3\n1\n3\n", "a\n", "$ echo 'a.b'\na.c\n", "$ exit 0\n",
    "", "$ echo 'ate: no'; sh -c 'kill -9 $$'\nate: no\n",
]


def main():
    wrong = [text for text, count in GOOD if outcome(fence(text)) != count]
    wrong += [text for text in BAD if isinstance(outcome(fence(text)), int)]
    if outcome(".Bd -literal -offset indent\n$ echo 'a\\eb'\na\\eb\n.Ed\n.Bd -literal\nno\n.Ed\n",
               "page.1") != 1:
        wrong.append("a manual page")
    for text in wrong:
        print(f"wrong: {text!r}: {outcome(fence(text))}")
    print(f"{len(GOOD) + len(BAD) + 1} cases, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
