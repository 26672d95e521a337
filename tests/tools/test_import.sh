#!/bin/sh
# bulla import: a real SoftHSM token is brought over, whole, twice, after a kill, and what can't come is named.
#   $1 the program bulla, $2 bulla's module, $3 token_keys
. "$(dirname "$0")/cli.sh"
KEYS=$3
SOFTHSM=/usr/lib/softhsm/libsofthsm2.so
for tool in softhsm2-util pkcs11-tool openssl; do
    command -v "$tool" >/dev/null || skip "$tool"
done
[ -f "$SOFTHSM" ] || skip "$SOFTHSM"

cat >"$BULLA_CONF" <<CONF
[token new]
path = $FOLDER/token
release = passphrase
pin-cost = quick
[token second]
path = $FOLDER/second
release = passphrase
pin-cost = quick
CONF
export SOFTHSM2_CONF="$FOLDER/softhsm2.conf"
mkdir "$FOLDER/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$FOLDER/tokens" >"$SOFTHSM2_CONF"
printf 'user-pin\n' >"$FOLDER/pin"
printf 'so-pin-12\n' >"$FOLDER/so"
printf '1234\n' >"$FOLDER/old-pin"
printf '4321\n' >"$FOLDER/wrong"

quietly() { "$@" >"$FOLDER/out" 2>"$FOLDER/err" </dev/null || fail "$*"; }
old() { quietly pkcs11-tool --module "$SOFTHSM" --token-label old --login --pin 1234 "$@"; }
new() { quietly pkcs11-tool --module "$MODULE" --token-label new --login --pin user-pin "$@"; }
# import STATUS WORDS…: from the token "old"
import() {
    wanted=$1
    shift
    offline "$wanted" import --module "$SOFTHSM" --token old --source-pin-file "$FOLDER/old-pin" \
        --to new --to-module "$MODULE" --pin-file "$FOLDER/pin" "$@"
}
# row LABEL CLASS FILTER: of the document that was printed
row() { json "[.objects[] | select(.label == \"$1\" and .class == \"$2\")] | length == 1 and (.[0] | $3)"; }

# --- the source ---
quietly softhsm2-util --init-token --free --label old --pin 1234 --so-pin 12345678
quietly "$KEYS" generate "$SOFTHSM" old 1234
old --keypairgen --key-type rsa:2048 --label sealed-rsa --id 01 --extractable
old --keypairgen --key-type EC:prime256v1 --label sealed-ec --id 02 --extractable
old --keypairgen --key-type EC:prime256v1 --label kept-ec --id 03
old --keygen --key-type AES:32 --label sealed-aes --id 04 --sensitive --extractable
openssl genpkey -algorithm ed25519 -out "$FOLDER/ed.pem" 2>/dev/null
quietly softhsm2-util --import "$FOLDER/ed.pem" --token old --label kept-ed --id 05 --pin 1234
printf '0123456789abcdef' >"$FOLDER/aes"
old --write-object "$FOLDER/aes" --type secrkey --key-type AES:16 --label open-aes --id 06 --extractable
old --keygen --key-type GENERIC:20 --label open-generic --id 07 --extractable
printf 'public data' >"$FOLDER/data"
old --write-object "$FOLDER/data" --type data --label open-data --application-label tests
printf 'private data' >"$FOLDER/private"
old --write-object "$FOLDER/private" --type data --label private-data --private
quietly "$KEYS" many "$SOFTHSM" old 1234 1 # "object 0", larger than what the arena holds
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$FOLDER/key.pem" -outform DER -out "$FOLDER/cert.der" \
    -subj /CN=test -days 1 2>/dev/null
old --write-object "$FOLDER/cert.der" --type cert --label cert --id 21
cp -r "$FOLDER/tokens" "$FOLDER/tokens-before"

offline 0 init --yes --token new --label new --so-pin-file "$FOLDER/so" --pin-file "$FOLDER/pin" --module "$MODULE"

# --- what is refused before anything is brought ---
offline 2 import --token old --to-module "$MODULE"
says "--module PATH is missing"
import 5 --token other
says 'none of the source'
offline 1 import --module "$FOLDER/pin" --token old --to new --to-module "$MODULE" --pin-file "$FOLDER/pin"
says "can't be loaded"
import 3 --source-pin-file "$FOLDER/wrong" --json
json '.error.reason == "pin-wrong"'
offline 3 import --module "$SOFTHSM" --token old --to new --to-module "$MODULE" --pin-file "$FOLDER/pin"
says "PIN of the source old is needed"
import 3 --pin-file "$FOLDER/wrong"
import 5 --to other
says "no bulla token is called"
offline 2 import --module "$MODULE" --token new --to new --to-module "$MODULE" --pin-file "$FOLDER/pin"
says "the source is the token itself"

# --- looked at, and nothing done ---
import 7 --dry-run
says 'would bring    private key RSA "open-rsa" (id 21)'
says 'would leave    private key EC "kept-ec" (id 03)'
import 7 --dry-run --json
json '.dry_run and .present == 0 and .brought >= 11 and .left >= 2'
offline 0 status --token new --module "$MODULE" --json
json '.objects == 2' # the receipt key's
[ ! -s "$FOLDER/err" ] || fail "remarks on standard error"

# --- brought ---
import 7 --json
json '.source == "old" and .token == "new" and .dry_run == false and .present == 0'
for label in open-rsa open-ec open-ed; do
    row $label "private key" '.result == "brought" and (.unwrapped | not) and (.notes | test("not sensitive"))'
    row $label "public key" '.result == "brought"'
done
for label in open-aes open-generic; do row $label "secret key" '.result == "brought"'; done
for label in open-data private-data; do row $label data '.result == "brought"'; done
row cert certificate '.result == "brought" and .id == "21"'
row sealed-rsa "public key" '.result == "brought"'
row kept-ec "private key" '.result == "left" and (.why | test("CKA_EXTRACTABLE is false"))'
row kept-ed "private key" '.result == "left" and (.why | test("CKA_EXTRACTABLE is false"))'
LEFT=$(jq .left <"$FOLDER/out")
cp "$FOLDER/out" "$FOLDER/report"

# The values are the ones of the source, bit by bit.
new --read-object --type data --label open-data --application-label tests --output-file "$FOLDER/back"
cmp -s "$FOLDER/data" "$FOLDER/back" || fail "the public data came changed"
new --read-object --type data --label private-data --output-file "$FOLDER/back"
cmp -s "$FOLDER/private" "$FOLDER/back" || fail "the private data came changed"
old --read-object --type data --label 'object 0' --output-file "$FOLDER/large"
new --read-object --type data --label 'object 0' --output-file "$FOLDER/back"
cmp -s "$FOLDER/large" "$FOLDER/back" || fail "the large data came changed"
[ "$(wc -c <"$FOLDER/back")" -eq 100000 ] || fail "not 100,000 bytes"
new --read-object --type cert --label cert --output-file "$FOLDER/back"
cmp -s "$FOLDER/cert.der" "$FOLDER/back" || fail "the certificate came changed"
new --list-objects --type secrkey
grep -q "VALUE: *$(xxd -p "$FOLDER/aes")" "$FOLDER/out" || fail "the AES key came changed"
grep 'VALUE:' "$FOLDER/out" | sort >"$FOLDER/values"
old --list-objects --type secrkey
grep 'VALUE:' "$FOLDER/out" | sort | cmp -s - "$FOLDER/values" || fail "a secret came changed"
[ "$(wc -l <"$FOLDER/values")" -eq 2 ] || fail "not two secrets are shown"

# Attributes, as one tool shows both: usage, access, id. What a token says of a key's own past does not travel.
listing() { # MODULE LABEL PIN TYPE OBJECT
    pkcs11-tool --module "$1" --token-label "$2" --login --pin "$3" --list-objects --type "$4" 2>/dev/null |
        awk -v label="$5" '/Object/ { text = "" } { text = text "\n" $0 } /label:/ { on = $2 == label }
            on && /Access:/ { print text; exit }' |
        grep -v -e Unique -e "Allowed" | sed 's/, local//;s/Access: *local/Access:     none/' |
        sed 's/, never extractable//;s/, always sensitive//' | tail -n +2
}
for kind in privkey pubkey; do
    for label in open-rsa open-ec open-ed; do
        listing "$SOFTHSM" old 1234 $kind $label >"$FOLDER/first"
        listing "$MODULE" new user-pin $kind $label >"$FOLDER/other"
        if [ ! -s "$FOLDER/first" ] || ! diff "$FOLDER/first" "$FOLDER/other" >"$FOLDER/out"; then
            fail "attributes of $kind $label"
        fi
    done
done

# A key that could wrap and decrypt arrives in any case, and what it may no longer do is said.
listing "$SOFTHSM" old 1234 secrkey open-aes >"$FOLDER/first"
grep -q 'Usage:.*decrypt.*wrap' "$FOLDER/first" || fail "SoftHSM's AES key wraps no more: nothing is shown here"
listing "$MODULE" new user-pin secrkey open-aes >"$FOLDER/other"
grep -q 'Usage:.*decrypt' "$FOLDER/other" || fail "the AES key came without its usages"
if grep -q 'Usage:.*wrap' "$FOLDER/other"; then SPLIT=''; else SPLIT='no longer wraps and unwraps'; fi
jq -e --arg split "$SPLIT" '.objects[] | select(.label == "open-aes") | .notes |
    if $split == "" then contains("no longer") | not else contains($split) end' <"$FOLDER/report" >"$FOLDER/out" ||
    fail "the report says otherwise of the AES key's usages"

# The private keys sign what the source's public keys verify, and no other one does.
printf 'to be signed' >"$FOLDER/message"
for label in open-rsa open-ec open-ed; do
    "$KEYS" private "$MODULE" new user-pin $label >"$FOLDER/private.pem" || fail "the parts of $label"
    "$KEYS" public "$SOFTHSM" old 1234 $label >"$FOLDER/public.pem" || fail "the public parts of $label"
    quietly openssl pkeyutl -sign -rawin -inkey "$FOLDER/private.pem" -in "$FOLDER/message" -out "$FOLDER/signature"
    quietly openssl pkeyutl -verify -rawin -pubin -inkey "$FOLDER/public.pem" -in "$FOLDER/message" \
        -sigfile "$FOLDER/signature"
    ! openssl pkeyutl -verify -rawin -pubin -inkey "$FOLDER/public.pem" -in "$FOLDER/data" \
        -sigfile "$FOLDER/signature" >/dev/null 2>&1 || fail "a signature of other bytes verifies"
done

# The token itself signs with them, whichever way they came.
mechanisms=$(pkcs11-tool --module "$MODULE" --token-label new --list-mechanisms 2>/dev/null)
# signs LABEL ID MECHANISM: in the token; verified by openssl under the source's public key
signs() {
    case $mechanisms in *"$3"*) ;; *) return ;; esac
    quietly "$KEYS" public "$SOFTHSM" old 1234 "$1"
    cp "$FOLDER/out" "$FOLDER/public.pem"
    new --sign --id "$2" --mechanism "$3" --signature-format openssl --input-file "$FOLDER/message" \
        --output-file "$FOLDER/signature"
    quietly openssl dgst -sha256 -verify "$FOLDER/public.pem" -signature "$FOLDER/signature" "$FOLDER/message"
}
signs open-rsa 21 SHA256-RSA-PKCS
signs open-ec 22 ECDSA-SHA256
case $mechanisms in
*AES-KEY-WRAP*)
    import 7 --json
    for label in sealed-rsa sealed-ec; do row $label "private key" '.result == "present"'; done
    row sealed-aes "secret key" '.result == "present"'
    [ "$LEFT" -eq 2 ] || fail "$LEFT objects were left behind"
    signs sealed-rsa 01 SHA256-RSA-PKCS
    signs sealed-ec 02 ECDSA-SHA256
    ;;
*)
    import 7 --json
    row sealed-rsa "private key" '.result == "left" and (.why | test("no AES key wrap"))'
    ;;
esac

# Both PINs are asked for on the terminal, each by its token's name, and neither is echoed.
typed 7 "PIN of new: " user-pin "PIN of the source old: " 1234 -- import --module "$SOFTHSM" --token old --to new \
    --to-module "$MODULE" --dry-run
says "there already"
! grep -q -e user-pin -e 1234 "$FOLDER/out" || fail "a PIN is echoed"

# --- again: nothing is brought twice ---
offline 0 status --token new --module "$MODULE" --json
BEFORE=$(jq .objects <"$FOLDER/out")
import 7 --json
json ".brought == 0 and .left == $LEFT and .present >= 11"
offline 0 status --token new --module "$MODULE" --json
json ".objects == $BEFORE"
# SoftHSM itself notes there that a PIN was wrong.
diff -r -x token.object -x generation "$FOLDER/tokens" "$FOLDER/tokens-before" >"$FOLDER/out" || fail "the source was written to"

# One that was lost is brought again, alone.
new --delete-object --type cert --label cert
import 7 --json
json '.brought == 1'
row cert certificate '.result == "brought"'
# Another value under the same label and id is another object.
printf 'other data!' >"$FOLDER/data"
new --delete-object --type data --label open-data --application-label tests
new --write-object "$FOLDER/data" --type data --label open-data --application-label tests
import 7 --json
row open-data data '.result == "brought"'

# --- killed in the middle, and run again ---
quietly softhsm2-util --init-token --free --label many --pin 1234 --so-pin 12345678
quietly "$KEYS" many "$SOFTHSM" many 1234 400
offline 0 init --yes --token second --label second --so-pin-file "$FOLDER/so" --pin-file "$FOLDER/pin" --module "$MODULE"
many() {
    exec "$BULLA" import --module "$SOFTHSM" --token many --source-pin-file "$FOLDER/old-pin" --to second \
        --to-module "$MODULE" --pin-file "$FOLDER/pin" --json >"$FOLDER/out" 2>"$FOLDER/err" </dev/null
}
stored() { stat -c %s "$FOLDER/second/token.db-wal" 2>/dev/null || echo 0; }
many &
child=$!
start=$(stored)
until [ "$(stored)" -gt $((start + 200000)) ] || ! kill -0 $child 2>/dev/null; do sleep 0.005; done
kill -KILL $child 2>/dev/null # the program: the function's shell became it
wait $child 2>/dev/null
offline 0 status --token second --module "$MODULE" --json
json '.objects > 2 and .objects < 402'
SURVIVED=$(($(jq .objects <"$FOLDER/out") - 2))
(many) || fail "the second run"
json ".brought == 400 - $SURVIVED and .present == $SURVIVED and .left == 0"
(many) || fail "the third run"
json '.brought == 0 and .present == 400'
pkcs11-tool --module "$MODULE" --token-label second --login --pin user-pin --list-objects --type data 2>/dev/null |
    grep -c "label: .*'object " >"$FOLDER/out"
[ "$(cat "$FOLDER/out")" -eq 400 ] || fail "not 400 objects"

# Another key under the same id and label is another key, whose point tells it: here, of a second source.
quietly softhsm2-util --init-token --free --label more --pin 1234 --so-pin 12345678
quietly "$KEYS" generate "$SOFTHSM" more 1234
for again in 6 0; do
    offline 0 import --module "$SOFTHSM" --token more --source-pin-file "$FOLDER/old-pin" --to new \
        --to-module "$MODULE" --pin-file "$FOLDER/pin" --json
    json ".brought == $again and .present == 6 - $again"
done
import 7 --json
json '.brought == 0'

# Every type of key that a SoftHSM user has, sealed at the source; and a curve that bulla has not.
quietly softhsm2-util --init-token --free --label types --pin 1234 --so-pin 12345678
types() { quietly pkcs11-tool --module "$SOFTHSM" --token-label types --login --pin 1234 "$@"; }
types --keypairgen --key-type rsa:4096 --label t-rsa --id 61 --extractable
types --keypairgen --key-type EC:secp384r1 --label t-p384 --id 62 --extractable
types --keypairgen --key-type EC:secp521r1 --label t-p521 --id 63 --extractable
types --keypairgen --key-type EC:secp256k1 --label t-k256 --id 64 --extractable
types --keypairgen --key-type EC:brainpoolP256r1 --label t-foreign --id 65 --extractable
types --keygen --key-type AES:24 --label t-aes --id 66 --sensitive --extractable
types --keygen --key-type GENERIC:64 --label t-generic --id 67 --sensitive --extractable
openssl dgst -sha256 -binary -out "$FOLDER/digest" "$FOLDER/message"
types --sign --mechanism SHA256-HMAC --id 67 --input-file "$FOLDER/message" --output-file "$FOLDER/mac"
types --encrypt --mechanism AES-CBC-PAD --iv 000102030405060708090a0b0c0d0e0f --id 66 --input-file "$FOLDER/message" \
    --output-file "$FOLDER/secret"
offline 7 import --module "$SOFTHSM" --token types --source-pin-file "$FOLDER/old-pin" --to new --to-module "$MODULE" \
    --pin-file "$FOLDER/pin" --json
json '.left == 2'
for half in private public; do row t-foreign "$half key" '.result == "left" and (.why | test("curve"))'; done
cp "$FOLDER/out" "$FOLDER/report"
for label in t-rsa t-p384 t-p521 t-k256; do
    cp "$FOLDER/report" "$FOLDER/out"
    row $label "private key" '.result == "brought" and .unwrapped'
    id=6$(echo $label | sed 's/t-rsa/1/;s/t-p384/2/;s/t-p521/3/;s/t-k256/4/')
    case $label in t-rsa) mechanism=SHA256-RSA-PKCS ;; *) mechanism=ECDSA ;; esac
    new --sign --id "$id" --mechanism $mechanism --input-file "$FOLDER/digest" --output-file "$FOLDER/signature"
    types --verify --id "$id" --mechanism $mechanism --input-file "$FOLDER/digest" --signature-file "$FOLDER/signature"
    says 'Signature is valid'
done
new --sign --mechanism SHA256-HMAC --id 67 --input-file "$FOLDER/message" --output-file "$FOLDER/back"
cmp -s "$FOLDER/mac" "$FOLDER/back" || fail "the sealed generic secret came changed"
new --decrypt --mechanism AES-CBC-PAD --iv 000102030405060708090a0b0c0d0e0f --id 66 --input-file "$FOLDER/secret" \
    --output-file "$FOLDER/back"
cmp -s "$FOLDER/message" "$FOLDER/back" || fail "the sealed AES key came changed"

# From one bulla token to another: the module is loaded already, and its models stay where they are.
offline 7 import --module "$MODULE" --token new --source-pin-file "$FOLDER/pin" --to second --to-module "$MODULE" \
    --pin-file "$FOLDER/pin" --json
json '[.objects[] | select(.label == "open-ec" and .class == "private key")] | map(.result) == ["brought", "brought"]'
row "bulla receipt key" "private key" '.result == "left"'
finish
