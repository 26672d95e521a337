#!/usr/bin/env bash
# No branch and no address of KES depends on a secret, as valgrind sees it (kes_undefined.c); and it sees one that does.
#   usage: test_kes_undefined.sh PROGRAM       PROGRAM "-": valgrind's headers were not there
set -euo pipefail

program=$1
if [ "$program" = - ] || ! command -v valgrind >/dev/null; then
    printf 'valgrind is missing\n' >&2
    [ "${CI:-}" = true ] && exit 1
    exit 77
fi
run() { valgrind --quiet --error-exitcode=9 --leak-check=no --undef-value-errors=yes "$program"; }
run || { printf 'FAILED: memcheck saw a branch or an address that depends on a secret\n' >&2; exit 1; }
if BULLA_LEAK=1 run >/dev/null 2>&1; then
    printf 'FAILED: a branch on a secret was not seen\n' >&2
    exit 1
fi
