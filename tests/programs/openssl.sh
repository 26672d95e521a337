#!/usr/bin/env bash
# OpenSSL's program with its keys in the token, by pkcs11-provider: the commands of docs/openssl.md, then what they left
# is checked by OpenSSL alone, and TLS 1.3 with each type of key on both sides.
#   usage: openssl.sh MODULE SOURCE
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
begin "$@"
token
provider

key_of() { printf 'pkcs11:token=mine;object=%s;type=private?pin-source=file:%s' "$1" "$folder/pin"; }
plain=(env -u OPENSSL_CONF -u OPENSSL_MODULES openssl)

page openssl
# --- without the provider: what it made is right, and what was altered is not ---
run 'the certificates' "${plain[@]}" verify -CAfile root.crt web.crt mail.crt
run 'an ECDSA signature' "${plain[@]}" dgst -sha256 -verify mail.pub -signature message.sig message
run 'a PSS signature' "${plain[@]}" dgst -sha256 -sigopt rsa_padding_mode:pss -verify web.pub -signature message.pss message
"${plain[@]}" x509 -in root.crt -noout -pubkey >root.pub
run 'an Ed25519 signature' "${plain[@]}" pkeyutl -verify -rawin -pubin -inkey root.pub -in message -sigfile message.ed
printf 'forty-three' >other
refused 'another message, ECDSA' "${plain[@]}" dgst -sha256 -verify mail.pub -signature message.sig other
says 'verification failure'
refused 'another message, PSS' "${plain[@]}" dgst -sha256 -sigopt rsa_padding_mode:pss -verify web.pub -signature message.pss other
says 'verification failure'
refused 'another message, Ed25519' "${plain[@]}" pkeyutl -verify -rawin -pubin -inkey root.pub -in other -sigfile message.ed
says 'verification failure'
for name in message.signed message.dec message.dec2; do
    tr -d '\r' <"$name" | cmp -s - message || fail "$name is not the message"
done
# The PEM file of a key has its URI and not the key.
"${plain[@]}" asn1parse -in web.pem >out 2>&1 || true
says 'pkcs11:.*object=web'
refused 'the URI without the provider' "${plain[@]}" pkey -in web.pem -noout
run 'the URI in a file' openssl pkey -in web.pem -passin file:pin -pubout
refused 'a wrong PIN' openssl dgst -sha256 -sign 'pkcs11:token=mine;object=mail;type=private?pin-value=wrong-pin' message
refused 'a key that is not there' openssl dgst -sha256 -sign "$(key_of nobody)" message

# --- ECDH: both sides get one secret ---
"${plain[@]}" genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out peer.pem 2>out
"${plain[@]}" pkey -in peer.pem -pubout -out peer.pub
run 'pkeyutl -derive' openssl pkeyutl -derive -inkey "$(key_of mail)" -peerkey peer.pub -out secret
run 'pkeyutl -derive on the other side' "${plain[@]}" pkeyutl -derive -inkey peer.pem -peerkey mail.pub -out secret2
same secret secret2 'the ECDH secret'

# --- TLS 1.3, both sides with the same type of key; RSA keys sign with PSS there ---
# tls KEY SIGNATURE WORDS…: the words are of the certificate's signature
tls() {
    free_port
    run "a certificate for $1" openssl req -x509 -key "$(key_of "$1")" -subj /CN=localhost -days 2 -out tls.crt "${@:3}"
    serve "s_server-$1" openssl s_server -accept "127.0.0.1:$port" -www -cert tls.crt -key "$(key_of "$1")" -Verify 1 \
        -verify_return_error -CAfile tls.crt
    wait_for "s_server-$1" listens
    run "TLS with $1" openssl s_client -connect "127.0.0.1:$port" -brief -CAfile tls.crt -verify_return_error -cert tls.crt \
        -key "$(key_of "$1")" -tls1_3
    says "Signature type: $2"
    says 'Protocol version: TLSv1.3'
    says 'Verification: OK'
    refused "another authority than that of $1" openssl s_client -connect "127.0.0.1:$port" -CAfile other.crt -verify_return_error
    # The page comes only after the client has proved itself.
    printf 'GET / HTTP/1.0\r\n\r\n' >request
    fetch() { timeout 20 openssl s_client -connect "127.0.0.1:$port" -quiet -CAfile tls.crt "$@" <request >out 2>&1 || true; }
    fetch -cert tls.crt -key "$(key_of "$1")"
    says 'HTTP/1.0 200 ok'
    fetch
    says_not 'HTTP/1.0 200 ok'
    stop
}
"${plain[@]}" req -x509 -newkey ed25519 -nodes -keyout other.key -out other.crt -subj /CN=localhost -days 2 2>out
tls web RSA-PSS
tls mail ECDSA
tls root ed25519
# A key that is for PSS alone, by its own type in the certificate and CKA_ALLOWED_MECHANISMS in the token. The provider
# names no defaults of PSS in a certificate.
run 'generating a PSS key' openssl genpkey -propquery '?provider=pkcs11' -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 \
    -pkeyopt "pkcs11_uri:pkcs11:token=mine;object=pss?pin-source=file:$folder/pin" -out pss.pem
tls pss RSA-PSS -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
run 'the type of the PSS key' "${plain[@]}" x509 -in tls.crt -noout -text
says 'Public Key Algorithm: rsassaPss'
refused 'PKCS#1 v1.5 with a PSS key' openssl dgst -sha256 -sigopt rsa_padding_mode:pkcs1 -sign "$(key_of pss)" message

# --- req, x509, cms and dgst with each type of key ---
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>out
# each KEY WORDS…: the words are of a signature by it
each() {
    local key=$1
    shift
    run "req by $key" openssl req -new -key "$(key_of "$key")" -subj "/CN=$key" "$@" -out each.csr
    run "the request of $key" "${plain[@]}" req -verify -noout -in each.csr
    run "req -x509 by $key" openssl req -x509 -key "$(key_of "$key")" -subj "/CN=$key" -days 2 "$@" -out "each-$key.crt"
    run "x509 by $key" openssl x509 -req -in leaf.csr -CA "each-$key.crt" -CAkey "$(key_of "$key")" -days 2 "$@" -out leaf.crt
    run "the certificate by $key" "${plain[@]}" verify -CAfile "each-$key.crt" leaf.crt
    sed 's/leaf/lead/' <("${plain[@]}" x509 -in leaf.crt -outform DER) | "${plain[@]}" x509 -inform DER -out lead.crt 2>/dev/null
    refused "another name, $key" "${plain[@]}" verify -CAfile "each-$key.crt" lead.crt
}
# signs KEY WORDS…: CMS, verified with the certificate and not over something else
signs() {
    local key=$1
    shift
    run "cms -sign by $key" openssl cms -sign -binary -in message -signer "each-$key.crt" -inkey "$(key_of "$key")" "$@" \
        -outform DER -out each.p7
    run "cms -verify of $key" "${plain[@]}" cms -verify -binary -inform DER -in each.p7 -content message \
        -CAfile "each-$key.crt" -purpose any -out back
    same message back "the message that $key signed"
    refused "another message, cms by $key" "${plain[@]}" cms -verify -binary -inform DER -in each.p7 -content other \
        -CAfile "each-$key.crt" -purpose any -out back
}
# opens KEY WORDS…: CMS that OpenSSL encrypted for the key
opens() {
    local key=$1
    shift
    "${plain[@]}" cms -encrypt -binary -aes256 -in message -outform DER -out each.p7 -recip "each-$key.crt" "$@" 2>out ||
        fail "cms -encrypt for $key"
    rm -f back
    run "cms -decrypt by $key" openssl cms -decrypt -inform DER -in each.p7 -recip "each-$key.crt" -inkey "$(key_of "$key")" -out back
    same message back "what $key decrypted"
}
each web
each web -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
each mail
each root
each pss -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
signs web
signs web -keyopt rsa_padding_mode:pss
signs web -noattr -md sha512
signs mail
signs mail -md sha384
signs pss -keyopt rsa_padding_mode:pss # with Ed25519 OpenSSL 3.0 makes no CMS, wherever the key is
opens web
if [ "$PEER" = no ]; then # SoftHSM: OAEP with SHA-1 only, no key for ECDH by default
    opens web -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256
    opens mail
fi
for key in web mail; do
    for hash in sha1 sha224 sha256 sha384 sha512; do
        run "dgst -$hash by $key" openssl dgst "-$hash" -sign "$(key_of $key)" -out each.sig message
        run "dgst -$hash of $key" "${plain[@]}" dgst "-$hash" -verify $key.pub -signature each.sig message
        refused "another message, dgst -$hash of $key" "${plain[@]}" dgst "-$hash" -verify $key.pub -signature each.sig other
        run "dgst -$hash of $key by the token" openssl dgst "-$hash" -verify "pkcs11:token=mine;object=$key;type=public" \
            -signature each.sig message
    done
done
