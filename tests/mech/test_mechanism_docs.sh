#!/bin/sh
# docs/mechanisms.md shows the table that the module works by.
#   usage: test_mechanism_docs.sh PROGRAM DOCUMENT     (with UPDATE=1 the document is written anew)
set -eu
program=$1 document=$2
shown=$(mktemp) made=$(mktemp)
trap 'rm -f "$shown" "$made"' EXIT
sed -n '/^<!-- mechanisms: begin -->$/,/^<!-- mechanisms: end -->$/p' "$document" | sed '1d;$d' >"$shown"
"$program" >"$made"
if [ -n "${UPDATE:-}" ]; then
    sed -i -e "/^<!-- mechanisms: begin -->\$/,/^<!-- mechanisms: end -->\$/{//!d}" \
        -e "/^<!-- mechanisms: begin -->\$/r $made" "$document"
    exit 0
fi
[ -s "$made" ] && diff -u "$shown" "$made" || { echo "docs/mechanisms.md shows another table: UPDATE=1 $0 $*" >&2; exit 1; }
