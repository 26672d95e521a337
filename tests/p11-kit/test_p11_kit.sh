#!/bin/bash
# One text, one model, and the same embedding by every way that leads to the token: the module itself, p11-kit's
# proxy, the object route with pkcs11-tool, and the object route through `p11-kit server` and through our unit. The
# answers differ in their salts and receipts; the embeddings are equal to the bit.
#
# p11-kit ignores the configuration of root's, and the limit of locked memory does not count for root: as root the test
# becomes an ordinary user. Nothing is registered with the machine.
#   usage: test_p11_kit.sh MODULE BULLA EMBED MODEL [UNIT]      UNIT: bulla-p11-kit-server@.service, as it is built
set -euo pipefail
umask 022

# shellcheck source=tests/demo/alone
build=${1%/module/shared/libbulla.so}
. "$(dirname "$0")/../demo/alone"
module=$1 bulla=$2 embed=$3 model=${BULLA_TEST_MODEL:-$4} unit=${5:-}
pkcs11_folder=$(pkg-config --variable=p11_module_path p11-kit-1 2>/dev/null || true)
proxy=$(pkg-config --variable=proxy_module p11-kit-1 2>/dev/null || true)
remote=$pkcs11_folder/p11-kit-client.so
need=$((1 << 30)) text='A bulla was the clay envelope in which tokens were sealed.'
pin=user-pin

skip() {
    [ "${CI:-}" != true ] || { printf 'FAILED: %s is missing\n' "$*" >&2; exit 1; }
    printf 'SKIPPED: %s is missing\n' "$*" >&2
    exit 77
}
for tool in pkcs11-tool p11-kit p11tool setpriv prlimit; do
    command -v "$tool" >/dev/null || skip "$tool"
done
[ -e "$proxy" ] || skip 'p11-kit-proxy.so (package p11-kit)'
[ -e "$remote" ] || skip 'p11-kit-client.so (package p11-kit-modules)'
[ -n "$(find "$model/" -name '*.safetensors' 2>/dev/null)" ] || skip 'the model (scripts/fetch-model)'

folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-test-XXXXXX")
servers=()
cleanup() {
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    [ ! -s "$folder/err" ] || sed 's/^/    /' "$folder/err" >&2
    exit 1
}

# --- an ordinary user: `plain` may lock the 8 MiB of Debian's default, `able` what a model needs ---
limit=(prlimit --memlock="$need:$need")
if [ "$(id -u)" -eq 0 ]; then
    become=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
    plain=(prlimit --memlock=8388608:8388608 "${become[@]}")
    if "${limit[@]}" true 2>/dev/null; then
        able=("${limit[@]}" "${become[@]}")
    else # a container where not even root raises a limit
        able=("${become[@]/--inh-caps=-all/--inh-caps=-all,+ipc_lock}" --ambient-caps=+ipc_lock)
        printf 'no limit can be raised here: CAP_IPC_LOCK stands for prlimit --memlock\n'
    fi
else
    plain=(prlimit --memlock=8388608:8388608)
    able=()
    if "${limit[@]}" true 2>/dev/null; then
        able=("${limit[@]}")
    elif [ "$(ulimit -l)" != unlimited ] && [ "$(ulimit -l)" -lt $((need / 1024)) ]; then
        skip "a limit of $((need / 1024)) KiB of locked memory"
    fi
fi

home=$folder/home
mkdir -p "$home/.config/pkcs11/modules" "$home/run" "$folder/model"
cp "$module" "$folder/libbulla.so"
cp "$bulla" "$folder/bulla"
cp "$embed" "$folder/embed"
cp -rL "$model/." "$folder/model/"
module=$folder/libbulla.so bulla=$folder/bulla embed=$folder/embed
cat >"$folder/bulla.conf" <<CONF
[token ordinary]
path = $folder/token
release = passphrase
pin-cost = quick
CONF
printf 'module: %s\n' "$module" >"$home/.config/pkcs11/modules/bulla.module"
printf '%s' "$pin" >"$folder/pin"
printf 'so-pin-12' >"$folder/so"
chmod 600 "$folder/pin" "$folder/so" "$folder/bulla.conf"
chmod 700 "$home/run"
[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$folder"
cd "$folder" # the user may not be allowed to stand where we started

environment=(env -i PATH="$PATH" HOME="$home" XDG_CONFIG_HOME="$home/.config" XDG_RUNTIME_DIR="$home/run"
    BULLA_CONF="$folder/bulla.conf" LANG=C.UTF-8)
able() { "${able[@]}" "${environment[@]}" "$@"; }
plain() { "${plain[@]}" "${environment[@]}" "$@"; }

# --- the token ---
able "$bulla" init --yes --label ordinary --so-pin-file so --pin-file pin --module "$module" >out 2>err || fail 'init'
able "$bulla" model seal model --label minilm --pin-file pin --module "$module" >out 2>err || fail 'sealing'

# --- the module itself ---
able "$embed" decrypt "$module" "$pin" minilm "$text" >direct 2>err || fail 'C_Decrypt on the module'
[ "$(wc -lc <direct | tr -s ' ' | sed 's/^ //')" = '1 3073' ] || fail 'not one embedding of 384 numbers'
able "$embed" decrypt "$module" "$pin" minilm "$text." >other 2>err || fail 'C_Decrypt on the module, another text'
! cmp -s direct other || fail 'another text has the same embedding'
same() { cmp -s direct "$1" || fail "$2: another embedding"; }

# --- p11-kit's proxy, with the user's registration ---
able p11tool --list-token-urls >out 2>err || fail 'p11tool'
grep -q 'token=ordinary' out || fail 'p11-kit does not see the registration'
able "$embed" decrypt "$proxy" "$pin" minilm "$text" >proxied 2>err || fail 'C_Decrypt through p11-kit-proxy'
same proxied p11-kit-proxy
mv "$home/.config/pkcs11/modules/bulla.module" aside
! able "$embed" decrypt "$proxy" "$pin" minilm "$text" >out 2>err || fail 'the proxy has a token without a registration'
mv aside "$home/.config/pkcs11/modules/bulla.module"

# --- the object route with pkcs11-tool: a process that asks, and another that reads ---
data=(pkcs11-tool --module "$module" --login --pin "$pin" --type data --application-label bulla.infer)
printf '%s' "$text" >request
able "${data[@]}" --write-object request --label 'minilm#t1' >out 2>err || fail 'pkcs11-tool --write-object'
able "${data[@]}" --read-object --label 'minilm#t1' -o answer >out 2>err || fail 'pkcs11-tool --read-object'
able "$embed" show answer >object 2>err || fail 'no answer in the object'
same object 'the object route with pkcs11-tool'
! able "${data[@]}" --write-object request --label 'minilm#t1' >out 2>err || fail 'the same label twice'
grep -q CKR_TEMPLATE_INCONSISTENT err || fail 'the same label twice: not CKR_TEMPLATE_INCONSISTENT'
! able "${data[@]}" --write-object request --label 'nothing#t1' >out 2>err || fail 'a model that is not there'

# --- p11-kit server ---
# serve NAME AS…: leaves the address in $address.
serve() {
    name=$1
    shift
    "$@" "${environment[@]}" p11-kit server --foreground --provider "$module" --name "$home/run/$name" \
        pkcs11:token=ordinary >"server-$name" 2>&1 &
    servers+=($!)
    for _ in $(seq 100); do
        [ -S "$home/run/$name" ] && break
        sleep 0.05
    done
    [ -S "$home/run/$name" ] || { cat "server-$name" >&2; fail "the server $name does not listen"; }
    address=unix:path=$home/run/$name
}
serve able "${able[@]}"
ask() { plain P11_KIT_SERVER_ADDRESS="$address" "$embed" "$1" "$remote" "$pin" minilm "$text"; }
ask object >served 2>err || fail 'the object route through p11-kit server'
same served 'the object route through p11-kit server'
! ask decrypt >out 2>err || fail 'a vendor mechanism passed p11-kit 0.24 remoting: bulla can say so now'
grep -q 'C_DecryptInit: 0x70$' err || fail 'the vendor mechanism is not refused as one'

# --- the unit: its own command line behind a socket that admits each connection to a process ---
if [ -n "$unit" ] && command -v systemd-socket-activate >/dev/null; then
    line=$(sed -n 's/^ExecStart=//p' "$unit" | sed "s| --provider [^ ]*| --provider $module|")
    "${able[@]}" systemd-socket-activate --accept --inetd --listen "$home/run/unit" -- \
        "${environment[@]}" BULLA_TOKEN=ordinary bash -c "exec $line" >server-unit 2>&1 &
    servers+=($!)
    address=unix:path=$home/run/unit
    for _ in $(seq 100); do
        [ ! -S "$home/run/unit" ] || break
        sleep 0.05
    done
    ask object >served 2>err || { cat server-unit >&2; fail 'the object route through the unit'; }
    same served 'the object route through the unit'
else
    printf 'the unit was not tried: none is named, or systemd-socket-activate (package systemd) is missing\n'
fi

serve plain "${plain[@]}"
! ask object >out 2>err || fail 'a server that may lock 8 MiB opened a model'
grep -qE ': 0x(2|31)$' err || fail 'too small a limit is told as something else'
grep -q '"reason": *"memory-lock"' err || fail 'the object "why" has no reason memory-lock'
grep -q 'RLIMIT_MEMLOCK is 8388608 bytes' err || fail 'the detail does not name the limit'
grep -qE '"remedy": *"[^"]*(memlock|LimitMEMLOCK)' err || fail 'the object "why" has no remedy'
