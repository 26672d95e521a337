#!/usr/bin/env bash
# A release build knows no test root: neither the certificate that signs for played enclaves, nor its key, name or
# fingerprint, nor the variables that would call for such an enclave. A build with fault points has the certificate, which
# shows that this test would find it.
#   usage: test_test_root.sh SOURCE absent|present FILE ...
set -euo pipefail

source=$1 wanted=$2
shift 2
header=$source/enclave-backend/test_root.h
failures=0

# array NAME: the bytes of an array of the header, in hex.
array() {
    sed -n "/^static const uint8_t $1\[\]/,/};$/p" "$header" | grep -oE '0x[0-9a-f]{2}' | cut -c 3- | tr -d '\n'
}
# text WORDS: the same of a text.
text() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
fingerprint() {
    array bulla_test_root | sed 's/../\\x&/g' | xargs -0 printf '%b' | sha256sum | cut -c -64
}

root=$(array bulla_test_root)
key=$(array bulla_test_root_key)
[ "${#root}" -gt 800 ] && [ "${#key}" -gt 200 ] || { echo 'the header has no root' >&2; exit 1; }
# The certificate that was taken out is one: its own name stands in it.
[[ $root == *$(text 'bulla test enclaves root')* ]] || { echo 'the root has another name' >&2; exit 1; }

declare -A needles=(
    [certificate]=$root
    [key]=$key
    [name]=$(text 'bulla test enclaves root')
    [fingerprint]=$(fingerprint)
    [variable]=$(text 'BULLA_TEST_')
)
for file in "$@"; do
    hex=$(od -An -v -tx1 "$file" | tr -d ' \n')
    [ "${#hex}" -gt 10000 ] || { printf '%s is no program\n' "$file" >&2; exit 1; }
    for name in "${!needles[@]}"; do
        found=absent
        ! grep -qF -- "${needles[$name]}" <<<"$hex" || found=present
        case $wanted:$name:$found in
        absent:*:absent | present:fingerprint:absent | present:*:present) ;;
        *) printf 'FAILED: %s: the %s of the test root is %s\n' "$file" "$name" "$found" >&2; failures=$((failures + 1)) ;;
        esac
    done
done
[ "$failures" -eq 0 ]
