#!/usr/bin/env bash
# Every script of scripts/ answers --help and -h with its usage, and does nothing: test_scripts_help.sh SOURCE. It runs
# on a copy, where nothing is found but what printing takes.
set -euo pipefail

source=$1
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-help-XXXXXX")
trap 'rm -rf "$folder"' EXIT
failures=0
fail() { printf 'FAILED: %s\n' "$*" >&2; cat "$folder/out" "$folder/err" >&2; failures=$((failures + 1)); }

mkdir "$folder/bin" "$folder/tree"
for tool in bash env dirname sed timeout; do
    ln -s "$(command -v "$tool")" "$folder/bin/$tool"
done
cp -r "$source/scripts" "$folder/tree/"
runner=()
# asked SCRIPT WORDS…: what it prints is its usage.
asked() {
    local name=$1
    shift
    env -i PATH="$folder/bin" timeout 20 "${runner[@]}" "$folder/tree/scripts/$name" "$@" \
        >"$folder/out" 2>"$folder/err" </dev/null || fail "$name $*: status $?"
    grep -qE "usage: (scripts/)?$name( |\$)" "$folder/out" || fail "$name $*: no usage"
    [ ! -s "$folder/err" ] || fail "$name $*: something on standard error"
    ! grep -q '^#\|^set -' "$folder/out" || fail "$name $*: more than the comment"
}

for script in "$source"/scripts/*; do
    name=${script##*/}
    runner=()
    case $name in
    lib) continue ;;
    *.mjs)
        command -v node >/dev/null || continue
        runner=("$(command -v node)")
        ;;
    *.py)
        command -v python3 >/dev/null || continue
        runner=("$(python3 -c 'import sys; print(sys.executable)')") # python3 may be a script itself
        ;;
    esac
    asked "$name" --help
    asked "$name" -h
done
runner=()
asked fuzz cbor --help # behind other words, too
[ "$(find "$folder/tree" -mindepth 1 -maxdepth 1)" = "$folder/tree/scripts" ] || fail 'a script made something'
[ "$failures" -eq 0 ]
