#!/usr/bin/env bash
# The demo of keys that evolve as a user runs it, in a folder of its own: what it says, in this order, and that nothing
# of it stays.
#   usage: test_demo_kes.sh SOURCE BUILD
set -euo pipefail

source=$1 build=$2
. "$source/tests/demo/alone"
. "$source/tests/demo/short"

demo demo-kes
grep -e '^ *signed in' -e 'refused, as' -e 'the clock took' -e 'forgotten by' "$folder/out" |
    sed 's/^ *//; s/period [0-9]*/period N/g; s/to [0-9]*$/to N/' >"$folder/said"
expected <<'EXPECTED'
signed in period N
signed in period N
the clock took it from period N to N
refused, as it should be: kes-past
refused, as it should be: kes-clock
past periods are forgotten by the TPM
refused, as it should be: rolled-back
signed in period N
EXPECTED
