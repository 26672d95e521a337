#!/usr/bin/env bash
# scripts/fuzz with a cmake that builds played targets: test_fuzz.sh SOURCE. A target "fails" is in the corpus, and does.
set -euo pipefail

source=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { printf 'FAILED: %s\n' "$*" >&2; cat "$folder/out" >&2; exit 1; }

bin=$folder/bin
mkdir -p "$bin" "$folder/tree/scripts/lib" "$folder"/tree/tests/fuzz/corpus/{alpha,beta,fails}
cp "$source/scripts/fuzz" "$folder/tree/scripts/"
cp "$source/scripts/lib/help" "$folder/tree/scripts/lib/"
printf 'raise_memory_lock() { :; }\n' >"$folder/tree/scripts/lib/memory-lock"
printf '#!/bin/sh\n' >"$bin/clang"
cat >"$bin/cmake" <<'PLAYED'
#!/usr/bin/env bash
[ "$1" = --build ] || exit 0
mkdir -p "$2/tests/fuzz"
for word in "$@"; do
    case $word in
    fuzz_*)
        printf '#!/bin/sh\necho "%s $*" >>"%s/ran"\ncase %s in *fails) echo broken >&2; exit 77 ;; esac\n' \
            "$word" "$PLAY" "$word" >"$2/tests/fuzz/$word"
        chmod +x "$2/tests/fuzz/$word"
        ;;
    esac
done
PLAYED
chmod +x "$bin"/*
export PLAY=$folder
fuzz() { : >"$folder/ran"; PATH=$bin:$PATH "$folder/tree/scripts/fuzz" "$@" >"$folder/out" 2>&1; }
says() { grep -qF -- "$1" "$folder/out" || fail "it does not say: $1"; }
ran() { [ "$(cut -d' ' -f1 "$folder/ran" | tr '\n' ' ')" = "$1" ] || fail "ran $(cat "$folder/ran")"; }

fuzz --list || fail '--list fails'
[ "$(cat "$folder/out")" = $'alpha\nbeta\nfails' ] || fail 'the list is another one'
ran ''

fuzz beta alpha || fail 'two targets fail'
ran 'fuzz_beta fuzz_alpha '
says '2 targets for 60 s each: 2 min 0 s'
grep -q 'fuzz_beta .*-max_total_time=60 ' "$folder/ran" || fail 'not for a minute'
says 'no target failed'

FUZZ_SECONDS=45 fuzz alpha || fail 'one target fails'
says '1 target for 45 s each: 0 min 45 s'
grep -q -- '-max_total_time=45 ' "$folder/ran" || fail 'not for 45 s'

! fuzz || fail 'the one that fails is not noticed'
says '3 targets for 60 s each: 3 min 0 s'
ran 'fuzz_alpha fuzz_beta fuzz_fails '
says 'fails FAILED'
says 'broken'

! fuzz alpha gamma || fail 'a target that is not there is taken'
says 'there is no target gamma; there are: alpha beta fails'
ran ''
! FUZZ_SECONDS=long fuzz alpha || fail 'FUZZ_SECONDS=long is taken'
says "FUZZ_SECONDS is 'long'"
ran ''
rm "$bin/clang"
if ! PATH=$bin:/usr/bin:/bin command -v clang >/dev/null; then
    ! PATH=$bin:/usr/bin:/bin "$folder/tree/scripts/fuzz" alpha >"$folder/out" 2>&1 || fail 'it goes on without clang'
    says 'clang is missing'
fi
