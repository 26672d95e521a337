#!/usr/bin/env bash
# PyKCS11: the program of docs/python.md, whose signature OpenSSL verifies, and what must be refused.
#   usage: python.sh MODULE SOURCE
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
begin "$@"
# The package is for Debian's Python, which need not be the first in the path.
for python in python3 /usr/bin/python3; do
    ! "$python" -c 'import PyKCS11' 2>/dev/null || break
    [ "$python" = python3 ] || skip 'PyKCS11 (package python3-pykcs11)'
done
mkdir bin
ln -s "$(command -v "$python")" bin/python3
export PATH=$folder/bin:$PATH
token

page python
says 'found 1 and the signature is True'
run 'exporting the key' pkcs11-tool --module "$MODULE" --token-label mine --read-object --type pubkey --id 50 --output-file python.der
openssl pkey -pubin -inform DER -in python.der -out python.pub
printf 'what is signed' >message
printf 'what is singed' >other
run 'OpenSSL verifies' openssl dgst -sha256 -verify python.pub -signature python.sig message
refused 'another message' openssl dgst -sha256 -verify python.pub -signature python.sig other
run 'Ed25519, ECDSA and what is refused' python3 "$SOURCE/tests/programs/python.py"
says '^all passed'
