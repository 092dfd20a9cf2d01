#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Do tools/layers.py, tools/tidy.py and tools/links.py see what they are there for? Each case
plants one violation in a small clean tree and expects the sentence; the clean tree must pass."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPDX = "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n"
HEADER = SPDX + "#pragma once\n"


class Planted(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.put("src/meson.build", (ROOT / "src/meson.build").read_text())
        self.put("src/base/meson.build",
                 "# SPDX-License-Identifier: MIT OR Apache-2.0\nx = files('buf.c')\n")
        self.put("src/base/buf.h", HEADER + "int ate__buf(void);\n")
        self.put("src/base/buf.c", SPDX + '#include "base/buf.h"\n')
        self.put("tests/unit/base/meson.build",
                 "# SPDX-License-Identifier: MIT OR Apache-2.0\nunit_tests += ['base/buf']\n")
        self.put("tests/unit/base/buf_test.c", SPDX)

    def tearDown(self):
        self.folder.cleanup()

    def put(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def run_tool(self, tool):
        return subprocess.run([sys.executable, ROOT / "tools" / tool, self.root], text=True,
                              stdout=subprocess.PIPE, check=False)

    def expect(self, tool, path, text, sentence):
        self.put(path, text)
        done = self.run_tool(tool)
        lines = [line for line in done.stdout.split("\n") if line.startswith(path + ":")]
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertTrue(any(sentence in line for line in lines), done.stdout)

    def test_clean(self):
        for tool in ("layers.py", "tidy.py", "links.py"):
            done = self.run_tool(tool)
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_layers(self):
        cases = [
            ("src/base/x.c", '#include "crypto/aead.h"', "base may not include"),
            ("src/redo/x.c", '#include "trust/tree.h"', "redo may not include"),
            ("src/dio/x.c", '#include "net/link.h"', "dio may not include"),
            ("src/mesh/x.c", '#include "dio/txn.h"', "mesh may not include"),
            ("src/base/x.c", '#include "buf.h"', "does not start with the folder"),
            ("src/event/x.c", "#include <openssl/evp.h>", "confined"),
            ("src/net/conn.c", "#include <uv.h>", "confined"),
            ("src/dio/txn.c", "#include <msgpack.h>", "confined"),
            ("src/chain/step.c", "#include <urcu-bp.h>", "confined"),
            ("src/api/x.c", "#include <jansson.h>", "confined"),
            ("src/redo/x.c", "#include <fcntl.h>", "touches the system"),
            ("src/chain/x.c", "#include <time.h>", "touches the system"),
            ("src/redo/x.c", "int f(void)\n{\n    return fsync(3);\n}", "fsync() in redo"),
            ("include/ate/x.h", '#include "base/buf.h"', "a public header"),
            ("src/elsewhere/x.c", "", "not a layer"),
        ]
        for path, text, sentence in cases:
            with self.subTest(path=path, text=text):
                self.expect("layers.py", path, SPDX + text + "\n", sentence)
                (self.root / path).unlink()

    def test_layers_allows(self):
        self.put("src/net/tcp_uv.c", SPDX + "#include <uv.h>\n#include <unistd.h>\n")
        self.put("src/crypto/x.c", SPDX + '#include "base/buf.h"\n#include <openssl/evp.h>\n')
        self.put("src/mesh/x.c", SPDX + '/* #include "dio/txn.h" */\n'
                 "int f(struct v *v)\n{\n    return v->fsync(v);\n}\n")
        self.put("include/ate/x.h", HEADER + '#include "ate/y.h"\n#include <stdint.h>\n')
        done = self.run_tool("layers.py")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_tidy(self):
        long_function = "int f(void)\n{\n" + "    f();\n" * 70 + "}\n"
        cases = [
            ("tests/lib/x.c", SPDX + "/* " + "y" * 100 + " */\n", "columns"),
            ("tests/lib/x.c", SPDX + long_function, "f() has 72 lines"),
            ("tests/lib/x.c", SPDX + "int x;\n" * 801, "802 lines"),
            ("tests/lib/x.c", "int x;\n", "no SPDX"),
            ("tests/lib/x.c", SPDX + "\tint x;\n", "a tab"),
            ("tests/lib/x.c", SPDX + "int x; \n", "blanks"),
            ("tests/lib/x.c", SPDX + "int x;", "no newline"),
            ("tests/lib/x.c", SPDX + "/* " + "TO" "DO" + " */\n", "leftover"),
            ("tests/lib/x.c", SPDX + "/* as " + "TRUS" + "T 4 has it */\n", "is no section"),
            ("tests/lib/x.c", SPDX + "// x\n", "// comment"),
            ("tests/lib/x.c", SPDX + "typedef struct x x;\n", "typedef"),
            ("tests/lib/x.c", SPDX + "int f(char *a)\n{\n    strcpy(a, a);\n}\n", "strcpy()"),
            ("src/base/x.c", SPDX + "void f(void *a)\n{\n    free(a);\n}\n", "free()"),
            ("src/base/x.c", SPDX + "int f(void)\n{\n#ifdef X\n#endif\n}\n", "an #if inside"),
            ("src/base/x.c", SPDX, "a dead file"),
            ("src/base/x.c", SPDX, "no tests/unit/base/x_test.c"),
            ("src/base/x.h", SPDX, "no #pragma once"),
            ("src/base/x.h", HEADER, "no file includes it"),
            ("tools/x.py", "x = 1\n", "no SPDX"),
        ]
        for path, text, sentence in cases:
            with self.subTest(path=path, sentence=sentence):
                self.expect("tidy.py", path, text, sentence)
                (self.root / path).unlink()

    def test_links(self):
        self.put("Makefile", "all:\n")
        self.put("docs/a.md", "# A page\n\n## 1. First `part`\n\n## Second\n")
        cases = [
            ("docs/b.md", "[x](c.md)", "leads nowhere"),
            ("docs/b.md", "[x](a.md#third)", "no such section"),
            ("docs/b.md", "[x](#third)", "no such section"),
            ("docs/b.md", "`src/base/none.c`", "no such file"),
            ("docs/b.md", "`base/none.h`", "no such file"),
            ("docs/b.md", "`none_test.c`", "no such file"),
            ("docs/b.md", "`ate_none()`", "not in include/ate"),
            ("docs/b.md", "`conf.none`", "no such field"),
            ("docs/b.md", "`ATE_E_NONE`", "in no source"),
            ("docs/b.md", "`make none`", "no goal"),
            ("docs/b.md", "    make none\n", "no goal"),
            ("docs/b.md", "--suite none", "no suite"),
            ("docs/THREATS.md", "`test_none`", "no such test"),
            ("docs/THREATS.md", "T\n\n## A\n\n*Promise.* None.\n", "a promise without a test"),
            ("docs/THREATS.md", "T\n\n## A\n\n`a_test` (`unit/base/buf_test.c`)", "named next"),
            ("docs/THREATS.md", "T\n\n## A\n\n| tried | shown by |\n|---|---|\n| x | `a-b` |\n",
             "no such attack"),
            ("docs/THREATS.md", "T\n\n## A\n\n| tried | shown by |\n|---|---|\n| x | y |\n",
             "names no attack and no test"),
            ("docs/THREATS.md", "| **a.c** | *A.* | |\n| `a-b` | x | `c` |\n",
             "no such attack in tests/attack/a.c"),
            ("tests/attack/a.c", 'const struct attack attacks_a[] = {{"a-b", a_b}};\n',
             "not in docs/THREATS.md, below a.c"),
            ("docs/ARCHITECTURE.md", "base", "says nothing of tests/unit"),
            ("docs/TESTING.md", "## Fuzz targets\n\n| `none` |\n", "not in both"),
            ("docs/man/a.1", ".Xr none 1\n", "no such page"),
            ("src/base/x.h", "/* (docs/NONE.md) */\n", "no such file"),
        ]
        for path, text, sentence in cases:
            with self.subTest(path=path, text=text):
                self.expect("links.py", path, text, sentence)
                (self.root / path).unlink()

    def test_links_allows(self):
        self.put("docs/STYLE.md", "# S\n\n## 1. First\n\n## The second\n")
        self.put("docs/b.md", "[x](STYLE.md#the-second) `base/buf.h` `src/L/m.c` `a/b`\n"
                 "`buf_test.c` [y](https://example.com/none) [z](#t) \n# T\n")
        self.put("src/base/x.h", '/* docs/STYLE.md, 1 and\n * docs/STYLE.md, "The\n * second" */\n')
        done = self.run_tool("links.py")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.expect("links.py", "src/base/x.h", "/* docs/STYLE.md, 2 */\n", "no section 2")

    def test_tidy_ignores_comments_and_strings(self):
        self.put("src/base/buf.c", SPDX + '#include "base/buf.h"\n/* strcpy(a, b) */\n'
                 'const char *x = "free(a) // http://";\n')
        done = self.run_tool("tidy.py")
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
