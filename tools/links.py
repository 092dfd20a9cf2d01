#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the documents name is there, as a test.

links.py [ROOT]   prints file:line: sentence for each thing that is not; status 1 if there is one.

Links and their anchors, files, make goals, test suites, public names, the tests and attacks behind
docs/THREATS.md, the folders in docs/ARCHITECTURE.md, the sections that sources cite, and the fuzz
targets of docs/TESTING.md, which are all that there are and reach every decoder.
"""
import fnmatch
import itertools
import pathlib
import re
import sys

SKIPPED = ("build/", ".git/")
SOURCES = ("*.c", "*.h", "*.cpp", "*.py", "*.sh", "*.build", "Makefile", "scripts/*")
# Folders that a name in a document may begin in, as whoever reads it knows.
BEGIN_IN = ("", "src/", "tests/", "docs/")
# Written for whatever stands in their place, or made elsewhere.
STAND_INS = {"m.c", "m.h", "m_test.c", "x.c", "x_test.c", "lib/libssl.a", "lib/libcrypto.a"}
SYSTEM_PAGES = {("fork", "2"), ("systemd", "1"), ("systemd.exec", "5"), ("systemd.service", "5")}
# Functions with a decoder's name that take nothing from outside.
NO_DECODERS = {
    "ate__encoding_parse": "a word of an enum, given by a program",
}


class Tree:
    def __init__(self, root):
        self.root, self.problems, self.texts = root, [], {}
        every = (f.relative_to(root).as_posix() for f in sorted(root.rglob("*")) if f.is_file())
        self.paths = [p for p in every if not p.startswith(SKIPPED) and "/__pycache__/" not in p]
        self.folders = {q.as_posix() for p in self.paths for q in pathlib.PurePosixPath(p).parents}
        self.names = {p.split("/")[-1] for p in self.paths}

    def read(self, path):
        if path not in self.texts:
            file = self.root / path
            self.texts[path] = file.read_text(errors="replace") if file.is_file() else ""
        return self.texts[path]

    def matching(self, *patterns):
        return [p for p in self.paths if any(fnmatch.fnmatch(p, q) or
                fnmatch.fnmatch(p.split("/")[-1], q) for q in patterns)]

    def all_of(self, *patterns):
        return "\n".join(self.read(p) for p in self.matching(*patterns))

    def report(self, path, position, sentence):
        line = self.read(path).count("\n", 0, position) + 1
        self.problems.append((path, line, sentence))

    def has(self, name):
        """A file or folder of that name, which may have stars and lack its end."""
        name = name.rstrip("/")
        every = (*self.paths, *self.folders)
        if "*" in name:
            return any(fnmatch.fnmatch(p, name) for p in every)
        return any(p == name or p.startswith((name + ".", name + "-")) for p in every)


def words(text):
    return set(re.findall(r"\w+", text))


def slug(heading):
    plain = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r" ", "-", re.sub(r"[^\w\- ]", "", plain))


def headings(text):
    bare = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.findall(r"^#+ +(.*)$", bare, re.M)


def check_links(tree, path):
    text = tree.read(path)
    for match in re.finditer(r"\[[^]]*\]\(([^)\s]+)\)", text):
        file, _, anchor = match.group(1).partition("#")
        if re.match(r"[a-z]+:", file):
            continue
        there = (tree.root / path).parent / file if file else tree.root / path
        if not there.exists():
            tree.report(path, match.start(), f"the link leads nowhere: {match.group(1)}")
        elif anchor and anchor not in map(slug, headings(there.read_text())):
            tree.report(path, match.start(), f"no such section: {match.group(1)}")


def is_there(tree, token):
    """None: it does not look like a file of ours."""
    first = token.split("/")[0]
    if token in STAND_INS:
        return None
    if "/" not in token:
        if not re.fullmatch(r"\w+\.(c|h|cpp|py|sh|md|txt)", token):
            return None
        return token in tree.names
    known = {f.split("/")[0] for f in tree.folders}
    known |= {f.split("/")[1] for f in tree.folders if f.startswith(("src/", "tests/", "docs/"))}
    if first not in known - {"build", "."} or re.search(r"(^|/)[A-Z]+(/|$)", token):
        return None
    return any(tree.has(begin + token) for begin in BEGIN_IN)


def check_names(tree, path, goals, suites, public, sources):
    text = tree.read(path)
    for match in re.finditer(r"`([^`\n]+)`", text):
        token = match.group(1)
        wrong = None
        if re.fullmatch(r"[\w.,*/-]+", token) and is_there(tree, token) is False:
            wrong = "no such file"
        call = re.fullmatch(r"(ate_[a-z]\w*)\(\)", token)
        if call and call.group(1) not in public:
            wrong = "not in include/ate"
        field = re.fullmatch(r"conf\.(\w+)", token)
        if field and field.group(1) not in public:
            wrong = "no such field in include/ate"
        inner = re.fullmatch(r"(?:struct |enum )?(ate__\w+|ATE_\w+)(\(\))?", token)
        if inner and inner.group(1) not in sources and not any(
                word.startswith(inner.group(1)) for word in sources):
            wrong = "in no source"
        if wrong:
            tree.report(path, match.start(), f"`{token}`: {wrong}")
    for match in re.finditer(r"(?:`|^(?:    |\$ ))make ([a-z][a-z-]*)", text, re.M):
        if match.group(1) not in goals:
            tree.report(path, match.start(), f"no goal of the Makefile: make {match.group(1)}")
    for match in re.finditer(r"--suite[ =](\w+)", text):
        if match.group(1) not in suites:
            tree.report(path, match.start(), f"no suite of tests: {match.group(1)}")


def check_tests_named(tree, path, tests):
    """Every lower-case name with an underscore is a function of a test."""
    for match in re.finditer(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`", tree.read(path)):
        if not {match.group(1), match.group(1) + "_fuzz"} & tests:
            tree.report(path, match.start(), f"`{match.group(1)}`: no such test")


def is_other(name):
    """Than a file of tests: those of attacks stand in a table of their own."""
    return not re.search(r"_test\.(c|py)$|/\w+\.c$", name)


def check_threats(tree):
    """A section that promises names tests; each is in the next file, or one of the next files, that
    the section names. What the table says is tried is an attack of the other table, or a test."""
    page = "docs/THREATS.md"
    text = tree.read(page)
    attacks = set(re.findall(r"^\| `([a-z0-9-]+)` \| [^|]+ \| `", text, re.M))
    start = text.find("\n## ")
    for section in re.split(r"(?=^## )", text[start + 1:], flags=re.M):
        if "*Promise.*" in section and "*Shown by*" not in section:
            tree.report(page, start + 1, f"{section.splitlines()[0]}: a promise without a test")
        named = [(m.start(), m.group(1) or "unit/trust/attacks_test.c") for m in
                 re.finditer(r"`([\w/.-]+)`|\(attacks\)", section)]
        for i, (at, name) in enumerate(named):
            if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", name):
                continue
            rest = itertools.dropwhile(is_other, (after for _, after in named[i + 1:]))
            files = list(itertools.takewhile(lambda f: not is_other(f), rest))
            code = "".join(tree.read(p) for f in files for p in tree.paths
                           if p.startswith("tests/") and p.endswith("/" + f.split("tests/")[-1]))
            if not re.search(rf"\b{name}\(", code):
                tree.report(page, start + 1 + at, f"`{name}` is not in the file that is named next")
        check_tried(tree, page, section, start + 1, attacks)
        start += len(section)


def check_tried(tree, page, section, start, attacks):
    """Each row of what is tried names an attack or a test, and each attack that it names is one."""
    head = "\n| tried | shown by |\n|---|---|\n"
    table = section.partition(head)[2].partition("\n\n")[0]
    at = start + section.find(head) + len(head)
    for row in table.splitlines(keepends=True):
        shown = row.rstrip(" |\n").rpartition(" | ")[2]
        for name in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", row):
            if name not in attacks:
                tree.report(page, at, f"`{name}`: no such attack")
        if not re.search(r"`[a-z0-9]+([-_][a-z0-9]+)*`", shown):
            tree.report(page, at, "a row that names no attack and no test")
        at += len(row)


def check_attacks(tree):
    """Each attack stands in the page below the name of its file, and each that stands there is in
    that file, which names the function."""
    page = "docs/THREATS.md"
    file, listed = None, set()
    row = r"^\| (?:\*\*(\w+\.c)\*\*|`([a-z0-9-]+)`) \| [^|]+ \|"
    for match in re.finditer(row, tree.read(page), re.M):
        file = match.group(1) or file
        if match.group(2) and file:
            listed.add((file, match.group(2), match.start()))
    there = {(path.split("/")[-1], m.group(1), m.start(), path)
             for path in tree.matching("tests/attack/*.c")
             for m in re.finditer(r'\{"([a-z0-9-]+)",\s+\w+\}', tree.read(path))}
    for file, name, at, path in there - {t for t in there if t[:2] in {r[:2] for r in listed}}:
        tree.report(path, at, f"{name}: not in docs/THREATS.md, below {file}")
    for file, name, at in listed:
        if (file, name) not in {t[:2] for t in there}:
            tree.report(page, at, f"`{name}`: no such attack in tests/attack/{file}")


def check_citations(tree, path):
    """docs/x.md, "Section" or docs/x.md, 4, also over the end of a comment's line."""
    text = tree.read(path)
    flat = re.sub(r"\n[ \t]*(\*|#)?[ \t]*", lambda m: " ".ljust(len(m.group(0))), text)
    sections = r'(?:, +((?:"[^"]+"|\d+)(?:(?:,| and| to) +(?:"[^"]+"|\d+))*))?'
    for match in re.finditer(r"\bdocs/((?:format|decisions|man|[A-Z]+\.)[\w./*-]*\w)" +
                             sections, flat):
        file = "docs/" + match.group(1)
        if not tree.has(file):
            tree.report(path, match.start(), f"no such file: {file}")
            continue
        titles = headings(tree.read(file))
        for name, number in re.findall(r'"([^"]+)"|(\d+)', match.group(2) or ""):
            name = re.sub(r" +", " ", name)
            wanted = rf"(\d+\. )?{re.escape(name)}" if name else rf"{number}\. .*"
            if not any(re.fullmatch(wanted, title) for title in titles):
                tree.report(path, match.start(), f"{file} has no section {name or number}")


def check_manuals(tree):
    ours = {tuple(p.split("/")[-1].rsplit(".", 1)) for p in tree.matching("docs/man/*.[1-8]")}
    for path in tree.matching("docs/man/*.[1-8]"):
        for match in re.finditer(r"^\.Xr (\S+) (\d)", tree.read(path), re.M):
            if match.groups() not in ours | SYSTEM_PAGES:
                tree.report(path, match.start(), f"no such page: {'.'.join(match.groups())}")
        for match in re.finditer(r"^\.Pa ((?:docs/[A-Z]|examples|include)\S*)", tree.read(path),
                                 re.M):
            if not tree.has(match.group(1)):
                tree.report(path, match.start(), f"no such file: {match.group(1)}")


def check_folders(tree):
    page = "docs/ARCHITECTURE.md"
    for folder in sorted(tree.folders):
        above, _, name = folder.partition("/")
        if above in ("src", "tests") and name and "/" not in name:
            pattern = rf"\b{name}\b" if above == "src" else rf"tests/{name}\b"
            if page in tree.paths and not re.search(pattern, tree.read(page)):
                tree.report(page, 0, f"says nothing of {folder}")


def check_fuzz(tree):
    page = "docs/TESTING.md"
    if page not in tree.paths:
        return
    table = tree.read(page).partition("## Fuzz targets")[2].partition("\n## ")[0]
    rows = {m.group(1): m.group(0) for m in re.finditer(r"^\| `(\w+)` \|.*$", table, re.M)}
    targets = {p.split("/")[-1][:-len("_fuzz.c")] for p in tree.matching("tests/fuzz/*_fuzz.c")}
    for name in sorted(targets ^ rows.keys()):
        tree.report(page, 0, f"fuzz target {name}: in the table or in tests/fuzz, not in both")
    for name in sorted(targets & rows.keys()):
        if not any((tree.root / "tests/fuzz/corpus" / name).glob("*")):
            tree.report(page, 0, f"fuzz target {name} has no seeds")
        code = tree.read(f"tests/fuzz/{name}_fuzz.c")
        for function in re.findall(r"`(\w+)\(\)`", rows[name]):
            if not re.search(rf"\b{function}\b", code):
                tree.report(page, 0, f"fuzz target {name} does not name {function}()")
    decoder = r"^(?:static inline )?int (\w*_(?:decode|parse|feed|unpack))\("
    for path in tree.matching("src/*.h"):
        for match in re.finditer(decoder, tree.read(path), re.M):
            if match.group(1) not in NO_DECODERS and f"`{match.group(1)}()`" not in table:
                if not re.search(r"^ate__msg_\w+_decode$", match.group(1)):
                    tree.report(path, match.start(), f"{match.group(1)}() is in no fuzz target")


def main(args):
    tree = Tree(pathlib.Path(args[0] if args else ".").resolve())
    goals = re.findall(r"\b[a-z-]+\b", " ".join(re.findall(r"^([a-z -]+):", tree.read("Makefile"),
                                                           re.M)))
    suites = re.findall(r"suite: '(\w+)'", tree.all_of("meson.build"))
    public = words(tree.all_of("include/*.h"))
    sources = public | words(tree.all_of("src/*.[ch]", "tests/*.[ch]"))
    named = ["_".join(p.split("/")[-2:]) + " " + p for p in tree.matching("tests/*.c")]
    tests = words(tree.all_of("tests/*.c", "tests/*.py", "tests/*.h") + " ".join(named))
    pages = tree.matching("*.md")
    for path in pages:
        check_links(tree, path)
        check_names(tree, path, goals, suites, public, sources)
    for path in ("docs/THREATS.md", "docs/TESTING.md"):
        check_tests_named(tree, path, tests)
    check_threats(tree)
    check_attacks(tree)
    for path in tree.matching(*SOURCES, "*.md"):
        if path not in ("tools/links.py", "tests/tools/lint_test.py"):
            check_citations(tree, path)
    check_manuals(tree)
    check_folders(tree)
    check_fuzz(tree)
    for path, line, sentence in sorted(set(tree.problems)):
        print(f"{path}:{line}: {sentence}")
    print(f"links: {len(pages)} pages, {len(tree.problems)} problems")
    return 1 if tree.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
