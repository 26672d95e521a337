#!/bin/sh
# libbulla-verify.so exports what its header declares and nothing else, and a relying party that uses all of it leaks
# nothing.
#   usage: test_verify_library.sh LIBRARY HEADER TEST-PROGRAM
set -eu
library=$1 header=$2 program=$3
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-verify-XXXXXX")
trap 'rm -rf "$folder"' EXIT
skipped=''
lacks() {
    [ "${CI:-}" != true ] || { echo "FAILED: CI lacks $1" >&2; exit 1; }
    skipped="$skipped $1"
}

if command -v nm >/dev/null; then
    nm -D --defined-only "$library" | sed -n 's/^[0-9a-f]* [TDBRVW] \([^@]*\).*/\1/p' | sort >"$folder/exported"
    sed -n '/^ \*/d; /^\/\*/d; s/.*[ *]\(bulla_verif[a-z_]*\)(.*/\1/p' "$header" | sort -u >"$folder/declared"
    [ "$(wc -l <"$folder/declared")" -ge 17 ] || { echo 'FAILED: hardly anything is declared' >&2; exit 1; }
    diff "$folder/declared" "$folder/exported" || { echo 'FAILED: the header and the library differ' >&2; exit 1; }
else
    lacks nm
fi

if [ "$program" = - ]; then
    : # a sanitizer watches the program itself
elif command -v valgrind >/dev/null; then
    valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
        --error-exitcode=9 --child-silent-after-fork=yes "$program" >"$folder/out" 2>&1 ||
        { cat "$folder/out" >&2; exit 1; }
else
    lacks valgrind
fi
[ -z "$skipped" ] || { echo "SKIPPED:$skipped is missing" >&2; exit 77; }
