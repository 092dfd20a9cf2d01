# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looking at C text without its comments or strings; for layers.py and tidy.py."""
import re

TOKENS = re.compile(
    r'(?P<string>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|(?P<comment>/\*.*?\*/|//[^\n]*)', re.S)


def blank(text, strings):
    """The same text, line by line as it was, with comments, and strings if asked, as spaces."""
    def spaces(match):
        if match.group("string") is not None and not strings:
            return match.group(0)
        return re.sub(r"[^\n]", " ", match.group(0))
    return TOKENS.sub(spaces, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1
