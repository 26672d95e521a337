#!/bin/sh
# Keys that evolve, by the program: published vectors, the clock, certificates, and what is refused.
#   usage: test_kes.sh BULLA MODULE PKCS11-TOOL SOURCE        PKCS11-TOOL "-": it can't load this module
PKCS11_TOOL=$3 VECTORS=$4/tests/vectors/kes
. "$(dirname "$0")/cli.sh"
ENVELOPES=$VECTORS/envelopes

cat >"$BULLA_CONF" <<CONF
[token try]
path = $FOLDER/token
release = passphrase
pin-cost = quick
CONF
for name in user so-pin-12; do
    printf '%s-pin\n' "$name" >"$FOLDER/$name"
done
printf 'test message' >"$FOLDER/message"
PIN="--pin-file $FOLDER/user"
run 0 init --yes --label pool --so-pin-file "$FOLDER/so-pin-12" $PIN
same() { cmp -s "$1" "$2" || fail "$1 is not $2"; }

# --- the Haskell implementation's figures (tests/vectors/kes/README.md) ---
run 0 kes import --label sum "$VECTORS/key6.bin" $PIN --json
json '.depth == 6 and .period == 0 and .last_period == 63 and .keeper == "file" and .clock == null'
run 0 kes sign sum "$FOLDER/message" -o "$FOLDER/signature" $PIN
says "signed in period 0"
same "$FOLDER/signature" "$VECTORS/key6Sig.bin"
run 0 kes evolve sum $PIN --json
json '.period == 1'
run 0 kes evolve sum --to 5 $PIN
says "period 5 of 0 to 63"
run 0 kes sign sum "$FOLDER/message" -o "$FOLDER/signature" $PIN
same "$FOLDER/signature" "$VECTORS/key6Sig5.bin"
run 0 kes import --label later --period 5 "$VECTORS/key6update5.bin" $PIN
run 0 kes sign later - -o "$FOLDER/empty.signature" $PIN
run 0 kes sign later "$FOLDER/message" $PIN --json
json '.period == 5 and .scheme == "sum" and (.signature | length) == 896'
jq -r .signature <"$FOLDER/out" >"$FOLDER/signature.hex"
[ "$(cat "$FOLDER/signature.hex")" = "$(od -An -v -tx1 "$VECTORS/key6Sig5.bin" | tr -d ' \n')" ] || fail 'the hex is another'
run 0 kes import --label compact "$VECTORS/compactkey6.bin" $PIN
run 0 kes sign compact "$FOLDER/message" --compact -o "$FOLDER/signature" $PIN
same "$FOLDER/signature" "$VECTORS/compactkey6Sig.bin"
run 0 kes evolve compact --to 5 $PIN
run 0 kes sign compact "$FOLDER/message" --compact -o "$FOLDER/signature" $PIN
same "$FOLDER/signature" "$VECTORS/compactkey6Sig5.bin"

# --- verifying, offline; the key is the hash of the signing key's last pair, by Python's BLAKE2b ---
KEY=$(python3 -c 'import hashlib, sys
print(hashlib.blake2b(open(sys.argv[1], "rb").read()[-64:], digest_size=32).hexdigest())' "$VECTORS/key6.bin")
verify() { offline "$1" kes verify --key "$KEY" --signature "$2" "$FOLDER/message" ${3:-} --json; }
verify 0 "$VECTORS/key6Sig.bin"
json '.valid and .period == 0 and .depth == 6'
verify 0 "$VECTORS/key6Sig5.bin"
json '.period == 5'
verify 0 "$FOLDER/signature.hex" "--period 5"
verify 4 "$VECTORS/key6Sig5.bin" "--period 4"
verify 3 "$VECTORS/key6Sig5.bin" "--period 64"
verify 4 "$VECTORS/key6Sig5.bin" --compact
verify 0 "$VECTORS/compactkey6Sig5.bin" --compact
verify 4 "$VECTORS/compactkey6Sig5.bin"
verify 4 "$FOLDER/empty.signature"
printf 'test messagf' >"$FOLDER/other"
offline 4 kes verify --key "$KEY" --signature "$VECTORS/key6Sig.bin" "$FOLDER/other"
offline 4 kes verify --key "0$(printf %s "$KEY" | cut -c2-)" --signature "$VECTORS/key6Sig.bin" "$FOLDER/message"
offline 1 kes verify --key "$FOLDER/message" --signature "$VECTORS/key6Sig.bin" "$FOLDER/message"
says "is not a KES verification key"
head -c 447 "$VECTORS/key6Sig.bin" >"$FOLDER/short"
verify 4 "$FOLDER/short"

# --- verification keys out ---
run 0 kes import --label agent "$ENVELOPES/kes-agent.kes.skey" $PIN
run 0 kes export-vkey agent -o "$FOLDER/agent.vkey" $PIN
same "$FOLDER/agent.vkey" "$ENVELOPES/kes-agent.kes.vkey"
run 0 kes export-vkey sum --format hex $PIN
[ "$(cat "$FOLDER/out")" = "$KEY" ] || fail 'another verification key'
run 0 kes export-vkey sum --format raw -o "$FOLDER/raw.vkey" $PIN
[ "$(od -An -v -tx1 "$FOLDER/raw.vkey" | tr -d ' \n')" = "$KEY" ] || fail 'another raw verification key'
run 0 kes export-vkey sum $PIN
cp "$FOLDER/out" "$FOLDER/sum.vkey"
for form in sum.vkey raw.vkey; do
    offline 0 kes verify --key "$FOLDER/$form" --signature "$VECTORS/key6Sig.bin" --period 0 "$FOLDER/message"
done
run 2 kes export-vkey sum --format raw $PIN
run 2 kes export-vkey sum --format pem $PIN
run 2 kes export-vkey nobody $PIN
says 'there is no KES key "nobody"'

# --- signing keys out: cardano-cli's file comes back as it was ---
run 0 kes import --label open-agent --exportable "$ENVELOPES/kes-agent.kes.skey" $PIN
run 0 kes export open-agent -o "$FOLDER/agent.skey" $PIN --json
json '.period == 0 and .exportable and (has("key") | not)'
same "$FOLDER/agent.skey" "$ENVELOPES/kes-agent.kes.skey"
[ "$(stat -c %a "$FOLDER/agent.skey")" = 600 ] || fail 'others may read the key'
run 0 kes import --label open-sum --exportable "$VECTORS/key6.bin" $PIN
run 0 kes evolve open-sum --to 5 $PIN
(umask 0 && run 0 kes export open-sum --format raw -o "$FOLDER/open.raw" $PIN)
same "$FOLDER/open.raw" "$VECTORS/key6update5.bin"
[ "$(stat -c %a "$FOLDER/open.raw")" = 600 ] || fail 'others may read the key'
run 0 kes export open-sum --format cbor -o "$FOLDER/open.cbor" $PIN
says "period 5 of 0 to 63"
says "every later one"
{ printf '\131\002\140' && cat "$VECTORS/key6update5.bin"; } >"$FOLDER/wanted" # 59 0260: a string of 608 bytes
same "$FOLDER/open.cbor" "$FOLDER/wanted"
run 0 kes export open-sum --format envelope -o "$FOLDER/open.skey" $PIN
[ "$(jq -r .cborHex "$FOLDER/open.skey")" = "$(od -An -v -tx1 "$FOLDER/wanted" | tr -d ' \n')" ] || fail 'the hex is another'
# standard output takes the key and nothing else: "-", or /dev/stdout before a pipe
for words in '/dev/stdout' '/dev/stdout --json' - '- --json'; do
    setsid -w "$BULLA" kes export open-sum --format raw -o $words $PIN --module "$MODULE" 2>"$FOLDER/err" </dev/null |
        cat >"$FOLDER/out"
    same "$FOLDER/out" "$VECTORS/key6update5.bin"
    grep -q 'open-sum' "$FOLDER/err" || fail 'nothing is said of the key'
done
run 0 kes export open-sum --format raw -o - $PIN --json # before a file, too
same "$FOLDER/out" "$VECTORS/key6update5.bin"
# a closed standard output is none, and no file that is opened takes its place
for words in '' '-o -' --json; do
    ! "$BULLA" kes export-vkey sum $words $PIN --module "$MODULE" >&- 2>"$FOLDER/err" </dev/null ||
        fail "'$words': written to a standard output that is closed"
    says 'standard output'
done
run 0 kes export-vkey sum --format raw -o - $PIN
same "$FOLDER/out" "$FOLDER/raw.vkey"
run 0 kes sign open-sum "$FOLDER/message" -o - $PIN
same "$FOLDER/out" "$VECTORS/key6Sig5.bin"
for form in skey cbor raw; do
    run 0 kes import --label "from-$form" --period 5 "$FOLDER/open.$form" $PIN
    run 0 kes sign "from-$form" "$FOLDER/message" -o "$FOLDER/signature" $PIN
    same "$FOLDER/signature" "$VECTORS/key6Sig5.bin"
done
run 1 kes import --label bad --period 4 "$FOLDER/open.skey" $PIN
# what is there stays as it is; nothing is left where it is refused
run 1 kes export open-sum -o "$FOLDER/agent.skey" $PIN
says "exists already"
same "$FOLDER/agent.skey" "$ENVELOPES/kes-agent.kes.skey"
ln -s nowhere "$FOLDER/dangling"
run 1 kes export open-sum -o "$FOLDER/dangling" $PIN
[ ! -e "$FOLDER/nowhere" ] || fail 'a link was followed'
run 1 kes export open-sum -o "$FOLDER/none/key" $PIN
run 1 kes export open-sum -o "$FOLDER" $PIN
run 1 kes export sum -o "$FOLDER/none" $PIN
says "(key-unextractable)"
run 0 kes keygen --label shallow --depth 5 --exportable $PIN
run 2 kes export shallow -o "$FOLDER/none" $PIN
says "of depth 6 alone, not of 5"
run 0 kes export shallow --format cbor -o "$FOLDER/shallow.cbor" $PIN
run 0 kes import --label shallow-again "$FOLDER/shallow.cbor" $PIN --json
json '.depth == 5'
run 2 kes export open-sum --format hex -o "$FOLDER/none" $PIN
run 2 kes export open-sum $PIN
run 2 kes export nobody -o "$FOLDER/none" $PIN
[ ! -e "$FOLDER/none" ] || fail 'a key was left'

# --- what is no key of its period ---
run 1 kes import --label bad "$ENVELOPES/cardano-cli-golden.kes.skey" $PIN # 704 bytes under the name of depth 6
says "(key-value)"
run 1 kes import --label bad "$ENVELOPES/kes-agent.kes.vkey" $PIN
run 1 kes import --label bad --period 1 "$VECTORS/key6.bin" $PIN
run 3 kes import --label bad --period 64 "$VECTORS/key6.bin" $PIN
says "(kes-over)"
run 1 kes import --label bad "$FOLDER/short" $PIN
run 2 kes import --label sum "$VECTORS/key6.bin" $PIN
says "already"
run 0 kes info $PIN --json
json '[.keys[].label] | index("bad") == null and index("sum") != null'
run 3 kes evolve sum --to 4 $PIN
says "(kes-past)"
run 3 kes evolve sum --to 64 $PIN
says "(kes-over)"
run 2 kes evolve sum --to five $PIN
run 2 kes evolve nobody $PIN
run 0 kes evolve sum --to 63 $PIN
run 3 kes evolve sum $PIN
says "(kes-over)"
run 0 kes info sum $PIN --json
json '.keys[0].period == 63'

# --- the clock: periods of a day; the key's first one began an hour, a day more, and two days more ago ---
NOW=$(date +%s)
clock() { run "$1" kes keygen --label "$2" --depth 2 --start-time "@$((NOW - 3600 - $3 * 86400))" --slots-per-period 86400 --start-slot 0 $PIN --json; }
clock 0 today 0
json '.clock.period == 0 and .clock.slot_length == 1000 and .depth == 2'
run 3 kes evolve today --to 1 $PIN
says "(kes-clock)"
run 0 kes evolve today $PIN
says "unchanged"
clock 0 yesterday 1
run 0 kes sign yesterday "$FOLDER/message" $PIN --json
json '.period == 1'
clock 0 before 2
run 3 kes sign before "$FOLDER/message" $PIN
says "(kes-clock)"
run 3 kes evolve before $PIN
says "--to 2"
run 0 kes evolve before --to 2 $PIN
run 0 kes sign before "$FOLDER/message" $PIN --json
json '.period == 2'
clock 0 over 4
run 3 kes sign over "$FOLDER/message" $PIN
says "(kes-over)"
# a network's: the key begins with the chain's present period
run 0 kes keygen --label pool --network mainnet $PIN --json
json '.depth == 6 and .clock.slots_per_period == 129600 and .clock.period == 0 and .clock.start_slot % 129600 == 0'
# slot 4492800 was at 1596059091: the genesis files of mainnet
json '.clock.start_time + 4492800 == 1596059091'
PERIOD=$(jq '.clock.start_slot / 129600' <"$FOLDER/out")
[ "$PERIOD" -eq $(((NOW - 1591566291) / 129600)) ] || fail "period $PERIOD is not the chain's"
run 0 kes import --label moved --period 5 --network mainnet "$VECTORS/key6update5.bin" $PIN --json
json '.period == 5 and .clock.period == 5'
run 0 kes keygen --label open --depth 0 --exportable $PIN --json
json '.exportable and .depth == 0 and .last_period == 0'
run 2 kes keygen --label bad --network testnet $PIN
run 2 kes keygen --label bad --start-time now $PIN
run 2 kes keygen --label bad --network mainnet --slots-per-period 5 $PIN
run 2 kes keygen --label bad --depth 8 $PIN
run 2 kes keygen $PIN

# --- certificates: the published one comes out of the published keys and counter ---
issue() {
    wanted=$1
    shift
    run "$wanted" kes opcert issue --counter "$FOLDER/counter" -o "$FOLDER/certificate" $PIN "$@"
}
AGENT="--vkey $ENVELOPES/kes-agent.kes.vkey --cold-key $ENVELOPES/kes-agent.cold.skey --period 1430"
offline 1 kes opcert issue $AGENT --counter "$FOLDER/counter" -o "$FOLDER/certificate"
says "--first 0"
offline 0 kes opcert issue $AGENT --counter "$FOLDER/counter" -o "$FOLDER/certificate" --first 7
same "$FOLDER/certificate" "$ENVELOPES/kes-agent.opcert.cert"
same "$FOLDER/counter" "$ENVELOPES/kes-agent.opcert.counter"
issue 2 $AGENT --first 0
cp "$FOLDER/counter" "$FOLDER/piped-counter"
issue 0 $AGENT
offline 0 kes opcert issue $AGENT --counter "$FOLDER/piped-counter" -o -
same "$FOLDER/out" "$FOLDER/certificate"
same "$FOLDER/piped-counter" "$FOLDER/counter"
offline 2 kes opcert issue $AGENT --counter - -o "$FOLDER/none"
[ ! -e ./- ] || fail 'there is a file called -'
offline 0 kes opcert show "$FOLDER/certificate" --json
json '.counter == 8 and .period == 1430 and .valid'
offline 0 kes opcert show "$ENVELOPES/kes-agent.opcert.cert" --json
json '.counter == 7 and .valid and .cold_key == "2151d26921ab6079bbc9366377f4299de729c3e45c3db70362b9a25e8c89f61b"'
offline 4 kes opcert show "$ENVELOPES/cardano-cli-golden.opcert.cert" # it signs an array of three
says "(signature)"
offline 4 kes opcert show "$ENVELOPES/kes-agent.kes.vkey"
offline 4 kes opcert show "$FOLDER/message"
sed 's/071905965840/081905965840/' "$ENVELOPES/kes-agent.opcert.cert" >"$FOLDER/bent"
offline 4 kes opcert show "$FOLDER/bent"
issue 2 --vkey "$KEY" --cold-key "$ENVELOPES/kes-agent.cold.skey"
issue 2 $AGENT --key sum
issue 2 --key sum --cold-key "$ENVELOPES/kes-agent.cold.skey" # it has no clock
says "give --period"
issue 1 --key sum --period 1 --cold-key "$ENVELOPES/kes-agent.kes.skey"
issue 0 --key pool --cold-key "$ENVELOPES/kes-agent.cold.skey" --json
json ".counter == 9 and .period == $PERIOD"
sed 's/2151d26921/2151d26922/' "$FOLDER/counter" >"$FOLDER/other-counter"
run 4 kes opcert issue $AGENT --counter "$FOLDER/other-counter" -o "$FOLDER/none" $PIN
says "another cold key's"
run 1 kes opcert issue $AGENT --counter "$FOLDER/nowhere/counter" --first 0 -o "$FOLDER/none" $PIN
run 4 kes opcert issue $AGENT --counter "$ENVELOPES/kes-agent.kes.vkey" -o "$FOLDER/none" $PIN
[ ! -e "$FOLDER/none" ] || fail 'a certificate was left'
# a counter that is a link stays one
mkdir "$FOLDER/stick"
mv "$FOLDER/counter" "$FOLDER/stick/counter"
ln -s stick/counter "$FOLDER/counter"
issue 0 $AGENT
[ -L "$FOLDER/counter" ] || fail 'the link was replaced'
offline 0 kes opcert issue $AGENT --counter "$FOLDER/stick/counter" -o "$FOLDER/certificate" --json
json '.counter == 11'

# --- a cold key in the token ---
if [ "$PKCS11_TOOL" != - ]; then
    "$PKCS11_TOOL" --module "$MODULE" --login --pin "$(cat "$FOLDER/user")" --keypairgen --key-type EC:edwards25519 \
        --label cold --id 01 >"$FOLDER/out" 2>"$FOLDER/err" || fail 'no cold key was made'
    run 0 kes opcert issue --key pool --cold cold --counter "$FOLDER/cold.counter" --first 0 -o "$FOLDER/certificate" $PIN
    offline 0 kes opcert show "$FOLDER/certificate" --json
    json ".counter == 0 and .period == $PERIOD and .valid"
    run 0 kes opcert issue --key pool --cold cold --counter "$FOLDER/cold.counter" -o "$FOLDER/certificate" $PIN --json
    json '.counter == 1'
    run 4 kes opcert issue --key pool --cold cold --counter "$FOLDER/counter" -o "$FOLDER/none" $PIN
    run 2 kes opcert issue --key pool --cold nobody --counter "$FOLDER/counter" -o "$FOLDER/none" $PIN
    run 2 kes opcert issue --key pool --cold pool --counter "$FOLDER/counter" -o "$FOLDER/none" $PIN
fi

finish
