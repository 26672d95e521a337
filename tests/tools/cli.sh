# What the scripts share: a folder, a configuration, and assertions on status and output. Sourced, with
#   $1 the program bulla, $2 the module, $3 make_model
set -u
BULLA=$1 MODULE=$2 MAKE_MODEL=$3
FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/bulla-test-XXXXXX") || exit 1
FAILURES=0
unset BULLA_PIN NO_COLOR
export BULLA_CONF="$FOLDER/bulla.conf" XDG_CONFIG_HOME="$FOLDER" XDG_DATA_HOME="$FOLDER"
umask 077

[ -f "$MODULE" ] || {
    echo "FAILED: there is no module $MODULE" >&2
    exit 1
}

skip() {
    if [ "${CI:-}" = true ]; then
        echo "FAILED: $1 is missing" >&2
        exit 1
    fi
    echo "SKIPPED: $1 is missing" >&2
    exit 77
}
command -v jq >/dev/null || skip jq

fail() {
    echo "FAILED: $*" >&2
    sed 's/^/    out: /' "$FOLDER/out" >&2
    sed 's/^/    err: /' "$FOLDER/err" >&2
    FAILURES=$((FAILURES + 1))
    [ "$FAILURES" -lt 5 ] || finish # what follows fails because of what went before
}

# run STATUS WORDS…: runs bulla against the module without a terminal; its output is in $FOLDER/out and err.
run() {
    wanted=$1
    shift
    setsid -w "$BULLA" "$@" --module "$MODULE" >"$FOLDER/out" 2>"$FOLDER/err" </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] || fail "status $got instead of $wanted: bulla $*"
}
# offline STATUS WORDS…: the same for commands that take no --module.
offline() {
    wanted=$1
    shift
    setsid -w "$BULLA" "$@" >"$FOLDER/out" 2>"$FOLDER/err" </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] || fail "status $got instead of $wanted: bulla $*"
}
# typed STATUS PROMPT ANSWER … -- WORDS…: runs bulla on a terminal at which somebody answers what it asks.
HERE=$(dirname "$0")
command -v python3 >/dev/null || skip python3
typed() {
    wanted=$1
    shift
    : >"$FOLDER/err"
    count=$#
    while [ "$count" -gt 0 ]; do # the program itself goes in after the first --
        word=$1
        shift
        count=$((count - 1))
        if [ "$word" = -- ]; then set -- "$@" -- "$BULLA"; else set -- "$@" "$word"; fi
    done
    python3 "$HERE/typist.py" "$@" >"$FOLDER/out" 2>"$FOLDER/err" </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] || fail "status $got instead of $wanted: bulla at a terminal $*"
}
says() { grep -qF -- "$1" "$FOLDER/out" "$FOLDER/err" || fail "nothing says: $1"; }
# json FILTER: the output is one JSON document of which the filter holds.
json() { jq -e "$1" <"$FOLDER/out" >/dev/null || fail "JSON: $1"; }

finish() {
    rm -rf "$FOLDER"
    [ "$FAILURES" -eq 0 ] || echo "$FAILURES failed" >&2
    exit $((FAILURES > 0))
}
