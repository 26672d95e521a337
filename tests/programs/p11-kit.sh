#!/usr/bin/env bash
# p11-kit server: the owner of a token serves it, another user's pkcs11-tool and p11tool use it, by the commands of
# docs/p11-kit.md; a third user, who is not in the group, does not get in.
# Without root all three are the same user, and what would keep them apart is not tried.
#   usage: p11-kit.sh MODULE SOURCE
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
begin "$@"
need p11-kit p11tool=gnutls-bin
CLIENT=$(pkg-config --variable=p11_module_path p11-kit-1 2>/dev/null || true)/p11-kit-client.so
[ -e "$CLIENT" ] || skip 'p11-kit-client.so (package p11-kit-modules)'
token
key rsa:2048 rsa 01
key EC:prime256v1 ec 02
key EC:edwards25519 ed 03
ordinary_user
owner=() other=() third=()
if [ "$(id -u)" -eq 0 ]; then
    # The group 4242 is the owner's first one, so the socket is its; the numbers need no names.
    owner=(setpriv --reuid=65534 --regid=4242 --clear-groups --inh-caps=-all)
    other=(setpriv --reuid=64001 --regid=64001 --groups=4242 --inh-caps=-all)
    third=(setpriv --reuid=64002 --regid=64002 --clear-groups --inh-caps=-all)
    chmod 711 "$folder"
    mkdir others
    chown 64001:64001 others
else
    mkdir others
    printf 'not root: owner and other are one user\n'
fi
export CLIENT SOCKET=$folder/run/socket
mkdir run
[ "$(id -u)" -ne 0 ] || chown 65534:4242 run
printf 'what is signed' >message
cp message others/

# served: the server's process, once it serves, is among ours.
{
    printf '%s\n' "trap 'echo \$P11_KIT_SERVER_PID >\$SOCKET.pid' EXIT"
    block owner p11-kit
} >commands
run 'the commands of the owner' "${owner[@]}" bash -euo pipefail -x -c "$(cat commands)"
[ ! -s "$SOCKET.pid" ] || servers+=("$(cat "$SOCKET.pid")")
[ "$failures" -eq 0 ] || exit 1

block other p11-kit >commands
(cd others && "${other[@]}" env -u BULLA_CONF -u MODULE HOME="$folder/others" bash -euo pipefail -x -c "$(cat "$folder/commands")") \
    >out 2>&1 </dev/null || fail 'the commands of the other user'
says 'token label *: mine'
says 'Type: Private key (RSA-2048)'

# --- what they left, and what else passes ---
run 'the public key' "${owner[@]}" pkcs11-tool --module "$MODULE" --token-label mine --read-object --type pubkey --id 01 --output-file run/rsa.der
openssl pkey -pubin -inform DER -in run/rsa.der -out rsa.pub
run 'OpenSSL verifies' openssl dgst -sha256 -verify rsa.pub -signature others/signature message
away=("${other[@]}" env -u BULLA_CONF -u MODULE HOME="$folder/others" P11_KIT_SERVER_ADDRESS="unix:path=$SOCKET")
tool=(pkcs11-tool --module "$CLIENT" --token-label mine --login --pin "$USER_PIN")
run 'generating a key' "${away[@]}" "${tool[@]}" --keypairgen --key-type EC:prime256v1 --id 04 --label remote --usage-sign
head -c 32 /dev/zero >others/hash
run 'ECDSA' "${away[@]}" "${tool[@]}" --sign --mechanism ECDSA --id 04 --input-file others/hash --output-file others/ecdsa \
    --signature-format openssl
run 'the public key' "${owner[@]}" pkcs11-tool --module "$MODULE" --token-label mine --read-object --type pubkey --id 04 --output-file run/ec.der
run 'OpenSSL verifies ECDSA' openssl pkeyutl -verify -pubin -keyform DER -inkey run/ec.der -in others/hash -sigfile others/ecdsa
run 'writing data' "${away[@]}" "${tool[@]}" --write-object others/message --type data --label note
run 'reading data' "${away[@]}" "${tool[@]}" --read-object --type data --label note --output-file others/back
same message others/back 'the data'
run 'p11tool signs' "${away[@]}" env GNUTLS_PIN="$USER_PIN" p11tool --provider "$CLIENT" --batch --login --test-sign \
    'pkcs11:token=mine;object=ec;type=private'
# p11-kit 0.24 passes on mechanisms whose parameters it knows, and CKM_EDDSA is none of them.
refused 'Ed25519' "${away[@]}" "${tool[@]}" --sign --mechanism EDDSA --id 03 --input-file message --output-file others/ed
says CKR_MECHANISM_INVALID
refused 'a wrong PIN' "${away[@]}" pkcs11-tool --module "$CLIENT" --token-label mine --login --pin wrong-pin --list-objects
says CKR_PIN_INCORRECT
if [ "$(id -u)" -eq 0 ]; then
    timeout 60 "${third[@]}" env P11_KIT_SERVER_ADDRESS="unix:path=$SOCKET" pkcs11-tool --module "$CLIENT" --list-slots >out 2>&1 || true
    says_not 'token label'
    # The other user without the server: the folder is not his.
    chmod a+r "$folder"/*.conf
    timeout 60 "${other[@]}" env HOME="$folder/others" pkcs11-tool --module "$MODULE" --list-slots >out 2>&1 || true
    says_not 'token label *: mine'
fi
