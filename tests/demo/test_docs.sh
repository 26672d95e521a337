#!/usr/bin/env bash
# The commands that the docs show: each block that is fenced as "sh test", of README.md and of docs/, runs in one folder
# with a token on a software TPM, a model and two PINs beside it.
#   usage: test_docs.sh SOURCE BUILD
set -euo pipefail

source=$1 build=$2
. "$source/tests/demo/alone"
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-docs-XXXXXX")
export BULLA_BUILD=$build BULLA_DEMO=$folder/demo HOME=$folder/home XDG_CONFIG_HOME=$folder/home/.config MODEL=''
unset BULLA_CONF BULLA_PIN XDG_RUNTIME_DIR
mkdir -p "$HOME" "$folder/work"
cleanup() {
    [ ! -s "$folder/tpm.pid" ] || kill "$(cat "$folder/tpm.pid")" 2>/dev/null || true
    "$source/scripts/demo-clean" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap cleanup EXIT

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
skip() {
    [ "${CI:-}" != true ] || fail "CI lacks $*"
    printf 'SKIPPED: %s\n' "$*" >&2
    exit 77
}
"$source/scripts/deps" --check demo 2>/dev/null || skip 'packages of the demo (make deps)'
command -v softhsm2-util >/dev/null || skip softhsm2
[ -s "$source/build/models/all-MiniLM-L6-v2/config.json" ] || skip 'the model (scripts/fetch-model fetches it)'

# A TPM as its maker ships it: with endorsement certificates, by a maker whose own are in work/maker.
tpm_make() {
    local maker=$folder/work/maker tries
    mkdir -p "$folder/tpm" "$maker"
    printf '%s\n' "statedir = $maker" "signingkey = $maker/signkey.pem" "issuercert = $maker/issuer.pem" \
        "certserial = $maker/serial" >"$folder/localca.conf"
    : >"$folder/localca.options"
    printf '%s\n' 'create_certs_tool = swtpm_localca' "create_certs_tool_config = $folder/localca.conf" \
        "create_certs_tool_options = $folder/localca.options" >"$folder/setup.conf"
    swtpm_setup --tpm2 --tpmstate "$folder/tpm" --create-ek-cert --config "$folder/setup.conf" >"$folder/out" 2>&1 ||
        { cat "$folder/out"; fail 'swtpm_setup'; }
    mv "$maker/swtpm-localca-rootca-cert.pem" "$maker/root.pem"
    swtpm socket --tpm2 --tpmstate "dir=$folder/tpm" --server "type=unixio,path=$folder/tpm.sock,disconnect" \
        --ctrl "type=unixio,path=$folder/tpm.sock.ctrl" --flags not-need-init,startup-clear --daemon \
        --pid "file=$folder/tpm.pid"
    for ((tries = 0; tries < 50; tries++)); do
        ! tpm2_dictionarylockout -T "swtpm:path=$folder/tpm.sock" --setup-parameters --max-tries=32 \
            --recovery-time=600 --lockout-recovery-time=600 >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail 'swtpm does not answer'
}

# The demo gives the registration; the docs get a TPM and a token of their own.
"$source/scripts/demo" >"$folder/out" 2>&1 </dev/null || { cat "$folder/out"; fail 'the demo'; }
umask 077
tpm_make
sed "s|^path = .*|path = $folder/token|;s|^tcti = .*|tcti = swtpm:path=$folder/tpm.sock|;s|^models = .*|models = $folder/models|" "$BULLA_DEMO/bulla.conf" >"$folder/bulla.conf"
mkdir "$folder/models"
cp -r "$source/build/models/all-MiniLM-L6-v2" "$folder/work/"
printf '24681357' >"$folder/work/pin"
printf '13572468' >"$folder/work/so-pin"
export BULLA_CONF=$folder/bulla.conf BULLA_PIN=24681357 MODULE=$build/module/shared/libbulla.so PATH=$build/tools:$PATH

cd "$folder/work"
blocks=0
for page in "$source/README.md" "$source"/docs/*.md; do
    awk '/^```sh test$/ { inside = 1; count++; next } /^```/ { inside = 0 } inside { print } END { exit !count }' "$page" \
        >"$folder/commands" || continue
    blocks=$((blocks + 1))
    bash -euo pipefail -x "$folder/commands" >"$folder/said" 2>&1 </dev/null ||
        { tail -n 30 "$folder/said" >&2; fail "a command of ${page#"$source/"}"; }
    printf '%s: %d lines of commands\n' "${page#"$source/"}" "$(wc -l <"$folder/commands")"
done
[ "$blocks" -ge 5 ] || fail "only $blocks pages show commands"
if [ ! -s answer.receipt ] || [ ! -s answer ]; then fail 'the commands left no receipt or no answer'; fi
