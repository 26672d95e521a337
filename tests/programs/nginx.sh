#!/usr/bin/env bash
# nginx serving HTTPS with its key in the token, by the commands of docs/nginx.md; its workers are children of the process
# that loaded the key. Then an RSA key, and every worker asked.
#   usage: nginx.sh MODULE SOURCE
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
begin "$@"
need curl
token
provider
if ! PATH=$PATH:/usr/sbin command -v nginx >/dev/null; then # installing it would start it
    package nginx
    mkdir -p "$folder/bin"
    cp "$unpacked/usr/sbin/nginx" "$folder/bin/"
fi
PATH=$folder/bin:$PATH:/usr/sbin
ordinary_user
page nginx
grep -qx 'sealed' out || fail 'the page of docs/nginx.md was not served'

# --- two workers, an RSA key beside the other, forty connections ---
pin="pin-source=file:$folder/pin"
run 'generating RSA' "${user[@]}" openssl genpkey -propquery '?provider=pkcs11' -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
    -pkeyopt "pkcs11_uri:pkcs11:token=mine;object=rsa?$pin" -out rsa.pem
run 'a certificate of RSA' "${user[@]}" openssl req -x509 -key "pkcs11:token=mine;object=rsa;type=private?$pin" -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -days 2 -out rsa.crt
free_port
sed -e "s|listen .* ssl|listen 127.0.0.1:$port ssl reuseport|" -e 's|"sealed\\n"|"$pid\\n"|' \
    -e "s|\( *\)ssl_session_tickets|\1ssl_certificate $folder/rsa.crt;\n\1ssl_certificate_key $folder/rsa.pem;\n&|" \
    nginx.conf >nginx2.conf
serve nginx env OPENSSL_CONF="$folder/nginx-openssl.cnf" "${user[@]}" nginx -p "$folder" -c nginx2.conf -e stderr -g 'daemon off;'
wait_for nginx listens
# ask NAME SIGNATURE: one connection; the worker's process is added to "workers"
ask() {
    printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 env -u OPENSSL_CONF -u OPENSSL_MODULES openssl s_client -quiet \
        -connect "127.0.0.1:$port" -CAfile "$1.crt" -verify_return_error -sigalgs "$2" >out 2>&1 || true
    says 'HTTP/1.1 200 OK'
    [ "$failures" -eq 0 ] || { cat nginx.log >&2; exit 1; }
    tail -n 1 out >>workers
}
both() { # asks until two workers have answered
    : >workers
    for ((i = 0; i < 40 && $(sort -u workers | wc -l) < 2; i++)); do
        ask www ECDSA+SHA256
        ask rsa RSA-PSS+SHA256
    done
    [ "$(sort -u workers | wc -l)" -eq 2 ] || fail "not both workers answered: $(sort workers | uniq -c | tr '\n' ' ')"
}
both
refused 'another authority' curl --silent --fail --cacert www.crt --tls-max 1.2 --ciphers ECDHE-RSA-AES128-GCM-SHA256 "https://localhost:$port/"
# A worker that is killed is followed by another, which opens the token as well.
killed=$(head -n 1 workers)
kill -9 "$killed"
wait_for nginx grep -q "worker process $killed exited" nginx.log
both
! grep -qx "$killed" workers || fail 'the worker that was killed answers'
stop
if grep -E '\[(emerg|alert|crit|error)\]' nginx.log | grep -v 'exited on signal 9'; then fail 'nginx complains'; fi

# --- a wrong PIN: it does not start ---
printf wrong-pin >wrong
sed "s|file:.*|file:$folder/wrong|" nginx-openssl.cnf >wrong.cnf
refused 'nginx with a wrong PIN' env OPENSSL_CONF="$folder/wrong.cnf" "${user[@]}" nginx -t -p "$folder" -c nginx2.conf -e stderr
