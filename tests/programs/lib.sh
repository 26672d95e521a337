# shellcheck shell=bash
# What the scripts of this folder share: a folder of their own, a fresh token in it, servers that end with the script.
# Each script is called with the module and the source tree; every other word is looked up.
#   . lib.sh; begin "$@"
# Everything that a script starts or writes is in $folder or among its servers; both are gone when it exits.
set -euo pipefail
umask 077

servers=()
failures=0
USER_PIN=user-pin SO_PIN=so-pin-12
TOKEN=mine
# Steps that a test of a peer leaves out: tests/programs/NAME.sh LIBSOFTHSM2.SO shows whether a step is right.
export PEER=no

skip() {
    [ "${CI:-}" != true ] || { printf 'FAILED: %s is missing\n' "$*" >&2; exit 1; }
    printf 'SKIPPED: %s is missing\n' "$*" >&2
    exit 77
}
# need TOOL…: tool or tool=package
need() {
    local tool
    for tool in "$@"; do
        command -v "${tool%%=*}" >/dev/null || skip "${tool%%=*} (package ${tool#*=})"
    done
}
# package [--backports] NAME: leaves the folder of an unpacked package in $unpacked.
package() {
    unpacked=$("$SOURCE/scripts/fetch-package" "$@" 2>"$folder/fetch" | tail -n 1) ||
        { cat "$folder/fetch" >&2; skip "the package ${*: -1}"; }
}

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    [ ! -s "$folder/out" ] || tail -n 30 "$folder/out" | sed 's/^/    /' >&2
    failures=$((failures + 1))
}
# run WHAT COMMAND…: it succeeds; what it says is in $folder/out. pkcs11-tool 0.23 frees the name of a curve before OpenSSL
# reads it (valgrind shows that), and so fails now and then to export a key of EC: that is tried again.
run() {
    local what=$1 status try
    shift
    for try in 1 2 3 4 5; do
        status=0
        timeout 60 "$@" >"$folder/out" 2>&1 </dev/null || status=$?
        { [ "$status" -ne 0 ] && [ "$try" -lt 5 ] && grep -q 'cannot create EVP_PKEY' "$folder/out"; } || break
    done
    [ "$status" -eq 0 ] || fail "$what (status $status): $*"
}
# refused WHAT COMMAND…: it fails, by itself: neither by a signal nor because it takes for ever.
refused() {
    local what=$1 status=0
    shift
    timeout 60 "$@" >"$folder/out" 2>&1 </dev/null || status=$?
    case $status in # 255 is ssh's own
    0 | 12[4-9] | 1[3-9]? | 2[0-4]? | 25[0-4]) fail "$what is not refused (status $status): $*" ;;
    esac
}
says() { grep -q -i -e "$1" "$folder/out" || fail "no \"$1\" in what follows"; }
says_not() { ! grep -q -i -e "$1" "$folder/out" || fail "\"$1\" in what follows"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ: $3"; }
bytes() { printf '%b' "$(sed 's/../\\x&/g')"; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

finish() {
    local status=$? server i
    trap - EXIT
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null || true
    done
    for ((i = 0; i < 100; i++)); do
        [ -n "$(jobs -rp)" ] || break
        sleep 0.05
    done
    # shellcheck disable=SC2046 # process numbers
    [ -z "$(jobs -rp)" ] || kill -9 $(jobs -rp) 2>/dev/null || true
    wait 2>/dev/null || true
    cd / && rm -rf "$folder"
    [ "$status" -eq 0 ] || exit "$status"
    [ "$failures" -eq 0 ] || { printf '%d checks failed\n' "$failures" >&2; exit 1; }
    printf 'all passed\n'
    exit 0
}

begin() {
    [ $# -eq 2 ] || { printf 'usage: %s MODULE SOURCE\n' "$0" >&2; exit 64; }
    MODULE=$(readlink -f "$1") SOURCE=$(readlink -f "$2")
    folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-programs-XXXXXX")
    trap finish EXIT
    trap 'exit 1' INT TERM
    export MODULE SOURCE HOME=$folder LANG=C.UTF-8 LC_ALL=C.UTF-8
    unset BULLA_PIN XDG_CONFIG_HOME XDG_RUNTIME_DIR OPENSSL_CONF OPENSSL_MODULES P11_KIT_SERVER_ADDRESS SSH_AUTH_SOCK
    cd "$folder"
    need pkcs11-tool=opensc openssl
    : >out
}

# token: initialised, with PINs, for this process and its children.
token() {
    case $MODULE in
    *softhsm2*)
        PEER=yes
        mkdir -p "$folder/token"
        printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$folder/token" >"$folder/softhsm2.conf"
        export SOFTHSM2_CONF=$folder/softhsm2.conf
        ;;
    *)
        printf '[token programs]\npath = %s\npin-cost = quick\n' "$folder/token" >"$folder/bulla.conf"
        export BULLA_CONF=$folder/bulla.conf
        ;;
    esac
    printf '%s' "$USER_PIN" >"$folder/pin"
    export BULLA_PIN=$USER_PIN
    run 'initialising the token' pkcs11-tool --module "$MODULE" --slot-index 0 --init-token --label "$TOKEN" \
        --so-pin "$SO_PIN"
    run 'setting the PIN' pkcs11-tool --module "$MODULE" --token-label "$TOKEN" --init-pin --login --login-type so \
        --so-pin "$SO_PIN" --new-pin "$USER_PIN"
    [ "$failures" -eq 0 ] || exit 1
}

# key TYPE LABEL ID: a key pair, by pkcs11-tool.
key() {
    run "generating $2" "${user[@]}" pkcs11-tool --module "$MODULE" --token-label "$TOKEN" --login --pin "$USER_PIN" --keypairgen \
        --key-type "$1" --label "$2" --id "$3" --usage-sign
}

# free_port: leaves a port of the loopback that nobody listens on in $port. Another may take it before the server does,
# which then fails to start; so ports are drawn from the whole range at random.
free_port() {
    local tries
    for tries in $(seq 50); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
    done
    fail "no port is free after $tries tries"
    exit 1
}
# serve NAME COMMAND…: in the background, its words in $folder/NAME.log, its process in $server.
serve() {
    local name=$1
    shift
    "$@" >"$folder/$name.log" 2>&1 </dev/null &
    server=$!
    servers+=("$server")
}
# wait_for NAME COMMAND…: until the command succeeds, 10 seconds at most, and the last server lives.
wait_for() {
    local name=$1 i
    shift
    for ((i = 0; i < 200; i++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    cat "$folder/$name.log" >&2 || true
    fail "the server $name does not answer"
    exit 1
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port"); }
# stop: the last server.
stop() {
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
}

# provider: OpenSSL's programs have the token from here on, by pkcs11-provider and our example of a configuration.
provider() {
    local modules
    modules=$(openssl version -m 2>/dev/null | cut -d'"' -f2)
    if [ ! -e "$modules/pkcs11.so" ]; then
        package --backports pkcs11-provider
        modules=$(dirname "$(find "$unpacked" -name pkcs11.so)")
    fi
    export OPENSSL_MODULES=$modules PKCS11_PROVIDER_MODULE=$MODULE OPENSSL_CONF=$SOURCE/conf/openssl.cnf
    if [ "$PEER" = yes ]; then # SoftHSM crashes when it is finalized by a process's exit
        sed 's/^pkcs11-module-encode.*/&\npkcs11-module-quirks = no-deinit/' "$OPENSSL_CONF" >"$folder/openssl.cnf"
        OPENSSL_CONF=$folder/openssl.cnf
    fi
    run 'openssl list -providers' openssl list -providers
    says 'name: PKCS#11 Provider'
}

# ordinary_user: what the script starts with "${user[@]}" in front is not root's from here on: servers change their user
# when they are root's, sshd even needs one that the machine does not have. Everything in $folder belongs to that user
# then, and what is outside of it may be out of reach: so module and provider are copied.
user=()
ordinary_user() {
    mkdir -p "$folder/lib"
    cp "$MODULE" "$folder/lib/"
    export MODULE=$folder/lib/${MODULE##*/}
    if [ -n "${OPENSSL_MODULES:-}" ]; then
        cp "$OPENSSL_MODULES/pkcs11.so" "$folder/lib/"
        [ "$OPENSSL_CONF" = "$folder/openssl.cnf" ] || cp "$OPENSSL_CONF" "$folder/openssl.cnf"
        export OPENSSL_MODULES=$folder/lib PKCS11_PROVIDER_MODULE=$MODULE OPENSSL_CONF=$folder/openssl.cnf
    fi
    chmod -R a+rX "$folder/lib"
    [ "$(id -u)" -eq 0 ] || return 0
    need setpriv=util-linux
    chown -R 65534:65534 "$folder"
    umask 022
    user=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
}

# block WORD NAME: the commands of docs/NAME.md that are fenced as "sh WORD NAME".
block() {
    awk -v fence="\`\`\`sh $1 $2" '$0 == fence { inside = 1; count++; next } /^```/ { inside = 0 } inside
        END { exit !count }' "$SOURCE/docs/$2.md" || fail "docs/$2.md shows no commands"
}

# page NAME: the commands of docs/NAME.md, in one shell, in $folder. A block that is fenced as "sh test NAME" runs to
# its end; one that is fenced as "sh serve NAME" is one command, a server: it runs while the rest of the page does, which
# goes on when somebody listens on $PORT.
page() {
    local group
    free_port
    cat >"$folder/commands" <<'BEGIN'
set -euo pipefail
stop_servers() { for server in $(jobs -p); do kill "$server" || true; done; wait; }
trap stop_servers EXIT
wait_for_port() {
    { set +x; } 2>/dev/null
    for _ in $(seq 200); do
        ! (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || { set -x; return 0; }
        sleep 0.05
    done
    echo "nobody listens on port $PORT"
    return 1
}
set -x
BEGIN
    awk -v name="$1" '
        $0 == "```sh test " name { inside = 1; count++; next }
        $0 == "```sh serve " name { inside = 1; serves = 1; count++; printf "(exec env "; next }
        /^```/ { if (serves) print ") &\nwait_for_port"; inside = serves = 0 }
        inside
        END { exit !count }' "$SOURCE/docs/$1.md" >>"$folder/commands" || fail "docs/$1.md shows no commands"
    # SoftHSM has OAEP with SHA-1 only, and a variable of its own.
    [ "$PEER" = no ] || sed -i -E 's/(rsa_oaep_md|rsa_mgf1_md):sha256/\1:sha1/g;s/env BULLA_CONF;/env SOFTHSM2_CONF;/' "$folder/commands"
    # timeout makes a group of processes: whatever the page leaves running ends with it.
    PORT=$port timeout 120 "${user[@]}" bash -c "$(cat "$folder/commands")" >"$folder/out" 2>&1 </dev/null &
    group=$!
    wait "$group" || { fail "a command of docs/$1.md"; exit 1; }
    kill -- "-$group" 2>/dev/null || true
}
