#!/usr/bin/env bash
# The demo as a user runs it, twice, in a folder of its own with a home of its own; every command that it prints to go
# on with; what it must not leave behind; and scripts/demo-clean.
#   usage: test_demo.sh SOURCE BUILD SCENE
#   scenes: again       twice over, the second within a minute; then the printed commands
#           long-path   the state's path is too long for a unix socket
#           user        as an ordinary user (needs root to become one) who may lock memory: by prlimit, or by
#                       CAP_IPC_LOCK where a container lets not even root raise a limit
#           low-limit   as an ordinary user who may lock nothing: refused, with the remedy
set -euo pipefail

source=$1 build=$2 scene=$3
. "$source/tests/demo/alone"
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-demo-XXXXXX")
export BULLA_BUILD=$build BULLA_DEMO=$folder/demo HOME=$folder/home XDG_CONFIG_HOME=$folder/home/.config
export XDG_DATA_HOME=$folder/home/.local/share MODEL=''
unset BULLA_CONF BULLA_PIN XDG_RUNTIME_DIR
mkdir -p "$HOME"
as=()

cleanup() {
    "${as[@]}" "$source/scripts/demo-clean" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap cleanup EXIT

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
skip() {
    [ "${CI:-}" != true ] || fail "CI lacks $*"
    printf 'SKIPPED: %s\n' "$*" >&2
    exit 77
}
says() { grep -qF -- "$1" "$folder/out" || { cat "$folder/out"; fail "the demo does not say: $1"; }; }
registration() {
    [ -e /etc/pkcs11/modules/bulla.module ] && ! grep -qxF "module: $build/module/shared/libbulla.so" /etc/pkcs11/modules/bulla.module
}
registration() {
    if [ "${#as[@]}" -eq 0 ] && [ "$(id -u)" -eq 0 ]; then
        printf '/etc/pkcs11/modules/bulla.module\n'
    else
        printf '%s/pkcs11/modules/bulla.module\n' "$XDG_CONFIG_HOME"
    fi
}

demo() {
    "${as[@]}" "$source/scripts/demo" >"$folder/out" 2>&1 </dev/null || { cat "$folder/out"; fail 'the demo ended with a failure'; }
    says 'ok          signature: by the receipt key'
    says 'ok          attestation key: the one that you named'
    says 'refused, as it should be: status 3'
    says 'tpm-pcr-changed'
    says 'it works again'
    # The table's first two sentences mean the same, the first and third do not.
    awk '$1 == 1 && $2 == "1.000" { found = ($3 > 0.5 && $4 < 0.2) } END { exit !found }' "$folder/out" ||
        fail 'the similarity table is not there, or not as it should be'
}

# No file of the demo holds 64 bytes of the weights, and the plaintext copy is gone.
plaintext_is_gone() {
    [ -z "$(find "$BULLA_DEMO" -name '*.safetensors')" ] || fail 'a plaintext copy stayed'
    python3 - "$BULLA_DEMO" "$source/build/models/all-MiniLM-L6-v2/model/model.fp16.safetensors" <<'SCAN'
import os, sys
weights = open(sys.argv[2], "rb").read()
windows = [weights[at:at + 64] for at in range(len(weights) // 2, len(weights) // 2 + 40 * 4096, 4096)]
assert all(len(set(window)) > 16 for window in windows)
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and any(window in open(path, "rb").read() for window in windows):
            sys.exit("weights in " + path)
SCAN
}

printed_commands_run() {
    sed -n '/^5  Yours/,$p' "$folder/out" | sed '1d;s/^  //' | grep -v -e '^scripts/demo' -e '^make ' -e '^sudo ' >"$folder/commands"
    [ "$(wc -l <"$folder/commands")" -ge 9 ] || fail 'too few commands to go on with'
    "${as[@]}" bash -euo pipefail -x "$folder/commands" >"$folder/go-on" 2>&1 || { cat "$folder/go-on"; fail 'a printed command fails'; }
    grep -q 'label:      minilm' <("${as[@]}" bash -euc "$(grep -e BULLA_CONF= "$folder/commands" || true)
        pkcs11-tool --module '$build/module/shared/libbulla.so' --login --pin '$(cat "$BULLA_DEMO/pin")' -O" 2>&1) ||
        fail 'pkcs11-tool does not list the model'
    grep -q 'Label: minilm' "$folder/go-on" || fail 'p11tool does not list the model'
    [ -s "$BULLA_DEMO/answer" ] || fail 'the object route gave no answer'
}

clean() {
    local pid socket
    pid=$(cat "$BULLA_DEMO/swtpm.pid")
    socket=$(sed -n 's/^tcti = swtpm:path=//p' "$BULLA_DEMO/bulla.conf")
    [ -S "$socket" ] || fail "there is no socket $socket"
    "${as[@]}" "$source/scripts/demo-clean" >/dev/null
    [ ! -e "$BULLA_DEMO" ] || fail 'demo-clean left the folder'
    [ ! -e "$socket" ] || fail 'demo-clean left the socket'
    [ ! -d "/proc/$pid" ] || [ "$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status")" = Z ] ||
        fail 'demo-clean left swtpm running'
    [ ! -e "$(registration)" ] || ! grep -qF "$BULLA_DEMO" "$(registration)" || fail 'demo-clean left the registration'
    [ ! -e "$XDG_CONFIG_HOME/bulla" ] || fail 'demo-clean left a configuration'
    "${as[@]}" "$source/scripts/demo-clean" >/dev/null || fail 'a second demo-clean fails'
}

become_nobody() {
    [ "$(id -u)" -eq 0 ] || { printf 'SKIPPED: only root can become another user\n' >&2; exit 77; }
    command -v setpriv prlimit >/dev/null || skip 'setpriv or prlimit'
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
    "${as[@]}" test -x "$build/tools/bulla" -a -r "$source/scripts/demo" ||
        { printf 'SKIPPED: the checkout is not readable by an ordinary user\n' >&2; exit 77; }
    chown -R 65534:65534 "$folder"
}

for tool in swtpm tpm2_pcrextend pkcs11-tool p11tool python3; do
    command -v "$tool" >/dev/null || skip "$tool"
done
"$source/scripts/deps" --check demo 2>/dev/null || skip 'packages of the demo (make deps)'
[ -s "$source/build/models/all-MiniLM-L6-v2/model/model.fp16.safetensors" ] || skip 'the model (scripts/fetch-model fetches it)'

case $scene in
again)
    demo
    plaintext_is_gone
    [ -e "$(registration)" ] || fail 'the demo did not register bulla'
    begun=$SECONDS
    demo
    says 'starting over'
    [ $((SECONDS - begun)) -lt 60 ] || fail "the second run took $((SECONDS - begun)) s"
    printed_commands_run
    ;;
long-path)
    BULLA_DEMO=$folder/$(printf 'a-long-name-%.0s' {1..8})
    demo
    says 'is too long for a socket'
    ;;
user)
    become_nobody
    if prlimit --memlock=1073741824:1073741824 true 2>/dev/null; then
        as=(prlimit --memlock=1073741824:1073741824 "${as[@]}")
    else
        as=("${as[@]/--inh-caps=-all/--inh-caps=-all,+ipc_lock}" --ambient-caps=+ipc_lock)
    fi
    demo
    [ -e "$(registration)" ] || fail 'the demo did not register bulla'
    printed_commands_run
    ;;
low-limit)
    become_nobody
    as=(prlimit --memlock=8388608:8388608 "${as[@]}")
    ! PATH=/usr/bin:/bin "${as[@]}" "$source/scripts/demo" >"$folder/out" 2>&1 </dev/null ||
        fail 'the demo began although nothing may be locked'
    says 'prlimit --memlock='
    says 'make demo'
    [ ! -e "$BULLA_DEMO" ] || fail 'it was begun, and would have failed at its end'
    exit 0 # there is nothing to clean
    ;;
*) fail "there is no scene $scene" ;;
esac
clean
