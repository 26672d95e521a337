#!/usr/bin/env bash
# GnuTLS with its keys in the token: the commands of docs/gnutls.md, p11tool's others, then TLS 1.3 with each type of key
# on both sides. OpenSSL checks what comes out.
#   usage: gnutls.sh MODULE SOURCE
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
begin "$@"
need p11tool=gnutls-bin certtool=gnutls-bin gnutls-serv=gnutls-bin gnutls-cli=gnutls-bin
token
export GNUTLS_PIN=$USER_PIN
tool=(p11tool --provider "$MODULE" --batch --login)
uri='pkcs11:token=mine'

page gnutls
cp out page
for name in web web2; do openssl x509 -in "$name.crt" -out "$name.pem"; done # without the text above it
same web.pem web2.pem 'the certificate of the page'
grep -q 'HTTP/1.0 200 OK' page || fail 'the server of the page gave no page'
grep -q 'Verifying against public key in the token... ok' page || fail '--test-sign of the page'

# --- what the page does not show: what p11tool generates, and what it brings in from files ---
# made TYPE NAME WORDS…
made() {
    local type=$1 name=$2
    shift 2
    run "generating $name" "${tool[@]}" --generate-privkey "$type" "$@" --label "$name" --id 20 --outfile "$name.pub" "$uri"
    run "signing with $name" "${tool[@]}" --test-sign "$uri;object=$name;type=private"
    says 'Verifying against public key in the token... ok'
    run "exporting $name" "${tool[@]}" --export "$uri;object=$name;type=public" --outfile out.pub
    run "OpenSSL reads what was exported" openssl pkey -pubin -in out.pub -out out2.pub
    run "OpenSSL reads what was written" openssl pkey -pubin -in "$name.pub" -out out3.pub
    same out3.pub out2.pub "the public key of $name"
}
made rsa rsa3072 --bits 3072
made ecdsa p384 --curve secp384r1
made ecdsa p521 --curve secp521r1
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out import.pem 2>out
for curve in 256 384 521; do openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-$curve -out import$curve.pem; done
openssl genpkey -algorithm ed25519 -out imported.pem
names=(import import256 import384 import521)
[ "$PEER" = yes ] || names+=(imported) # SoftHSM knows GnuTLS's name of the curve not
for name in "${names[@]}"; do
    openssl pkey -in "$name.pem" -pubout -out "$name.pub"
    run "writing $name" "${tool[@]}" --write --load-privkey "$name.pem" --label "$name" --id 10 "$uri"
    run "writing the public key of $name" "${tool[@]}" --write --load-pubkey "$name.pub" --label "$name" --id 10 "$uri"
    if [ "$name" = imported ]; then # --test-sign knows no hash for Ed25519: a certificate is signed instead
        printf 'cn = imported\nsigning_key\nexpiration_days = 2\n' >imported.template
        run "signing with $name" certtool --provider "$MODULE" --generate-self-signed --load-pubkey "$name.pub" \
            --load-privkey "$uri;object=$name;type=private" --template imported.template --outfile "$name.crt"
        run "OpenSSL verifies it" openssl verify -CAfile "$name.crt" "$name.crt"
    else
        run "signing with $name" "${tool[@]}" --test-sign "$uri;object=$name;type=private"
        says 'Verifying against public key in the token... ok'
    fi
    run "exporting $name" "${tool[@]}" --export "$uri;object=$name;type=public" --outfile out.pub
    openssl pkey -pubin -in out.pub -out out2.pub 2>out || true
    same "$name.pub" out2.pub "the public key of $name"
    refused "exporting the private key of $name" "${tool[@]}" --export "$uri;object=$name;type=private" --outfile nothing
    run "deleting $name" "${tool[@]}" --delete "$uri;object=$name;type=private"
    refused "signing with what is deleted, $name" "${tool[@]}" --test-sign "$uri;object=$name;type=private"
done
run 'a secret key' "${tool[@]}" --write --secret-key 00112233445566778899aabbccddeeff --label secret --id 11 "$uri"
run 'the public key of a private one' "${tool[@]}" --export-pubkey "$uri;object=web;type=private" --outfile out.pub
run 'it is the same' openssl pkey -pubin -in out.pub -out out2.pub
openssl pkey -pubin -in web.pub -out web3.pub
same web3.pub out2.pub 'web.pub by --export-pubkey'
run 'another label' "${tool[@]}" --set-label renamed "$uri;object=import384;type=public"
run 'the list' "${tool[@]}" --list-all "$uri"
says 'Label: renamed'
says 'Type: X.509 Certificate (RSA-2048)'
says 'Type: Private key (EC/ECDSA-SECP256R1)'
says_not 'object=import;type=private'
says_not 'object=import384'
refused 'a wrong PIN' env GNUTLS_PIN=wrong-pin "${tool[@]}" --test-sign "$uri;object=web;type=private"

keys=(web mail)
if [ "$PEER" = no ]; then # SoftHSM knows GnuTLS's name of the curve not
    run 'generating Ed25519' "${tool[@]}" --generate-privkey eddsa --curve ed25519 --label root --id 03 --outfile root.pub "$uri"
    run 'a certificate of Ed25519' certtool --provider "$MODULE" --generate-self-signed --load-pubkey root.pub \
        --load-privkey "$uri;object=root;type=private" --template template --outfile root.crt
    keys+=(root)
fi

# --- TLS 1.3 ---
only='NORMAL:-VERS-ALL:+VERS-TLS1.3'
declare -A signature=([web]=RSA-PSS-RSAE-SHA256 [mail]=ECDSA-SECP256R1-SHA256 [root]=EdDSA-Ed25519)
printf 'GET / HTTP/1.0\r\n\r\n' >request
# ask CA WORDS…
ask() {
    local ca=$1
    shift
    timeout 20 gnutls-cli --provider "$MODULE" --priority "$only" --port "$port" --x509cafile "$ca" "$@" localhost \
        <request >out 2>&1 || true
}
openssl req -x509 -newkey ed25519 -nodes -keyout other.key -out other.crt -subj /CN=localhost -days 2 2>out
for name in "${keys[@]}"; do
    run "OpenSSL reads the certificate of $name" openssl verify -CAfile "$name.crt" "$name.crt"
    free_port
    serve "serv-$name" gnutls-serv --provider "$MODULE" --http --port "$port" --priority "$only" --x509certfile "$name.crt" \
        --x509keyfile "$uri;object=$name;type=private" --x509cafile "$name.crt" --require-client-cert --verify-client-cert
    wait_for "serv-$name" listens
    ask "$name.crt" --x509certfile "$name.crt" --x509keyfile "$uri;object=$name;type=private"
    says 'Status: The certificate is trusted'
    says "(TLS1.3-X.509).*(${signature[$name]})"
    says 'HTTP/1.0 200 OK'
    ask "$name.crt"
    says_not 'HTTP/1.0 200 OK'
    ask "$name.crt" --x509certfile other.crt --x509keyfile other.key
    says_not 'HTTP/1.0 200 OK'
    ask other.crt --x509certfile "$name.crt" --x509keyfile "$uri;object=$name;type=private"
    says_not 'HTTP/1.0 200 OK'
    stop
done
