#!/usr/bin/env bash
# The demo of policies as a user runs it, in a folder of its own: what it says, in this order, and that nothing of it
# stays.
#   usage: test_demo_policy.sh SOURCE BUILD
set -euo pipefail

source=$1 build=$2
. "$source/tests/demo/alone"
. "$source/tests/demo/short"
[ -s "$source/build/models/all-MiniLM-L6-v2/model/model.fp16.safetensors" ] || skip 'the model (scripts/fetch-model fetches it)'

demo demo-policy
grep -e 'is answered' -e 'has an answer' -e 'is refused' -e 'of 10 used' "$folder/out" | sed 's/^ *//' >"$folder/said"
expected <<'EXPECTED'
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
