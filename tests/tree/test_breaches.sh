#!/usr/bin/env bash
# The rules of test_tree.sh catch what breaks them: each is broken once, in a copy of the tree.
#   usage: test_breaches.sh SOURCE MODULE
set -euo pipefail

source=$1 module=$2
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-tree-XXXXXX")
trap 'rm -rf "$folder"' EXIT
failures=0
git -c safe.directory="$source" -C "$source" ls-files -co --exclude-standard |
    while IFS= read -r name; do [ ! -f "$source/$name" ] || printf '%s\0' "$name"; done |
    tar -C "$source" --null -T - -c | tar -x -C "$folder"

# breaks RULE FILE WORD HOW…: runs HOW in the copy, expects RULE to fail and to name WORD, and puts FILE back.
breaks() {
    local rule=$1 file=$2 word=$3
    shift 3
    (cd "$folder" && "$@")
    if "$source/tests/tree/test_tree.sh" "$folder" "$module" "$rule" >"$folder.out" 2>&1 ||
        ! grep -qF -- "$word" "$folder.out"; then
        printf 'FAILED: %s does not see: %s\n' "$rule" "$*" >&2
        cat "$folder.out" >&2
        failures=$((failures + 1))
    fi
    rm -f "$folder.out" "${folder:?}/$file"
    [ ! -f "$source/$file" ] || cp -p "$source/$file" "$folder/$file"
}
append() { printf '%s\n' "$2" >>"$1"; }
long_function() { { printf 'static int f(void)\n{\n'; printf '    g();\n%.0s' {1..70}; printf '}\n'; } >>"$1"; }
long_file() { printf 'int a;\n%.0s' {1..700} >>"$1"; }

breaks includes_do_not_climb crypto/arena.c crypto/arena.c append crypto/arena.c '#include "../evidence/policy.h"'
breaks rooms_include_along_the_arrows crypto/arena.c crypto/arena.c append crypto/arena.c '#include "evidence/policy.h"'
breaks rooms_include_along_the_arrows tpm-backend/leaf.c tpm-backend/leaf.c append tpm-backend/leaf.c '#include "release/tree.h"'
breaks rooms_include_along_the_arrows module/core/pin.c module/core/pin.c append module/core/pin.c 'extern int bulla_tpm_leaf;'
breaks nothing_is_left_for_later tools/main.c tools/main.c append tools/main.c '/* TO''DO: later */'
breaks no_path_of_one_machine docs/operations.md docs/operations.md append docs/operations.md "see $folder/docs"
breaks no_path_of_one_machine docs/operations.md docs/operations.md append docs/operations.md 'see /home/'someone
breaks files_and_functions_have_a_measure crypto/arena.c crypto/arena.c long_function crypto/arena.c
breaks files_and_functions_have_a_measure crypto/arena.c crypto/arena.c long_file crypto/arena.c
breaks headers_are_guarded crypto/arena.h crypto/arena.h sed -i '/^#ifndef/d' crypto/arena.h
breaks lines_end_cleanly README.md README.md append README.md 'space '
breaks lines_end_cleanly README.md README.md truncate -s -1 README.md
breaks links_of_the_docs_lead_somewhere README.md README.md append README.md '[gone](docs/gone.md)'
breaks make_help_names_every_goal Makefile bench sed -i 's/^bench: .*/bench:/' Makefile
breaks docs_explain_every_vendor_number docs/mechanisms.md CKM_BULLA_ATTEST sed -i 's/CKM_BULLA_ATTEST/CKM_ATTEST/' docs/mechanisms.md
breaks docs_explain_every_vendor_number man/bulla.conf.5 lease sed -i '/^.It Cm lease/d' man/bulla.conf.5
# What reads every file for seconds is broken in a few of them.
(cd "$folder" && find . -type f ! -path './crypto/*' ! -path './evidence/*' ! -path './scripts/lib/*' \
    ! -path ./scripts/deps ! -name .clang-format -delete)
if command -v shellcheck >/dev/null; then
    breaks scripts_are_clean scripts/deps scripts/deps append scripts/deps 'cd $nowhere/$unset; rm -rf $x/*; read y'
    breaks scripts_are_clean scripts/deps scripts/deps chmod -x scripts/deps
fi
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    breaks c_is_formatted crypto/arena.c crypto/arena.c append crypto/arena.c 'int  a ;'
fi
# A library that exports something else.
module=$(find -L /usr/lib -name 'libsodium.so.*' -print -quit 2>/dev/null) || true
! "$source/tests/tree/test_tree.sh" "$folder" "${module:-/nonexistent}" only_the_entry_points_are_exported >/dev/null 2>&1 ||
    { echo 'FAILED: another library passes for a module' >&2; failures=$((failures + 1)); }
exit $((failures > 0))
