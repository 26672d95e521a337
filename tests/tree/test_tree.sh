#!/usr/bin/env bash
# What CONTRIBUTING.md asks of the tree itself: one function, one rule. Every breach is named with its file and line.
#   usage: test_tree.sh SOURCE MODULE [RULE ...]        a rule is named like its function
set -uo pipefail
shopt -s lastpipe # a breach at the end of a pipe is counted here, not in a child

source=$1 module=$2
shift 2
cd "$source" || exit 1
failures=0
skipped=''

fail() { printf 'FAILED: %s\n' "$*" >&2; failures=$((failures + 1)); }
lacks() {
    if [ "${CI:-}" = true ]; then fail "CI lacks $1"; else skipped+=" $1"; fi
}
# breach RULE: fails when standard input has lines, and shows them.
breach() {
    local lines
    lines=$(head -n 20)
    [ -z "$lines" ] || fail "$1"$'\n'"$lines"
}
# The tree's files by pattern: what git has or would take; without git, what lies there.
all=$(git -c safe.directory="$source" ls-files -co --exclude-standard 2>/dev/null) ||
    all=$(find . \( -name build -o -name .demo -o -name .git \) -prune -o -type f -print | sed 's|^\./||')
files() {
    local name pattern
    while IFS= read -r name; do
        for pattern in "$@"; do
            # shellcheck disable=SC2053 # patterns, on purpose
            [[ $name != $pattern ]] || { [ ! -f "$name" ] || printf '%s\n' "$name"; break; }
        done
    done <<<"$all"
}
mapfile -t sources < <(files '*.c' '*.h')
mapfile -t texts < <(files '*.c' '*.h' '*.txt' '*.cmake' '*.md' '*.sh' '*.1' '*.5' '*.in' '*.map' '*.mjs' '*.py' 'scripts/*' Makefile .ci/run)
mapfile -t rooms < <(files '*.c' '*.h' | grep -v '^tests/')
mapfile -t scripts < <(files 'scripts/*' 'tests/demo/*.sh' 'tests/tree/*.sh' 'tests/programs/*.sh' .ci/run | grep -v -e '\.mjs$' -e '\.py$' -e '\.awk$')
[ "${#sources[@]}" -gt 100 ] || fail 'there are no sources to look at'

includes_do_not_climb() {
    grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]*/)?\.\./' "${sources[@]}" | breach 'an include climbs out of its room'
}

# shellcheck disable=SC2046 # names of the tree have no spaces
# The arrows of docs/ARCHITECTURE.md: room, and the first folders of what it may include beside its own files.
rooms_include_along_the_arrows() {
    local room allowed
    while read -r room allowed; do
        grep -nE '#include "[a-z-]+/' $(files "$room/*.c" "$room/*.h") |
            grep -vE "#include \"(${allowed// /|})/" | breach "$room/ includes against the arrows"
    done <<'ARROWS'
crypto crypto
inference inference
evidence evidence crypto
tpm-backend tpm-backend release evidence crypto
enclave-backend enclave-backend release evidence crypto
module/store store crypto
module/release release evidence crypto
module/mech mech evidence inference crypto
module/core core mech release store evidence inference crypto
module/face face core mech release store evidence inference crypto
tools tools evidence crypto
verify verify evidence crypto
ARROWS
    grep -nE '#include "release/' $(files 'tpm-backend/*' 'enclave-backend/*') | grep -vE '"release/(leaf|backend)\.h"' |
        breach 'a backend includes more of the module than its contract'
    grep -lE 'bulla_(passphrase|snp|tpm)_leaf\b|bulla_(tpm|nitro|sev_snp|tdx)_attester\b|bulla_model_family\b' $(files 'module/core/*' 'module/face/*' 'module/store/*') |
        breach 'only module/compose.c names leaves and families'
}

nothing_is_left_for_later() {
    grep -nEw 'TO''DO|FIX''ME|XX''X' "${texts[@]}" | breach 'something is left for later'
}

no_path_of_one_machine() {
    grep -nF -- "$source/" "${texts[@]}" | breach 'a path of this machine'
    grep -nE '/(home/[a-z]|root/)' "${texts[@]}" | grep -v '^tests/' | breach 'a path of a home'
}

# The rooms' own; a test that is a list of cases may be longer.
files_and_functions_have_a_measure() {
    awk 'FNR == 601 { print FILENAME }' "${rooms[@]}" | breach 'a file of more than 600 lines'
    awk '/^{/ { begun = FNR } /^}/ { if (begun && FNR - begun > 61) print FILENAME ":" begun ": " FNR - begun - 1 " lines"; begun = 0 }' \
        "${rooms[@]}" | breach 'a function of more than 60 lines'
}

headers_are_guarded() {
    files '*.h' | grep -v '^crypto/reasons\.h$' | xargs grep -L '^#ifndef BULLA_' | breach 'a header without a guard that begins with BULLA_'
}

lines_end_cleanly() {
    grep -nE '[[:space:]]+$' "${texts[@]}" | breach 'space at the end of a line'
    # shellcheck disable=SC2016 # Perl's
    perl -e 'for (@ARGV) { open my $f, "<", $_; seek $f, -1, 2 or next; read $f, my $c, 1; print "$_\n" if $c ne "\n" }' \
        "${texts[@]}" | breach 'no newline at the end of a file'
}

c_is_formatted() {
    command -v clang-format >/dev/null || { lacks clang-format; return; }
    # Versions differ in what they make of the same .clang-format; the tree has Debian 12's.
    clang-format --version | grep -q 'version 14\.' || return 0
    # crypto/reasons.h is a table of one row a line, whatever its length.
    printf '%s\n' "${sources[@]}" | grep -v '^crypto/reasons\.h$' | xargs clang-format --dry-run 2>&1 | grep 'warning:' | cut -d: -f1 | sort -u | breach 'clang-format would change it'
}

scripts_are_clean() {
    command -v shellcheck >/dev/null || { lacks shellcheck; return; }
    printf '%s\n' "${scripts[@]}" | xargs shellcheck -x -S warning -P scripts 2>&1 | breach 'shellcheck'
    local name
    for name in "${scripts[@]}"; do
        case $name in scripts/lib/*) continue ;; esac
        head -n 1 "$name" | grep -q '^#!' && [ ! -x "$name" ] && printf '%s\n' "$name"
    done | breach 'a script that is not executable'
}

# shellcheck disable=SC2016 # the backticks are Markdown's
links_of_the_docs_lead_somewhere() {
    local name link folder
    for name in $(files '*.md'); do
        folder=.
        [[ $name != */* ]] || folder=${name%/*}
        grep -oE '\]\([^)#:]+(#[^)]*)?\)' "$name" | sed 's/^](//;s/)$//;s/#.*//' | while IFS= read -r link; do
            [ -e "$folder/$link" ] || printf '%s: %s\n' "$name" "$link"
        done
        grep -oE '`(crypto|evidence|inference|module|tpm-backend|enclave-backend|tools|tests|scripts|docs|conf|include|man)/[A-Za-z0-9_./-]+`' "$name" |
            tr -d '`' | while IFS= read -r link; do
            [ -e "$link" ] || printf '%s: %s\n' "$name" "$link"
        done
    done | breach 'the docs name a file that is not there'
}

make_help_names_every_goal() {
    local goal help
    help=$(make -s help)
    for goal in deps build demo demo-policy demo-kes demo-clean check check-full bench fuzz coverage format tidy install clean; do
        grep -qE "^ +make $goal +[A-Z]" <<<"$help" || printf '%s\n' "$goal"
    done | breach 'make help does not name a goal'
}

# The Containerfile names what it builds from: a room that it leaves out ends its build.
the_container_copies_every_room() {
    local room
    for room in $(sed -n 's/^add_subdirectory(\([a-z-]*\).*/\1/p' CMakeLists.txt | sort -u); do
        grep -qx "COPY $room $room" conf/container/Containerfile || printf '%s\n' "$room"
    done | breach 'conf/container/Containerfile does not copy a room that CMakeLists.txt builds'
}

# A mechanism, class or attribute that bulla.h declares is explained.
docs_explain_every_vendor_number() {
    local name
    grep -oE '\bCK[MOA]_BULLA_[A-Z_]+' include/bulla.h | sort -u |
        comm -23 - <(grep -oE '\bCK[MOA]_BULLA_[A-Z_]+' docs/mechanisms.md | sort -u) | breach 'docs/mechanisms.md does not explain it'
    for name in $(sed -n 's/^    {"\([a-z-]*\)", [A-Z]*, FIELD.*/\1/p' module/core/config.c); do
        grep -qE "^\.It Cm $name( |\$)" man/bulla.conf.5 || printf '%s\n' "$name"
    done | breach 'bulla.conf(5) does not explain the setting'
}

only_the_entry_points_are_exported() {
    [ -f "$module" ] || { fail "there is no $module"; return; }
    nm -D --defined-only "$module" | awk '{ print $3 }' | grep -vE '^C_[A-Z][A-Za-z]+$' | breach 'the module exports more than PKCS#11'
    [ "$(nm -D --defined-only "$module" | grep -c ' T C_')" -ge 68 ] || fail 'the module exports fewer than the 68 functions of PKCS#11 2.40'
}

rules=(
    includes_do_not_climb
    rooms_include_along_the_arrows
    nothing_is_left_for_later
    no_path_of_one_machine
    files_and_functions_have_a_measure
    headers_are_guarded
    lines_end_cleanly
    c_is_formatted
    scripts_are_clean
    links_of_the_docs_lead_somewhere
    make_help_names_every_goal
    the_container_copies_every_room
    docs_explain_every_vendor_number
    only_the_entry_points_are_exported
)
[ $# -eq 0 ] || rules=("$@")
for rule in "${rules[@]}"; do
    "$rule"
done
[ "$failures" -eq 0 ] || { printf '%d rules are broken\n' "$failures" >&2; exit 1; }
[ -z "$skipped" ] || { printf 'SKIPPED:%s\n' "$skipped" >&2; exit 77; }
