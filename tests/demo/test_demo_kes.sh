#!/usr/bin/env bash
# The demo of keys that evolve as a user runs it, in a folder of its own: what it says, in this order, and that nothing
# of it stays.
#   usage: test_demo_kes.sh SOURCE BUILD
set -euo pipefail

source=$1 build=$2
. "$source/tests/demo/alone"
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-demo-XXXXXX")
export BULLA_BUILD=$build BULLA_DEMO=$folder/demo HOME=$folder/home XDG_CONFIG_HOME=$folder/home/.config
unset BULLA_CONF BULLA_PIN XDG_RUNTIME_DIR
mkdir -p "$HOME"
trap 'rm -rf "$folder"' EXIT

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
skip() {
    [ "${CI:-}" != true ] || fail "CI lacks $*"
    printf 'SKIPPED: %s\n' "$*" >&2
    exit 77
}

for tool in swtpm tpm2_getrandom; do
    command -v "$tool" >/dev/null || skip "$tool"
done
"$source/scripts/deps" --check demo 2>/dev/null || skip 'packages of the demo (make deps)'

"$source/scripts/demo-kes" >"$folder/out" 2>&1 </dev/null || { cat "$folder/out"; fail 'the demo ended with a failure'; }
grep -e '^ *signed in' -e 'refused, as' -e 'the clock took' -e 'forgotten by' "$folder/out" |
    sed 's/^ *//; s/period [0-9]*/period N/g; s/to [0-9]*$/to N/' >"$folder/said"
cat >"$folder/expected" <<'EXPECTED'
signed in period N
signed in period N
the clock took it from period N to N
refused, as it should be: kes-past
refused, as it should be: kes-clock
past periods are forgotten by the TPM
refused, as it should be: rolled-back
signed in period N
EXPECTED
diff "$folder/expected" "$folder/said" || { cat "$folder/out"; fail 'it does not say what it should'; }
[ ! -e "$BULLA_DEMO" ] || fail 'it left its folder'
