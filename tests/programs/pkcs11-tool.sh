#!/usr/bin/env bash
# pkcs11-tool (OpenSC 0.23): generates, imports, exports, signs, verifies, encrypts, derives and wraps with each type of
# key. What the token made is checked by OpenSSL without it, and what OpenSSL made by the token.
# pkcs11-tool's own limits: it picks keys by --id alone except for --read-object; it exports no P-384 key, and others of
# EC most of the time: it frees the curve's name before OpenSSL reads it (valgrind shows that); Ed25519 is
# exported as the bare point; it exports no private key, wraps none, and imports neither generic secrets nor Ed25519;
# --verify knows no EDDSA; --derive knows no X25519.
#   usage: pkcs11-tool.sh MODULE SOURCE
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
begin "$@"
token

tool=(pkcs11-tool --module "$MODULE" --token-label mine --login --pin "$USER_PIN")
printf 'A bulla was a clay envelope. 0123456789abcdef' | head -c 32 >message
sed 's/bulla/bullb/' message >other
for hash in 1 224 256 384 512; do
    openssl dgst "-sha$hash" -binary message >"hash$hash"
    openssl dgst "-sha$hash" -binary other >"otherhash$hash"
done

page pkcs11-tool

# --- generation and export ---
# pair ID TYPE WORDS…
pair() {
    local id=$1 type=$2
    shift 2
    run "generating $type" "${tool[@]}" --keypairgen --key-type "$type" --label "key $id" --id "$id" "$@"
}
pair 01 rsa:2048
pair 02 EC:prime256v1 --usage-sign --usage-derive
pair 03 EC:secp384r1 --usage-sign --usage-derive
pair 04 EC:secp521r1 --usage-sign --usage-derive
pair 05 EC:secp256k1 --usage-sign --usage-derive
pair 06 EC:edwards25519
[ "$PEER" = yes ] || pair 07 EC:curve25519 --usage-derive # generated is all that the tool does with X25519
pair 08 rsa:4096
run 'generating AES' "${tool[@]}" --keygen --key-type AES:32 --label 'key 0a' --id 0a
for size in 16 24; do
    run "generating AES of $size bytes" "${tool[@]}" --keygen --key-type "AES:$size" --label "key a0$size" --id "a0$size" \
        --extractable
done
run 'generating a generic secret' "${tool[@]}" --keygen --key-type GENERIC:64 --label 'key 0b' --id 0b \
    --extractable --usage-sign
run 'generating a generic secret for nothing' "${tool[@]}" --keygen --key-type GENERIC:64 --label 'key 0c' --id 0c \
    --extractable # the tool asks for CKA_ENCRYPT and CKA_DECRYPT then

# SubjectPublicKeyInfo of a named curve (RFC 5480) and of Ed25519 (RFC 8410) around the point that the tool lists.
point() {
    "${tool[@]}" --list-objects --type pubkey 2>/dev/null |
        awk -v id="$1" '$1 == "EC_POINT:" { point = $2 } $1 == "ID:" && $2 == id { print point }'
}
write_p384() { printf '3076301006072a8648ce3d020106052b81040022036200%s' "${1#0461}" | bytes >"$2"; }
write_ed25519() { printf '302a300506032b6570032100%s' "${1#0420}" | bytes >"$2"; }
for id in 01 02 04 05 08; do
    run "exporting the public key $id" "${tool[@]}" --read-object --type pubkey --id "$id" --output-file "$id.der"
done
write_p384 "$(point 03)" 03.der
write_ed25519 "$(point 06)" 06.der
for id in 01 02 03 04 05 06 08; do
    run "OpenSSL reads the public key $id" openssl pkey -pubin -inform DER -in "$id.der" -out "$id.pub"
done
run 'listing' "${tool[@]}" --list-objects
says "label: *key 06"
says 'EC_POINT 521 bits\|EC_POINT 528 bits'
[ "$PEER" = yes ] || says 'EC_MONTGOMERY'

# --- signatures: by the token, verified by OpenSSL and by the token; and not over something else ---
# sign ID MECHANISM INPUT OTHER OPENSSL-WORDS…
sign() {
    local id=$1 mechanism=$2 input=$3 other=$4 format=()
    shift 4
    rm -f signature
    case $mechanism in
    ECDSA*) format=(--signature-format openssl) ;;
    RSA-PKCS-PSS) format=(--hash-algorithm SHA256) ;;
    esac
    run "$mechanism with $id" "${tool[@]}" --sign --mechanism "$mechanism" --id "$id" --input-file "$input" \
        --output-file signature "${format[@]}"
    run "OpenSSL verifies $mechanism with $id" openssl pkeyutl -verify -pubin -inkey "$id.pub" -sigfile signature "$@" \
        -in "$input"
    refused "another message, $mechanism with $id" openssl pkeyutl -verify -pubin -inkey "$id.pub" -sigfile signature "$@" \
        -in "$other"
    says 'Signature Verification Failure'
    [ "$mechanism" != EDDSA ] || return 0
    run "verifying $mechanism with $id" "${tool[@]}" --verify --mechanism "$mechanism" --id "$id" --input-file "$input" \
        --signature-file signature "${format[@]}"
    says 'Signature is valid'
    timeout 60 "${tool[@]}" --verify --mechanism "$mechanism" --id "$id" --input-file "$other" --signature-file signature \
        "${format[@]}" >out 2>&1 || true
    says_not 'Signature is valid'
}
for hash in 1 224 256 384 512; do
    sign 01 "SHA$hash-RSA-PKCS" message other -rawin -digest "sha$hash"
    sign 01 "SHA$hash-RSA-PKCS-PSS" message other -rawin -digest "sha$hash" -pkeyopt rsa_padding_mode:pss
done
sign 01 RSA-PKCS message other -pkeyopt rsa_padding_mode:pkcs1
sign 01 RSA-PKCS-PSS hash256 otherhash256 -pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256
sign 08 SHA256-RSA-PKCS message other -rawin -digest sha256
for i in 1 2 3 4 5 6 7 8; do cat message; done | sed 's/^A/\x01/' >number # of 256 bytes, below the modulus
rm -f signature back
run RSA-X-509 "${tool[@]}" --sign --mechanism RSA-X-509 --id 01 --input-file number --output-file signature
run 'OpenSSL recovers the number' openssl pkeyutl -verifyrecover -pubin -inkey 01.pub -pkeyopt rsa_padding_mode:none \
    -in signature -out back
same number back 'the number'
for id in 02 03 04 05; do
    sign "$id" ECDSA hash256 otherhash256
    [ "$PEER" = yes ] || for hash in 1 224 256 384 512; do
        sign "$id" "ECDSA-SHA$hash" message other -rawin -digest "sha$hash"
    done
done
[ "$PEER" = yes ] || for hash in 224 256 384 512; do # one curve; tests/module/test_ec_sign.c has each hash with each
    sign 02 "ECDSA-SHA3-$hash" message other -rawin -digest "sha3-$hash"
done
sign 06 EDDSA message other -rawin

# --- RSA decryption of what OpenSSL encrypted ---
# decrypt MECHANISM TOOL-WORDS -- OPENSSL-WORDS
decrypt() {
    local mechanism=$1 words=()
    shift
    while [ "$1" != -- ]; do words+=("$1"); shift; done
    shift
    openssl pkeyutl -encrypt -pubin -inkey 01.pub "$@" -in message -out secret
    rm -f back
    run "decrypting $mechanism" "${tool[@]}" --decrypt --mechanism "$mechanism" "${words[@]}" --id 01 --input-file secret \
        --output-file back
    same message back "$mechanism"
}
decrypt RSA-PKCS -- -pkeyopt rsa_padding_mode:pkcs1
decrypt RSA-PKCS-OAEP --hash-algorithm SHA-1 --mgf MGF1-SHA1 -- -pkeyopt rsa_padding_mode:oaep
[ "$PEER" = yes ] || decrypt RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256 -- -pkeyopt rsa_padding_mode:oaep \
    -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256
printf 'not what RSA made of anything, nor as long' >short
refused 'decrypting rubbish' "${tool[@]}" --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA-1 --mgf MGF1-SHA1 \
    --id 01 --input-file short --output-file back

# --- imports: the key that OpenSSL made does in the token what it does outside ---
printf '00112233445566778899aabbccddeeff' | bytes >aes16
iv=000102030405060708090a0b0c0d0e0f
run 'importing AES' "${tool[@]}" --write-object aes16 --type secrkey --key-type AES:16 --id 11 --label 'key 11' \
    --extractable --usage-decrypt
for mode in ECB CBC CBC-PAD; do
    rm -f secret back
    case $mode in
    ECB) words=(-aes-128-ecb -nopad) ;;
    CBC) words=(-aes-128-cbc -nopad -iv "$iv") ;;
    CBC-PAD) words=(-aes-128-cbc -iv "$iv") ;;
    esac
    openssl enc -e "${words[@]}" -K 00112233445566778899aabbccddeeff -in message -out expected
    run "AES-$mode" "${tool[@]}" --encrypt --mechanism "AES-$mode" --id 11 --iv $iv --input-file message --output-file secret
    same expected secret "AES-$mode"
    run "AES-$mode back" "${tool[@]}" --decrypt --mechanism "AES-$mode" --id 11 --iv $iv --input-file secret --output-file back
    same message back "AES-$mode back"
done
rm -f back
run 'reading an extractable key' "${tool[@]}" --read-object --type secrkey --id 11 --output-file back
same aes16 back 'the AES key'
refused 'reading a sensitive key' "${tool[@]}" --read-object --type secrkey --id 0a --output-file nothing
for id in 0b 0c; do
    rm -f hmac
    run "reading the generic secret $id" "${tool[@]}" --read-object --type secrkey --id $id --output-file hmac
    for hash in 1 224 256 384 512; do
        name=SHA$hash-HMAC
        rm -f signature
        run "$name" "${tool[@]}" --sign --mechanism "${name/SHA1/SHA-1}" --id $id --input-file message --output-file signature
        openssl dgst "-sha$hash" -mac HMAC -macopt "hexkey:$(hex <hmac)" -binary -out expected message
        same expected signature "$name with $id"
    done
done
# The tool reads the key of every size that it generates, and OpenSSL encrypts the same with it.
for size in 16 24; do
    rm -f secret back
    run "reading AES of $size bytes" "${tool[@]}" --read-object --type secrkey --id a0$size --output-file back
    [ "$(wc -c <back)" -eq $size ] || fail "the AES key has not $size bytes"
    openssl enc -e -aes-$((size * 8))-cbc -iv "$iv" -K "$(hex <back)" -in message -out expected
    run "AES of $size bytes" "${tool[@]}" --encrypt --mechanism AES-CBC-PAD --id a0$size --iv "$iv" --input-file message \
        --output-file secret
    same expected secret "AES of $size bytes"
done
for size in 24 32; do
    rm -f back
    head -c $size message >aes$size
    run "importing AES of $size bytes" "${tool[@]}" --write-object aes$size --type secrkey --key-type AES:$size --id b0$size \
        --extractable
    run "reading it" "${tool[@]}" --read-object --type secrkey --id b0$size --output-file back
    same aes$size back "AES of $size bytes"
done

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem 2>out
for curve in P-256 P-384 P-521 secp256k1; do
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$curve -out $curve.pem
done
# import ID NAME WORDS…: NAME.pem
import() {
    local id=$1 name=$2
    shift 2
    openssl pkey -in "$name.pem" -outform DER -out "$name.key"
    openssl pkey -in "$name.pem" -pubout -out "$id.pub"
    openssl pkey -in "$name.pem" -pubout -outform DER -out "$id.der"
    openssl req -x509 -key "$name.pem" -subj "/CN=$name" -days 1 -outform DER -out "$name.crt"
    run "importing $name" "${tool[@]}" --write-object "$name.key" --type privkey --id "$id" --label "$name" "$@"
    run "importing its public key" "${tool[@]}" --write-object "$id.der" --type pubkey --id "$id" --label "$name" "$@"
    run "importing its certificate" "${tool[@]}" --write-object "$name.crt" --type cert --id "$id" --label "$name"
    rm -f back
    run "exporting its certificate" "${tool[@]}" --read-object --type cert --id "$id" --output-file back
    same "$name.crt" back 'the certificate'
}
import 21 rsa --usage-sign --usage-decrypt
import 22 P-256 --usage-sign --usage-derive
import 23 P-384 --usage-sign --usage-derive
import 24 P-521 --usage-sign --usage-derive
import 25 secp256k1 --usage-sign --usage-derive
sign 21 SHA256-RSA-PKCS message other -rawin -digest sha256
for id in 22 23 24 25; do
    sign $id ECDSA hash256 otherhash256
done
run 'importing data' "${tool[@]}" --write-object message --type data --label 'a message' --application-label programs
rm -f back
run 'exporting data' "${tool[@]}" --read-object --type data --label 'a message' --output-file back
same message back 'the data'

# --- ECDH: the same secret as on the other side ---
# derive ID CURVE
derive() {
    openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out peer.pem
    openssl pkey -in peer.pem -pubout -outform DER -out peer.der
    rm -f secret
    run "ECDH with $1" "${tool[@]}" --derive --mechanism ECDH1-DERIVE --id "$1" --input-file peer.der --output-file secret
    openssl pkeyutl -derive -inkey peer.pem -peerkey "$1.pub" -out expected
    same expected secret "ECDH with $1"
}
derive 02 P-256
derive 03 P-384
derive 04 P-521
derive 05 secp256k1
derive 22 P-256
derive 23 P-384
derive 24 P-521
derive 25 secp256k1

# --- wrapping: RFC 3394 by OpenSSL on the other side ---
printf '000102030405060708090a0b0c0d0e0f' | bytes >kek # RFC 3394, 4.1
run 'importing a wrapping key' "${tool[@]}" --write-object kek --type secrkey --key-type AES:16 --id 13 --usage-wrap
run 'wrapping' "${tool[@]}" --wrap --mechanism AES-KEY-WRAP --id 13 --application-id 11 --output-file wrapped
[ "$(hex <wrapped)" = 1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5 ] || fail 'AES-KEY-WRAP: not the value of RFC 3394, 4.1'
unwrap=("${tool[@]}" --unwrap --mechanism AES-KEY-WRAP --id 13 --application-label unwrapped --key-type AES:)
run 'unwrapping' "${unwrap[@]}" --application-id 14 --input-file wrapped --sensitive
openssl enc -e -aes-128-ecb -nopad -K 00112233445566778899aabbccddeeff -in message -out expected
rm -f secret
run 'the unwrapped key encrypts' "${tool[@]}" --encrypt --mechanism AES-ECB --id 14 --input-file message --output-file secret
same expected secret 'the unwrapped key'
sed 's/./x/' wrapped >altered
refused 'unwrapping an altered key' "${unwrap[@]}" --application-id 15 --input-file altered --sensitive
[ "$PEER" = yes ] || says CKR_WRAPPED_KEY_INVALID
if [ "$PEER" = no ]; then # docs/mechanisms.md, "Roles of keys"
    refused 'a key that comes back readable' "${unwrap[@]}" --application-id 15 --input-file wrapped --extractable
    says CKR_TEMPLATE_INCONSISTENT
fi
# The tool wraps secret keys, by AES and by RSA, and unwraps them. What it wrapped and what OpenSSL wrapped comes in, and is
# told by what it makes. unwraps TYPE MECHANISM ID: the file "wrapped", whose key is in the file "plain"
unwraps() {
    run "unwrapping $1 by $2" "${tool[@]}" --unwrap --mechanism "$2" --id "$3" --iv $iv --key-type "$1" --application-id e0 \
        --input-file wrapped --sensitive
    rm -f made
    if [ "$1" = GENERIC: ]; then
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(hex <plain)" -binary -out expected message
        run "HMAC by what $2 brought" "${tool[@]}" --sign --mechanism SHA256-HMAC --id e0 --input-file message --output-file made
    else
        openssl enc -e "-aes-$(($(wc -c <plain) * 8))-ecb" -nopad -K "$(hex <plain)" -in message -out expected
        run "AES by what $2 brought" "${tool[@]}" --encrypt --mechanism AES-ECB --id e0 --input-file message --output-file made
    fi
    same expected made "what $2 brought"
    run 'deleting it' "${tool[@]}" --delete-object --type secrkey --id e0
}
# wraps MECHANISM ID OPENSSL-WORDS…: keys of each type; the words wrap, too
wraps() {
    local mechanism=$1 id=$2 key type
    shift 2
    for key in 11 a024 b032 0c; do
        if [ $key = 0c ]; then type=GENERIC:; else type=AES:; fi
        rm -f wrapped plain
        run "reading $key" "${tool[@]}" --read-object --type secrkey --id $key --output-file plain
        run "wrapping $key by $mechanism" "${tool[@]}" --wrap --mechanism "$mechanism" --id "$id" --iv $iv \
            --application-id $key --output-file wrapped
        unwraps $type "$mechanism" "$id"
        "$@" <plain >wrapped 2>out || fail "OpenSSL wraps $key by $mechanism"
        unwraps $type "$mechanism" "$id"
    done
}
if [ "$PEER" = no ]; then
    pair 31 rsa:2048 --usage-wrap
    run 'exporting the wrapping key' "${tool[@]}" --read-object --type pubkey --id 31 --output-file 31.der
    wraps AES-CBC-PAD 13 openssl enc -e -aes-128-cbc -K 000102030405060708090a0b0c0d0e0f -iv $iv
    wraps RSA-PKCS 31 openssl pkeyutl -encrypt -pubin -keyform DER -inkey 31.der -pkeyopt rsa_padding_mode:pkcs1
fi
refused 'wrapping a key that may not leave' "${tool[@]}" --wrap --mechanism AES-KEY-WRAP --id 13 --application-id 0a \
    --output-file nothing

# --- deletion, and the tool's own tests ---
run 'deleting' "${tool[@]}" --delete-object --type secrkey --id 14
refused 'reading what is deleted' "${tool[@]}" --read-object --type secrkey --id 14 --output-file nothing
if [ "$PEER" = no ]; then # SoftHSM: OAEP with SHA-1 only; crashes in --test-threads; no C_Initialize in a child
    # Each thread: C_Initialize with locks, C_GetInfo, C_GetSlotList, C_GetTokenInfo (OpenSC, test_threads). The tool
    # waits for 30 seconds when it is done before its threads are, whoever's module it has; --test takes longer than they.
    threads=(--test-threads ILGISLT0 --test-threads ILGISLT0 --test-threads ILGISLT0 --test-threads ILGISLT0)
    run '--test and --test-threads' "${tool[@]}" --test "${threads[@]}"
    says 'SHA256: OK'
    says_not '^ERR:'
    says_not 'rv = CKR_'
    says 'all threads have ended with CKR_OK'
    says_not 'some errors'
    says_not 'Unknown test'
    run '--test-fork' pkcs11-tool --module "$MODULE" --test-fork
fi
