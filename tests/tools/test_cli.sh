#!/bin/sh
# bulla against a token without a TPM: from init to a verified receipt, and what is refused on the way.
. "$(dirname "$0")/cli.sh"

cat >"$BULLA_CONF" <<CONF
[token try]
path = $FOLDER/token
release = passphrase
pin-cost = quick
CONF
printf 'user-pin\n' >"$FOLDER/pin"
printf 'so-pin-12\n' >"$FOLDER/so"
printf 'wrong-pin\n' >"$FOLDER/wrong"
"$MAKE_MODEL" "$FOLDER/model" || exit 1
PIN="--pin-file $FOLDER/pin"
MODELS="$FOLDER/token/models"

# before there is a token
run 0 status --json
json '.initialized == false and .token == "try"'
run 5 model list $PIN
says "not initialised"
run 5 status --token other
says "no bulla token is called"

# init
run 3 init --yes --pin-file "$FOLDER/pin"
says "SO PIN is needed"
run 0 init --yes --label models --so-pin-file "$FOLDER/so" $PIN --json
json '.token == "models" and .user_pin_tries_left > 1 and (.receipt_key | length) == 64'
RECEIPT_KEY=$(jq -r .receipt_key <"$FOLDER/out")
run 1 init --yes --so-pin-file "$FOLDER/so" $PIN
says "--force destroys"
run 0 status --token models --json
run 0 status --token try --json
run 0 status --token "pkcs11:token=models" --json
run 5 status --token "pkcs11:token=other"

# logging in: a wrong PIN is counted, and why says so
run 3 model list --pin-file "$FOLDER/wrong"
says "(pin-wrong)"
run 0 why --json
json '.refusals[-1].reason == "pin-wrong" and (.refusals[-1].remedy | length) > 0'
run 0 why --last 1 --json
json '.refusals | length == 1'
run 3 model list
says "no file, variable or terminal"
export BULLA_PIN=user-pin
run 0 model list
says "no models"
unset BULLA_PIN
run 0 model list --token "pkcs11:token=models?pin-source=file:$FOLDER/pin" --json
json '.models == []'

# sealing
mkdir "$FOLDER/empty"
run 1 model seal "$FOLDER/empty" --label tiny $PIN
says "has no config.json"
run 1 model seal "$FOLDER/nowhere" --label tiny $PIN
run 0 model seal "$FOLDER/model" --label tiny $PIN --json
json '.generation == 1 and .attested == false and .files == 3 and .pooling == "mean (assumed)"'
says "declares no pooling"
ID=$(jq -r .id <"$FOLDER/out")
[ -f "$MODELS/$ID.bulla" ] || fail "no sealed file"
[ "$(stat -c %a "$MODELS/$ID.bulla")" = 600 ] || fail "mode of the sealed file"
offline 0 model inspect "$MODELS/$ID.bulla" --json
json ".id == \"$ID\" and .generation == 1 and .authenticated == false and .file_size == .expected_size"
run 2 model seal "$FOLDER/model" --label tiny $PIN
says "--force seals a new generation"
cp "$MODELS/$ID.bulla" "$FOLDER/older.bulla"
run 0 model seal "$FOLDER/model" --label tiny --force $PIN --json
json '.generation == 2'
run 0 model list $PIN --json
json '.models | length == 1 and .[0].label == "tiny" and .[0].generation == 2 and .[0].present'
cp "$MODELS/$ID.bulla" "$FOLDER/latest.bulla"
cp "$FOLDER/older.bulla" "$MODELS/$ID.bulla" # which was kept, before the newer one was ever opened
run 3 infer --model tiny $PIN 'clay seal'
says "model-older-generation"
mv "$FOLDER/latest.bulla" "$MODELS/$ID.bulla"

# sealing that fails leaves neither key nor file
mkdir "$FOLDER/broken"
cp "$FOLDER/model/"* "$FOLDER/broken"
sed -i 's/BertModel/LlamaModel/' "$FOLDER/broken/config.json"
run 1 model seal "$FOLDER/broken" --label broken $PIN
says "LlamaModel"
run 0 model list $PIN --json
json '.models | length == 1'
[ "$(find "$MODELS" -type f | wc -l)" -eq 1 ] || fail "a failed sealing left a file"

# sealing that is interrupted, killed, or meets a full disk
mkdir "$FOLDER/large"
cp "$FOLDER/model/"* "$FOLDER/large"
truncate -s 400M "$FOLDER/large/zeros.safetensors" # not the one that the engine chooses
# interrupt SIGNAL: seals the large model, and sends the signal once its unfinished file is there.
interrupt() {
    # a background command of a shell without job control ignores SIGINT: env gives it back its meaning
    env --default-signal=INT "$BULLA" model seal "$FOLDER/large" --label large $PIN --module "$MODULE" \
        >"$FOLDER/out" 2>"$FOLDER/err" </dev/null &
    child=$!
    until [ -n "$(find "$MODELS" -name '.*.bulla.*' -size +1k)" ] || ! kill -0 $child 2>/dev/null; do sleep 0.01; done
    kill -"$1" $child
    wait $child 2>/dev/null
    got=$?
    [ "$got" -gt 128 ] || fail "status $got after SIG$1"
}
interrupt INT
says "interrupted by SIGINT"
run 0 model list $PIN --json
json '.models | length == 1'
[ "$(find "$MODELS" -type f | wc -l)" -eq 1 ] || fail "an interrupted sealing left a file"
trap '' XFSZ
(
    ulimit -f 100000
    run 6 model seal "$FOLDER/large" --label large $PIN
    [ "$FAILURES" -eq 0 ]
) || FAILURES=$((FAILURES + 1))
trap - XFSZ
run 0 model list $PIN --json
json '.models | length == 1'
[ "$(find "$MODELS" -type f | wc -l)" -eq 1 ] || fail "a sealing that met a full disk left a file"
interrupt KILL
run 0 model list $PIN --json
json '.models | length == 2 and (map(select(.label == "large"))[0] | .generation == 0 and (.present | not))'
run 1 infer --model large $PIN x
says "nothing was sealed under this key yet"
[ -n "$(find "$MODELS" -name '.*')" ] || fail "a killed sealing left no file, so that nothing is shown of them"
run 0 model seal "$FOLDER/model" --label tiny --force $PIN # any sealing clears away what a killed one left
[ -z "$(find "$MODELS" -name '.*')" ] || fail "the file of a killed sealing is still there"
rm -r "$FOLDER/large"
run 0 model seal "$FOLDER/model" --label large $PIN --json # the key that was left is used, without --force
json '.generation == 1'
run 0 model list $PIN --json
json '.models | length == 2'

# inference and receipts
run 0 infer --model tiny $PIN 'clay seal' 'open token' 'clay seal' --json --similarity --tokens \
    --nonce 0011223344556677 --receipt "$FOLDER/receipt"
json '.dimension == 32 and (.embeddings | length) == 3 and (.embeddings[0] | length) == 32'
json '.similarity[0][2] > 0.9999 and .similarity[0][1] < 0.9999 and .tokens[0] == .tokens[2]'
json '.security_mode == "unattested"'
[ "$(stat -c %a "$FOLDER/receipt")" = 600 ] || fail "mode of the receipt bundle"
run 0 infer --model tiny $PIN 'clay seal' --receipt -
cp "$FOLDER/out" "$FOLDER/piped-receipt"
grep -q 'not verified here' "$FOLDER/err" || fail 'the answer is not said'
offline 0 receipt verify "$FOLDER/piped-receipt" --key "$RECEIPT_KEY" --json
json '.valid'
run 0 infer --model tiny $PIN 'clay seal' 'open token'
says "clay seal"
run 0 infer --model tiny $PIN 'clay seal' --repeat 3 --json
json '.milliseconds | length == 3'
printf 'clay seal\r\n\nopen token\n' | "$BULLA" infer --model tiny $PIN --module "$MODULE" --json >"$FOLDER/out" 2>"$FOLDER/err" ||
    fail "lines of standard input"
json '.embeddings | length == 2'
run 2 infer --model tiny $PIN
says "no text"
run 0 infer --model tiny $PIN --max-length 65535 x --json
run 2 infer --model tiny $PIN --max-length 65536 x
says "max-length"
run 1 infer --model other $PIN x
says "no model"
run 1 infer --model tiny $PIN "$(printf 'a\377b')"
says "(not-utf-8)"
offline 0 receipt verify "$FOLDER/receipt" --key "$RECEIPT_KEY" --nonce 0011223344556677 --max-age 600 --json
json '.valid and .receipt.attested == false and .receipt.model == "tiny"'
offline 4 receipt verify "$FOLDER/receipt" --json
offline 4 receipt verify "$FOLDER/receipt" --key "$RECEIPT_KEY" --nonce 0011223344556678 --json
json '.valid == false'
run 1 attest $PIN --nonce 0011223344556677 -o "$FOLDER/evidence"
[ ! -e "$FOLDER/evidence" ] || fail "evidence without a TPM"

# an older generation, another file, no file
cp "$MODELS/$ID.bulla" "$FOLDER/latest.bulla"
cp "$FOLDER/older.bulla" "$MODELS/$ID.bulla"
run 3 infer --model tiny $PIN x
says "(model-older-generation)"
head -c 10000 "$FOLDER/latest.bulla" >"$MODELS/$ID.bulla"
run 4 infer --model tiny $PIN x
rm "$MODELS/$ID.bulla"
run 1 infer --model tiny $PIN x
says "(model-missing)"
says "bulla model list lists the models"
run 0 model list $PIN --json
json '.models | map(select(.label == "tiny"))[0].present == false'
cp "$FOLDER/latest.bulla" "$MODELS/$ID.bulla"
run 0 infer --model tiny $PIN x

# the audit log: a line that was changed, and one that was cut off or deleted, which the next head tells for good
LOG="$FOLDER/token/audit.jsonl"
run 3 audit verify
says "PIN of models is needed"
run 0 audit verify $PIN --json
json '.valid and .lines > 5 and .signatures_checked and .counter_checked == false'
for process in 1 2 3 4; do # heads of several processes, each of which looks for the one before
    setsid -w "$BULLA" model list $PIN --module "$MODULE" >/dev/null 2>&1 </dev/null &
done
wait
run 0 audit verify $PIN --json
json '.valid and .heads > 6'
sed '2s/login/logon/' "$LOG" >"$FOLDER/changed"
offline 4 audit verify "$FOLDER/changed" --key "$RECEIPT_KEY" --json
json '.valid == false and .broken_line == 2'
cp "$LOG" "$FOLDER/whole"
head -n 3 "$FOLDER/whole" >"$LOG"
run 0 model list $PIN
run 4 audit verify $PIN --json
json '.valid == false and .broken_line == 5'
cp "$LOG" "$FOLDER/told"
run 0 model list $PIN
run 4 audit verify $PIN
says "was signed, and is missing"
rm "$LOG"
run 0 model list $PIN
run 4 audit verify $PIN --json
json '.valid == false and .broken_line == 2'

# policies of nobody, and a locked PIN
offline 0 policy keygen -o "$FOLDER/authority.pem"
run 5 policy sign --key "$FOLDER/authority.pem" --version 1 --from-token 0-7 -o "$FOLDER/policy"
says "the token has no TPM"
offline 0 policy sign --key "$FOLDER/authority.pem" --version 1 -o "$FOLDER/policy" \
    --state "a=0-7:0000000000000000000000000000000000000000000000000000000000000000"
run 0 policy load "$FOLDER/policy" $PIN --json
json '.version == 1'
run 3 policy load "$FOLDER/policy" $PIN
says "(policy-older)"
for try in 1 2 3 4 5 6 7 8 9 10; do
    run 3 model list --pin-file "$FOLDER/wrong"
done
says "(pin-locked)"
run 3 model list $PIN

# anew
run 0 init --yes --force --so-pin-file "$FOLDER/so" $PIN --json
json '.token == "models"'
run 0 model list $PIN --json
json '.models == []'
run 4 audit verify $PIN # a cut is not forgotten
run 0 init --yes --force --so-pin-file "$FOLDER/so" $PIN
mv "$LOG" "$FOLDER/old" # the one moment at which a log may be moved: the new token has signed nothing
run 0 audit verify $PIN
run 0 init --yes --force --so-pin-file "$FOLDER/so" $PIN
run 0 audit verify $PIN --json # it goes on in the log of the token before
json '.valid and .lines > 8'

# a tree that a passphrase opens
printf 'correct horse\n' >"$FOLDER/passphrase"
printf 'wrong horse\n' >"$FOLDER/wrong-passphrase"
run 3 model seal "$FOLDER/model" --label locked --release passphrase $PIN
says "--passphrase-file"
run 0 model seal "$FOLDER/model" --label locked --release passphrase $PIN --passphrase-file "$FOLDER/passphrase"
run 3 infer --model locked $PIN 'clay seal'
says "(passphrase-needed)"
run 3 infer --model locked $PIN --passphrase-file "$FOLDER/wrong-passphrase" 'clay seal'
says "(passphrase-wrong)"
run 0 infer --model locked $PIN --passphrase-file "$FOLDER/passphrase" 'clay seal'
BULLA_PASSPHRASE='correct horse'
export BULLA_PASSPHRASE
run 0 infer --model locked $PIN 'clay seal'
unset BULLA_PASSPHRASE

# removing a model
run 1 model remove nothing --yes $PIN
says "(model-missing)"
run 1 model remove locked $PIN
says "consent is needed"
says "will be destroyed"
run 0 model list $PIN --json
json '.models | map(select(.label == "locked")) | length == 1'
LOCKED=$(jq -r '.models[] | select(.label == "locked") | .id' <"$FOLDER/out")
[ -f "$MODELS/$LOCKED.bulla" ] || fail "a removal without consent removed the file"
run 2 model remove --yes $PIN
for answer in n '' maybe; do
    typed 1 "Remove the model? [y/N] " "$answer" -- model remove locked $PIN --module "$MODULE"
    says "there was no consent"
done
[ -f "$MODELS/$LOCKED.bulla" ] || fail "a removal that was refused removed the file"
run 0 model remove locked --yes $PIN --json
json ".label == \"locked\" and .id == \"$LOCKED\" and .file_deleted"
[ ! -e "$MODELS/$LOCKED.bulla" ] || fail "the sealed file is still there"
run 0 model list $PIN --json
json '.models | map(select(.label == "locked")) | length == 0'
run 1 model remove locked --yes $PIN
run 0 model seal "$FOLDER/model" --label locked $PIN --json
rm "$MODELS/$(jq -r .id <"$FOLDER/out").bulla"
run 0 model remove locked --yes $PIN --json # one without its file
json '.file_deleted | not'
run 0 model seal "$FOLDER/model" --label locked $PIN --json
typed 0 "Remove the model? [y/N] " y -- model remove locked $PIN --module "$MODULE"
run 0 model list $PIN --json
json '.models | map(select(.label == "locked")) | length == 0'

# how an authority is called, everywhere: by the beginning of its key's hash
offline 0 policy show "$FOLDER/policy" --json
AUTHORITY=$(jq -r .authority <"$FOLDER/out")
HASH=$(printf %s "$AUTHORITY" | xxd -r -p | sha256sum | cut -c 1-16)
json ".authority_hash == \"$HASH\""
offline 0 policy show "$FOLDER/policy"
says "signed by authority $HASH"
says "  $AUTHORITY"
run 0 policy load "$FOLDER/policy" $PIN
says "by authority $HASH"
run 0 status --json
json ".policies[0].authority == \"$AUTHORITY\" and .policies[0].authority_hash == \"$HASH\""
run 0 status
says "authority $HASH"
says "leaves                     passphrase, snp, tpm"
run 0 model seal "$FOLDER/model" --label governed --release passphrase --passphrase-file "$FOLDER/passphrase" \
    --authority "$FOLDER/authority.pem.pub" $PIN --json
GOVERNED=$(jq -r .path <"$FOLDER/out")
run 0 model list $PIN
says "  authority $HASH"
run 0 model list $PIN --json
json ".models | map(select(.label == \"governed\"))[0] | .authority == \"$AUTHORITY\" and .authority_hash == \"$HASH\""
json '.models | map(select(.label != "governed")) | all(.authority_hash == "")'
offline 0 model inspect "$GOVERNED"
says "$HASH"
offline 0 model inspect "$GOVERNED" --json
json ".authority_hash == \"$HASH\" and .authority_sha256[:16] == \"$HASH\" and (.self_authorised | not)"

# grants, and what is left of them
run 0 uses $PIN --json
json '.grants == []'
run 0 uses $PIN
says "no grant is in force"
offline 0 policy keygen -o "$FOLDER/granter.pem"
offline 0 grant --key "$FOLDER/granter.pem" --to user:ann --object 6d31 --until +10d --uses 10 --rate 2/60 -o "$FOLDER/grant"
offline 0 policy sign --key "$FOLDER/granter.pem" --version 1 \
    --state "a=0-7:0000000000000000000000000000000000000000000000000000000000000000" --grant "$FOLDER/grant" -o "$FOLDER/restricted"
run 0 policy load "$FOLDER/restricted" $PIN
says "1 state, 0 references, restricted to 1 grant, by"
run 0 uses $PIN --json
json '.grants | length == 1 and .[0].who == "user:ann" and .[0].object == "6d31" and .[0].left == 10 and (.[0].revoked | not)
    and .[0].rate == {"uses": 2, "seconds": 60} and .[0].operations == ["infer"]'
run 0 uses $PIN
says "0 of 10 used, 10 left"
says "at most 2 in 60 s"
offline 0 revoke --key "$FOLDER/granter.pem" --grant "$FOLDER/grant" -o "$FOLDER/revocation"
run 0 policy load "$FOLDER/revocation" $PIN
run 0 uses $PIN
says "revoked"
grep -q " left" "$FOLDER/out" && fail "uses are left of a grant that was revoked"
offline 0 grant --key "$FOLDER/granter.pem" --to user:ann --operations all --from=-2d --until=-1d -o "$FOLDER/past"
run 3 policy load "$FOLDER/past" $PIN
says "(grant-expired)"
offline 0 policy sign --key "$FOLDER/granter.pem" --base "$FOLDER/restricted" --grant "$FOLDER/past" -o "$FOLDER/restricted"
run 0 policy load "$FOLDER/restricted" $PIN
run 0 uses $PIN
says "all with every object"
says "over"

# several tokens: one must be named, by its label or its name in the configuration
cat >>"$BULLA_CONF" <<CONF
[token second]
path = $FOLDER/second
pin-cost = quick
CONF
run 5 status
says "2 bulla tokens match"
says "models, second"
run 0 status --token models --json
json '.token == "models"'
run 0 status --token second --json
json '.initialized == false'
run 0 init --token second --yes --so-pin-file "$FOLDER/so" $PIN --json
json '.token == "second"'
run 0 model list --token second $PIN --json

# a store that is damaged is told as such, and not as a token that was never made; SQLite's report has several lines
run 0 init --token second --yes --force --so-pin-file "$FOLDER/so" $PIN
cp -r "$FOLDER/second" "$FOLDER/sound"
head -c 36864 /dev/urandom | dd of="$FOLDER/second/token.db" bs=4096 seek=1 conv=notrunc 2>/dev/null
run 5 model list --token second $PIN --json
json '.error.reason == "store-corrupt" and (.error.remedy | test("anew .bulla init."))'
rm -r "$FOLDER/second"
mv "$FOLDER/sound" "$FOLDER/second"

# BULLA_LOG changes neither reason nor status, and has the module's words
chmod 755 "$FOLDER/second"
run 5 status --token second --json
json '.error.reason == "store-permission"'
cp "$FOLDER/out" "$FOLDER/unlogged"
echo 'bulla: old: session: of a call before (pin-wrong); none' >"$FOLDER/log"
for log in "$FOLDER/log" stderr; do
    export BULLA_LOG="$log"
    run 5 status --token second --json
    cmp "$FOLDER/out" "$FOLDER/unlogged" || fail "BULLA_LOG=$log changes what is said"
    unset BULLA_LOG
done
says "bulla: second: session:"
grep -q 'bulla: second: session: .*(store-permission)' "$FOLDER/log" || fail "nothing was logged"
chmod 700 "$FOLDER/second"

# a configuration that says nothing sensible
echo 'nonsense = 1' >>"$BULLA_CONF"
export BULLA_LOG=stderr
run 5 status --token models
says "there is no setting \"nonsense\""
says "does not start"
unset BULLA_LOG
finish
