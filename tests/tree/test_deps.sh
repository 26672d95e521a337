#!/usr/bin/env bash
# scripts/deps with a package manager that is only played: what it names, chooses and installs.
#   usage: test_deps.sh SOURCE
set -euo pipefail

deps=$1/scripts/deps
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-deps-XXXXXX")
trap 'rm -rf "$folder"' EXIT
failures=0
fail() { printf 'FAILED: %s\n' "$*" >&2; cat "$folder/out" >&2; failures=$((failures + 1)); }

# $folder/installed and $folder/known hold names; what apt-get does is written to $folder/done, in order.
bin=$folder/bin
mkdir "$bin"
for tool in bash env dirname sed sort id cat cp printf grep tail; do
    ln -s "$(command -v "$tool")" "$bin/$tool"
done
cat >"$bin/dpkg-query" <<'PLAYED'
#!/usr/bin/env bash
grep -qxF -- "${*: -1}" "$PLAY/installed" && printf installed
PLAYED
cat >"$bin/apt-cache" <<'PLAYED'
#!/usr/bin/env bash
grep -xF -- "${*: -1}" "$PLAY/known" || true
PLAYED
cat >"$bin/apt-get" <<'PLAYED'
#!/usr/bin/env bash
echo "apt-get $*" >>"$PLAY/done"
[ "$1" != update ] || cat "$PLAY/after-update" >>"$PLAY/known"
[ "$1" != install ] || printf '%s\n' "$@" >>"$PLAY/installed"
case " $* " in *' npm '*) cp "$PLAY/bin/sudo" "$PLAY/bin/npm" ;; esac
[ ! -e "$PLAY/broken" ]
PLAYED
printf '#!/usr/bin/env bash\necho "sudo" >>"$PLAY/done"\nexec "$@"\n' >"$bin/sudo"
chmod +x "$bin"/{dpkg-query,apt-cache,apt-get,sudo}
export PLAY=$folder

build='build-essential cmake ninja-build pkg-config libssl-dev libsodium-dev libp11-kit-dev libcbor-dev libsqlite3-dev
    libjansson-dev libutf8proc-dev libtss2-dev libcmocka-dev libsecp256k1-dev nettle-dev libgmp-dev'
demo='p11-kit p11-kit-modules swtpm swtpm-tools tpm2-tools opensc gnutls-bin ca-certificates'
scene() { # INSTALLED KNOWN AFTER-UPDATE
    : >"$folder/done"
    rm -f "$folder/broken" "$bin/npm"
    printf '%s\n' $1 >"$folder/installed"
    printf '%s\n' $2 >"$folder/known"
    printf '%s\n' $3 >"$folder/after-update"
}
run() { PATH=$bin "$deps" "$@" >"$folder/out" 2>&1; }
did() { grep -qF -- "$1" "$folder/done" || fail "nobody did: $1"; }
did_nothing() { [ ! -s "$folder/done" ] || fail "$1: $(cat "$folder/done")"; }

scene "$build" '' ''
run build || fail 'everything is there, and it fails'
did_nothing 'everything is there'

scene "${build/cmake/}" 'cmake' ''
! run --check build || fail '--check does not fail for what is missing'
grep -q 'missing: cmake$' "$folder/out" || fail 'what is missing is not named'
did_nothing '--check installs'

scene "${build/cmake/}" 'cmake' ''
run build || fail 'installing fails'
did 'apt-get install -q -y --no-install-recommends cmake'
! grep -q update "$folder/done" || fail 'lists that know the package are read again'
[ "$(grep -n missing "$folder/out" | head -n 1 | cut -d: -f1)" = 1 ] || fail 'what is missing is not named first'
[ "$(id -u)" -eq 0 ] || did sudo

# A machine that knows no package yet: the lists are read, then the name of the newer Debian is chosen.
scene "$build $demo" '' 'libtss2-tcti-swtpm0t64 npm'
run demo || fail 'installing after an update fails'
did 'apt-get update'
did 'install -q -y --no-install-recommends libtss2-tcti-swtpm0t64 npm'

# The older one.
scene "$build $demo" 'libtss2-tcti-swtpm0 npm' ''
run demo || fail 'installing on the older Debian fails'
did 'libtss2-tcti-swtpm0 npm'

# npm only where there is no such command, whoever put it there.
scene "$build $demo libtss2-tcti-swtpm0" 'npm' ''
printf '#!/usr/bin/env bash\n' >"$bin/npm"
chmod +x "$bin/npm"
run demo || fail 'with npm there it fails'
did_nothing 'npm is installed over another'

scene "${build/cmake/}" 'cmake' ''
touch "$folder/broken"
! run build || fail 'a broken apt-get passes'
grep -q 'apt-get' "$folder/out" || fail 'the failure does not name apt-get'

! run nonsense || fail 'an unknown group passes'
exit $((failures > 0))
