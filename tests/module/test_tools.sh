#!/bin/sh
# The module in the hands of everyday programs: pkcs11-tool (OpenSC) and p11tool (GnuTLS), as a user types them.
#   $1 the module
set -u
MODULE=$1
FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/bulla-test-XXXXXX") || exit 1
FAILURES=0
export BULLA_CONF="$FOLDER/bulla.conf"
umask 077
trap 'rm -rf "$FOLDER"' EXIT

skip() {
    if [ "${CI:-}" = true ]; then
        echo "FAILED: $1 is missing" >&2
        exit 1
    fi
    echo "SKIPPED: $1 is missing" >&2
    exit 77
}
command -v pkcs11-tool >/dev/null || skip pkcs11-tool
command -v p11tool >/dev/null || skip p11tool

fail() {
    echo "FAILED: $*" >&2
    sed 's/^/    /' "$FOLDER/out" >&2
    FAILURES=$((FAILURES + 1))
}

# tool STATUS WORDS…: pkcs11-tool with the module; its output is in $FOLDER/out.
tool() {
    wanted=$1
    shift
    timeout 60 pkcs11-tool --module "$MODULE" "$@" >"$FOLDER/out" 2>&1 </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] || fail "status $got instead of $wanted: pkcs11-tool $*"
}

# gnutls STATUS WORDS…: p11tool with the module as its only provider.
gnutls() {
    wanted=$1
    shift
    GNUTLS_PIN=user-pin timeout 60 p11tool --provider "$MODULE" --batch "$@" >"$FOLDER/out" 2>&1 </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] || fail "status $got instead of $wanted: p11tool $*"
}

says() {
    grep -q -e "$1" "$FOLDER/out" || fail "no \"$1\" after: $2"
}

# No tool may complain while it lists.
clean() {
    if grep -q -i -e warning -e error "$FOLDER/out"; then
        fail "a complaint after: $1"
    fi
}

cat >"$BULLA_CONF" <<END
[token tools]
path = $FOLDER/token
pin-cost = quick
END

tool 0 --list-slots
says "uninitialized" "--list-slots of a new token"
tool 0 --init-token --label "the tools" --so-pin so-pin
tool 0 --init-pin --login --login-type so --so-pin so-pin --new-pin user-pin
tool 0 --list-slots
says "token label *: the tools" --list-slots
says "login required" --list-slots
says "PIN initialized" --list-slots
clean --list-slots
tool 0 --list-mechanisms
clean --list-mechanisms
tool 0 --show-info
clean --show-info

# Data objects, public and private.
printf 'some bytes' >"$FOLDER/data"
tool 0 --login --pin user-pin --write-object "$FOLDER/data" --type data --label open --application-label tests
tool 0 --login --pin user-pin --write-object "$FOLDER/data" --type data --label closed --private
tool 0 --list-objects
says "label: *'open'" "--list-objects without login"
if grep -q closed "$FOLDER/out"; then
    fail "a private object without login"
fi
clean "--list-objects without login"
tool 0 --login --pin user-pin --list-objects
says "label: *'closed'" "--list-objects with login"
says "bulla receipt key" "--list-objects with login"
clean "--list-objects with login"
tool 0 --login --pin user-pin --read-object --type data --label closed --output-file "$FOLDER/back"
cmp -s "$FOLDER/data" "$FOLDER/back" || fail "the private object came back changed"
rm -f "$FOLDER/back"
tool 0 --read-object --type data --label open --output-file "$FOLDER/back"
cmp -s "$FOLDER/data" "$FOLDER/back" || fail "the public object came back changed"
tool 1 --read-object --type data --label closed
tool 0 --login --pin user-pin --delete-object --type data --label open
tool 0 --login --pin user-pin --list-objects
if grep -q "'open'" "$FOLDER/out"; then
    fail "a deleted object is listed"
fi

# Keys.
printf '0123456789abcdef0123456789abcdef' >"$FOLDER/secret"
tool 0 --login --pin user-pin --write-object "$FOLDER/secret" --type secrkey --key-type AES:32 --extractable --label imported --id 01
tool 0 --login --pin user-pin --keygen --key-type GENERIC:32 --mechanism 0x82550001 --sensitive --label "a model" --id 6d69
tool 0 --login --pin user-pin --list-objects --type secrkey
says "a model" "--list-objects of secret keys"
says "imported" "--list-objects of secret keys"
clean "--list-objects of secret keys"
tool 0 --login --pin user-pin --list-objects --type privkey
says "bulla receipt key" "--list-objects of private keys"
clean "--list-objects of private keys"
tool 0 --list-objects --type pubkey
says "bulla receipt key" "--list-objects of public keys"
clean "--list-objects of public keys"
if command -v openssl >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$FOLDER/key.pem" -out "$FOLDER/cert.pem" -subj /CN=test \
        -days 1 >/dev/null 2>&1
    openssl x509 -in "$FOLDER/cert.pem" -outform DER -out "$FOLDER/cert.der"
    openssl rsa -in "$FOLDER/key.pem" -pubout -outform DER -out "$FOLDER/public.der" >/dev/null 2>&1
    tool 0 --login --pin user-pin --write-object "$FOLDER/cert.der" --type cert --label certificate --id 02
    tool 0 --login --pin user-pin --write-object "$FOLDER/public.der" --type pubkey --label public --id 02
    tool 0 --list-objects --type cert
    says "certificate" "--list-objects of certificates"
    clean "--list-objects of certificates"
    tool 0 --read-object --type cert --label certificate --output-file "$FOLDER/back.der"
    cmp -s "$FOLDER/cert.der" "$FOLDER/back.der" || fail "the certificate came back changed"
    tool 0 --list-objects --type pubkey
    says "RSA 2048 bits" "--list-objects of public keys"
    clean "--list-objects of public keys"
fi

# Random numbers, a child process, and pkcs11-tool's own tests.
tool 0 --generate-random 32 --output-file "$FOLDER/random"
[ "$(wc -c <"$FOLDER/random")" -eq 32 ] || fail "not 32 random bytes"
tool 0 --test-fork
tool 0 --login --pin user-pin --test
if grep -q -e "^ERR:" -e "rv = CKR" "$FOLDER/out"; then
    fail "pkcs11-tool --test found errors"
fi

# p11tool.
gnutls 0 --list-tokens
says "Label: the tools" "p11tool --list-tokens"
gnutls 0 --list-all "pkcs11:token=the%20tools"
clean "p11tool --list-all"
gnutls 0 --login --list-all "pkcs11:token=the%20tools"
says "closed" "p11tool --login --list-all"
says "a model" "p11tool --login --list-all"
says "bulla receipt key" "p11tool --login --list-all"
clean "p11tool --login --list-all"
gnutls 0 --login --list-privkeys "pkcs11:token=the%20tools"
clean "p11tool --list-privkeys"
gnutls 0 --list-mechanisms "pkcs11:token=the%20tools"
gnutls 0 --generate-random 16 "pkcs11:token=the%20tools"

# PINs, last.
tool 0 --login --pin user-pin --change-pin --new-pin other-pin
tool 1 --login --pin user-pin --list-objects
tool 0 --login --pin other-pin --list-objects
says "closed" "--list-objects with the new PIN"
clean "--list-objects with the new PIN"
tool 0 --list-slots
clean "--list-slots after a wrong PIN"

[ "$FAILURES" -eq 0 ] && echo "all passed"
[ "$FAILURES" -eq 0 ]
