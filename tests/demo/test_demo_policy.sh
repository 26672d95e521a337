#!/usr/bin/env bash
# The demo of policies as a user runs it, in a folder of its own: what it says, in this order, and that nothing of it
# stays.
#   usage: test_demo_policy.sh SOURCE BUILD
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
[ -s "$source/build/models/all-MiniLM-L6-v2/model/model.fp16.safetensors" ] || skip 'the model (scripts/fetch-model fetches it)'

"$source/scripts/demo-policy" >"$folder/out" 2>&1 </dev/null || { cat "$folder/out"; fail 'the demo ended with a failure'; }
grep -e 'is answered' -e 'has an answer' -e 'is refused' -e 'of 10 used' "$folder/out" | sed 's/^ *//' >"$folder/said"
cat >"$folder/expected" <<'EXPECTED'
bob is refused, as it should be: grant-missing
ann's question 1 is answered
ann's question 2 is answered
ann's question 3 is answered
ann's question 4 is answered
ann's question 5 is answered
ann's question 6 is answered
ann's question 7 is answered
ann's question 8 is answered
ann's question 9 is answered
ann's question 10 is answered
ann is refused, as it should be: grant-used-up
10 of 10 used
ann is refused, as it should be: rolled-back
ann is refused, as it should be: grant-used-up
ann has an answer
ann is refused, as it should be: grant-used-up
ann has an answer
ann is refused, as it should be: grant-revoked
EXPECTED
diff "$folder/expected" "$folder/said" || fail 'it does not say what it should'
[ ! -e "$BULLA_DEMO" ] || fail 'it left its folder'
