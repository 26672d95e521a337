#!/usr/bin/env python3
"""Writes inference/unicode_corrections.c: where Hugging Face's tokenizers and utf8proc 2.8 read a code point differently.

usage: unicode-corrections.py VECTORS > inference/unicode_corrections.c

VECTORS is the folder that holds codepoints.txt.gz (Hugging Face's pieces of "a" + code point + "b" for every code
point). utf8proc 2.8 (Unicode 15) must be the installed one: what it calls unassigned becomes part of the table, so that
a later utf8proc gives the same tokens.
"""
import ctypes
import gzip
import sys

if {"--help", "-h"} & set(sys.argv[1:]):
    print(__doc__)
    sys.exit(0)
library = ctypes.CDLL("libutf8proc.so.2")
library.utf8proc_version.restype = ctypes.c_char_p
library.utf8proc_category_string.restype = ctypes.c_char_p
DECOMPOSE = 1 << 4
DROPPED = {"Cc", "Cf", "Co"}
# What unicode.c decides before it looks into the tables: ideographs that get spaces around them, and U+FFFD.
IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
              (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0x2F800, 0x2FA1F))


def category(point):
    return library.utf8proc_category_string(point).decode()


def decomposed(point):
    out = (ctypes.c_int32 * 16)()
    boundary = ctypes.c_int(0)
    count = library.utf8proc_decompose_char(point, out, 16, DECOMPOSE, ctypes.byref(boundary))
    return list(out[:count])


def is_ascii_punctuation(point):
    return 33 <= point <= 47 or 58 <= point <= 64 or 91 <= point <= 96 or 123 <= point <= 126


def predicted(point):
    """The pieces by utf8proc alone, as the vectors write them."""
    kind = category(point)
    if point in (9, 10, 13) or kind.startswith("Z"):
        return "61|62"
    if kind in DROPPED:
        return "61 62"
    words = [["61"]]
    for part in decomposed(point):
        if category(part) == "Mn":
            continue
        part = library.utf8proc_tolower(part)
        if category(part).startswith("P") or is_ascii_punctuation(part):
            words += [["%X" % part], []]
        else:
            words[-1].append("%X" % part)
    words[-1].append("62")
    return "|".join(" ".join(word) for word in words if word)


def ranges(classes):
    """[(first, last, class)] of neighbours of one class."""
    out = []
    for point, name in sorted(classes.items()):
        if out and out[-1][1] == point - 1 and out[-1][2] == name:
            out[-1] = (out[-1][0], point, name)
        else:
            out.append((point, point, name))
    return out


def runs(lower):
    """[(first, last, step)] of neighbours that move by one step."""
    return ranges({point: to - point for point, to in lower.items()})


def table(rows, width, form):
    cells = [form(row) for row in rows]
    lines, line = [], ""
    for cell in cells:
        if len(line) + len(cell) + 2 > width - 4:
            lines.append("    " + line.rstrip())
            line = ""
        line += cell + ", "
    return "\n".join(lines + ["    " + line.rstrip()])


def main():
    if not library.utf8proc_version().startswith(b"2.8"):
        sys.exit("utf8proc 2.8 is needed, this is " + library.utf8proc_version().decode())
    library.utf8proc_tolower.restype = ctypes.c_int32
    classes, lower = {}, {}
    for line in gzip.open(sys.argv[1] + "/codepoints.txt.gz", "rt"):
        code, pieces = line.rstrip("\n").split("\t")
        point = int(code, 16)
        if point == 0xFFFD or any(first <= point <= last for first, last in IDEOGRAPHS):
            continue
        own = "61 %X 62" % point
        unassigned = category(point) == "Cn"
        if unassigned:
            classes[point] = "LETTER"
        if pieces == (own if unassigned else predicted(point)):
            continue
        if pieces == own:
            classes[point] = "LETTER"
        elif pieces == "61|%X|62" % point:
            classes[point] = "PUNCTUATION"
        elif pieces == "61 62":
            classes[point] = "MARK"
        elif unassigned and len(pieces.split(" ")) == 3 and "|" not in pieces:
            lower[point] = int(pieces.split(" ")[1], 16)
        else:
            sys.exit("no rule for U+%04X: %s, not %s" % (point, pieces, predicted(point)))
    print("/* Written by scripts/unicode-corrections.py from Hugging Face's output for every code point; do not edit. */")
    print("/* clang-format off */")
    print('#include "unicode.h"\n')
    short = {"LETTER": "L", "PUNCTUATION": "P", "MARK": "M"}
    print("enum { %s };\n" % ", ".join("%s = BULLA_UNICODE_%s" % (letter, name) for name, letter in short.items()))
    print("const struct bulla_unicode_range bulla_unicode_classes[] = {")
    rows = ranges(classes)
    print(table(rows, 120, lambda r: "{0x%X, 0x%X, %s}" % (r[0], r[1], short[r[2]])))
    print("};\nconst size_t bulla_unicode_classes_count = sizeof bulla_unicode_classes / sizeof bulla_unicode_classes[0];\n")
    print("const struct bulla_unicode_step bulla_unicode_lowers[] = {")
    print(table(runs(lower), 120, lambda r: "{0x%X, 0x%X, %d}" % r))
    print("};\nconst size_t bulla_unicode_lowers_count = sizeof bulla_unicode_lowers / sizeof bulla_unicode_lowers[0];")


main()
