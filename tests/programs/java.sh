#!/usr/bin/env bash
# Java: keytool and jarsigner by SunPKCS11, the commands of docs/java.md. OpenSSL reads what they made.
#   usage: java.sh MODULE SOURCE
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
begin "$@"
need keytool=openjdk-17-jdk-headless jarsigner=openjdk-17-jdk-headless jar=openjdk-17-jdk-headless
token

page java
cp out page
for alias in code site; do
    grep -q "^$alias, PrivateKeyEntry" page || fail "keytool -list shows no $alias"
done
[ "$(grep -c '^jar verified' page)" -eq 2 ] || fail 'jarsigner -verify did not say that both jars are verified'

# --- OpenSSL on what they made ---
run 'the request' openssl req -in site.csr -verify -noout -subject
says 'CN = *site'
# signed JAR ALIAS TYPE: a signature block is CMS over the file of digests.
signed() {
    mkdir "$2"
    (cd "$2" && jar xf "../$1") || fail "unpacking $1"
    run "the signature of $1" openssl cms -verify -binary -inform DER -in "$2/META-INF/${2^^}.$3" \
        -content "$2/META-INF/${2^^}.SF" -CAfile "$2.crt" -purpose any -out back
    sed 's/Name: file/Name: fole/' "$2/META-INF/${2^^}.SF" >altered
    refused "an altered file of digests in $1" openssl cms -verify -binary -inform DER -in "$2/META-INF/${2^^}.$3" \
        -content altered -CAfile "$2.crt" -purpose any -out back
}
signed signed.jar code RSA
signed signed-ec.jar site EC

# --- what the page does not show, and what came from the PKCS#12 file ---
store=(-keystore NONE -storetype PKCS11 -providerClass sun.security.pkcs11.SunPKCS11 -providerArg bulla-java.cfg)
store+=(-storepass:env BULLA_PIN)
# made ALIAS TYPE WORDS…: TYPE: of the block
made() {
    local alias=$1 type=$2
    shift 2
    run "generating $alias" keytool "${store[@]}" -genkeypair -alias "$alias" -dname "CN=$alias" "$@"
    run "the certificate of $alias" keytool "${store[@]}" -exportcert -rfc -alias "$alias" -file "$alias.crt"
    run "signing by $alias" jarsigner "${store[@]}" -signedjar "$alias.jar" program.jar "$alias"
    signed "$alias.jar" "$alias" "$type"
}
made pss RSA -keyalg RSA -keysize 2048 -sigalg RSASSA-PSS
made middle EC -keyalg EC -groupname secp384r1
run 'signing by the imported key' jarsigner "${store[@]}" -signedjar old.jar program.jar old
signed old.jar old EC
run 'the list' keytool "${store[@]}" -list
says '^store, SecretKeyEntry'
run 'the secret key' pkcs11-tool --module "$MODULE" --token-label "$TOKEN" --login --pin "$USER_PIN" --list-objects --type secrkey
says 'AES length 32'

# --- what must be refused ---
echo 'what was put there instead' >classes/file
cp signed.jar altered.jar
jar uf altered.jar -C classes file
timeout 60 jarsigner -verify altered.jar >out 2>&1 || true
says_not '^jar verified'
says 'digest error'
refused 'a wrong PIN' env BULLA_PIN=wrong-pin keytool "${store[@]}" -list -v
says 'CKR_PIN_INCORRECT'
run 'deleting' keytool "${store[@]}" -delete -alias site
run 'what is left' keytool "${store[@]}" -list
says '^code, '
says_not '^site, '
