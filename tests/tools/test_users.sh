#!/bin/sh
# Users of a token, and who proves to be somebody, by the program: named logins, key files, a wallet's hex.
. "$(dirname "$0")/cli.sh"
command -v openssl >/dev/null || skip openssl

cat >"$BULLA_CONF" <<CONF
[token try]
path = $FOLDER/token
release = passphrase
pin-cost = quick
CONF
for name in user so-pin-12 ann bob new wrong; do
    printf '%s-pin\n' "$name" >"$FOLDER/$name"
done
PIN="--pin-file $FOLDER/user"
ANN="--user ann --pin-file $FOLDER/ann"
LOG="$FOLDER/token/audit.jsonl"
run 0 init --yes --label models --so-pin-file "$FOLDER/so-pin-12" $PIN

# the owner makes them
run 0 user list $PIN --json
json '.users == []'
run 3 model list $ANN
says "there is no user:ann"
run 0 user add ann --new-pin-file "$FOLDER/ann" $PIN --json
json '.user == "ann" and .principal == "user:ann"'
run 0 user add bob --new-pin-file "$FOLDER/bob" $PIN
says "--user bob"
run 0 user list $PIN --json
json '.users | sort == ["ann", "bob"]'
run 2 user add user --new-pin-file "$FOLDER/ann" $PIN
run 2 user add ann --new-pin-file "$FOLDER/ann" $PIN
says "the token has a user 'ann' already"
run 2 user add Ann --new-pin-file "$FOLDER/ann" $PIN
says "is no user's name"

# each logs in with a PIN of his own
run 0 model list $ANN --json
json '.models == []'
run 0 user list $ANN --json
json '.users | length == 2'
run 0 model list --user user $PIN
run 3 model list --user ann --pin-file "$FOLDER/bob"
says "(pin-wrong)"
run 3 model list --pin-file "$FOLDER/ann"
says "(pin-wrong)"
run 2 model list --user ../ann --pin-file "$FOLDER/ann"
grep -q '"event":"login","user":"user:ann"' "$LOG" || fail "the log does not name ann"

# and manages nobody
run 3 user add eve --new-pin-file "$FOLDER/new" $ANN
says "the token's owner alone"
run 3 user remove bob --yes $ANN
says "the token's owner alone"

# her PIN is hers to change
run 0 user pin $ANN --new-pin-file "$FOLDER/new" --json
json '.user == "ann"'
run 3 model list $ANN
run 0 model list --user ann --pin-file "$FOLDER/new"
run 0 user pin $PIN --new-pin-file "$FOLDER/wrong"
run 0 user pin --pin-file "$FOLDER/wrong" --new-pin-file "$FOLDER/user"
run 0 model list --user bob --pin-file "$FOLDER/bob"

# wrong tries of one lock one
for try in 1 2 3 4 5 6; do
    run 3 model list --user bob --pin-file "$FOLDER/wrong"
done
says "(pin-locked)"
says "user:bob's PIN"
says "have the owner remove and add the user"
run 0 model list --user ann --pin-file "$FOLDER/new"
run 0 model list $PIN

# removed
run 1 user remove bob $PIN
says "consent is needed"
run 0 user remove bob --yes $PIN --json
json '.user == "bob"'
run 3 model list --user bob --pin-file "$FOLDER/bob"
run 2 user remove bob --yes $PIN
run 0 user list $PIN --json
json '.users == ["ann"]'

# keys prove themselves: openssl makes them
openssl genpkey -algorithm ED25519 -out "$FOLDER/ed.pem" 2>/dev/null
openssl ecparam -name secp256k1 -genkey -noout -out "$FOLDER/k1.pem" 2>/dev/null
hex() { od -An -v -tx1 | tr -d ' \n'; }
ED=ed25519:$(openssl pkey -in "$FOLDER/ed.pem" -pubout -outform DER | tail -c 32 | hex)
K1=secp256k1:$(openssl ec -in "$FOLDER/k1.pem" -pubout -conv_form compressed -outform DER 2>/dev/null | tail -c 33 | hex)
run 0 model list $PIN --as "$ED" --as-key "$FOLDER/ed.pem"
run 0 model list $PIN --as "$K1" --as-key "$FOLDER/k1.pem" --json
json '.models == []'
run 0 model list --user ann --pin-file "$FOLDER/new" --as "$ED" --as-key "$FOLDER/ed.pem"
run 0 model list $PIN --as user:ann --as-key "$FOLDER/new"
run 3 model list $PIN --as user:ann --as-key "$FOLDER/ann"
says "(pin-wrong)"
[ "$(grep -c '"event":"proved"' "$LOG")" -eq 4 ] || fail "the log has not the four proofs"
run 2 model list $PIN --as-key "$FOLDER/ed.pem"
run 2 model list $PIN --as nobody --as-key "$FOLDER/ed.pem"
run 1 model list $PIN --as "$ED" --as-key "$FOLDER/k1.pem"
says "no private key of the principal's kind"
openssl genpkey -algorithm ED25519 -out "$FOLDER/other.pem" 2>/dev/null
run 3 model list $PIN --as "$ED" --as-key "$FOLDER/other.pem"
says "(principal-wrong)"

# by hand, as with a wallet: the challenge comes out, the signature in hex goes in
answer() { # answer STATUS: signs the challenge with openssl while bulla waits
    wanted=$1
    mkfifo "$FOLDER/in"
    setsid -w "$BULLA" model list $PIN --as "$ED" --module "$MODULE" <"$FOLDER/in" >"$FOLDER/out" 2>"$FOLDER/err" &
    exec 3>"$FOLDER/in"
    tries=0
    until grep -q '^nonce: ' "$FOLDER/err" || [ "$tries" -gt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    sed -n '/^bulla login$/,$p' "$FOLDER/err" >"$FOLDER/challenge"
    [ -z "$2" ] || echo "$2" >>"$FOLDER/challenge"
    openssl pkeyutl -sign -inkey "$FOLDER/ed.pem" -rawin -in "$FOLDER/challenge" -out "$FOLDER/signature"
    printf '0x%s\n' "$(hex <"$FOLDER/signature")" >&3
    exec 3>&-
    wait $!
    got=$?
    rm "$FOLDER/in"
    [ "$got" -eq "$wanted" ] || fail "status $got instead of $wanted: a proof by hand"
}
answer 0 ""
answer 3 "another line"
says "(principal-wrong)"
run 2 model list $PIN --as "$ED"
finish
