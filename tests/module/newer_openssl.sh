#!/usr/bin/env bash
# Runs a test with OpenSSL 3.5 where the system has an older one: Debian 13's libraries, fetched and unpacked below build/,
# with the C library that they were built for, whose loader starts the program. Everything else is the system's.
#   usage: newer_openssl.sh SOURCE PROGRAM [ARGUMENT …]
set -euo pipefail

source=$1 program=$2
shift 2
export BULLA_TEST_NEWER_OPENSSL=1 # the program fails where it finds an older one

skip() {
    [ "${CI:-}" != true ] || { printf 'FAILED: %s is missing\n' "$*" >&2; exit 1; }
    printf 'SKIPPED: %s is missing\n' "$*" >&2
    exit 77
}
# shellcheck source=/dev/null
. /etc/os-release
[ "${VERSION_CODENAME:-}" = bookworm ] || exec "$program" "$@"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
folders=$("$source/scripts/fetch-package" --trixie libc6 libssl3t64 2>"$log") ||
    { cat "$log" >&2; skip 'OpenSSL 3.5 (packages libssl3t64 and libc6 of Debian 13)'; }
path='' loader=''
for folder in $folders; do
    for library in "$folder"/usr/lib/*-linux-gnu*/; do
        path=$path${path:+:}${library%/}
    done
    for file in "$folder"/usr/lib/*-linux-gnu*/ld-linux*.so.?; do
        [ ! -x "$file" ] || loader=$file
    done
done
[ -n "$loader" ] || { echo 'FAILED: the C library has no loader' >&2; exit 1; }
rm -f "$log"
# A leak checker that is older than this loader takes the loader's own memory for lost.
export LSAN_OPTIONS="${LSAN_OPTIONS:+$LSAN_OPTIONS:}print_suppressions=0:suppressions=$source/tests/module/newer_openssl.lsan"
exec "$loader" --library-path "$path" "$program" "$@"
