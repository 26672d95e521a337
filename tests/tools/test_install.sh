#!/usr/bin/env bash
# cmake --install, as Debian's packages do it: prefix /usr, into a DESTDIR. What is where, the module and the program
# that were installed, bash's completion, the manuals.
#   usage: test_install.sh SOURCE BUILD       BUILD: one that is made; its products are installed, not made again
set -euo pipefail

source=$1 build=$2
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-install-XXXXXX")
trap 'rm -rf "$folder"' EXIT
root=$folder/root failures=0 skipped=''
: >"$folder/out"
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    sed 's/^/    /' "$folder/out" >&2
    failures=$((failures + 1))
}
lacks() {
    if [ "${CI:-}" = true ]; then fail "CI lacks $1"; else skipped+=" $1"; fi
}

# A build that is configured for /usr, with what the given one has made.
setting() { sed -n "s/^$1:[A-Z]*=//p" "$folder/build/CMakeCache.txt"; }
cmake -S "$source" -B "$folder/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DBULLA_TESTS=OFF \
    >"$folder/out" 2>&1 || { fail 'configuring'; exit 1; }
for product in module/shared/libbulla.so tools/bulla tools/bulla.bash; do
    mkdir -p "$(dirname "$folder/build/$product")"
    cp "$build/$product" "$folder/build/$product"
done
mkdir -p "$folder/build/verify"
cp -a "$build"/verify/libbulla-verify.so* "$folder/build/verify/"
DESTDIR=$root cmake --install "$folder/build" >"$folder/out" 2>&1 || { fail 'installing'; exit 1; }

# --- what is where ---
libraries=$(setting CMAKE_INSTALL_LIBDIR)
units=$(setting BULLA_UNIT_FOLDER)
registrations=$(setting BULLA_REGISTRATION_FOLDER)
expected() {
    cat <<END
${registrations#/}/bulla.module
usr/bin/bulla
usr/include/bulla.h
usr/include/bulla_verify.h
usr/$libraries/libbulla-verify.so.1.0.0
usr/$libraries/pkgconfig/bulla-verify.pc
usr/$libraries/pkcs11/libbulla.so
usr/share/bash-completion/completions/bulla
usr/share/doc/bulla/bulla.conf.example
usr/share/doc/bulla/examples/Containerfile
usr/share/doc/bulla/examples/apparmor/bulla
usr/share/doc/bulla/examples/bulla.sysusers.conf
usr/share/man/man1/bulla.1
usr/share/man/man5/bulla.conf.5
usr/${units#/usr/}/bulla-p11-kit-server.socket
usr/${units#/usr/}/bulla-p11-kit-server@.service
END
    [ ! -e "$source/conf/openssl.cnf" ] || printf 'usr/share/doc/bulla/examples/openssl.cnf\n'
}
all_there() { diff <(expected | sort) <(cd "$root" && find . -type f | sed 's|^\./||' | sort) >"$folder/out"; }
all_there || fail 'what is installed is not what should be'
touch "$root/usr/superfluous"
! all_there || fail 'a superfluous file is not seen'
rm "$root/usr/superfluous"
mv "$root/usr/share/man/man1/bulla.1" "$folder/kept"
! all_there || fail 'a missing file is not seen'
mv "$folder/kept" "$root/usr/share/man/man1/bulla.1"

if command -v dpkg-architecture >/dev/null || command -v gcc >/dev/null; then
    triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
    [ "$libraries" = "lib/$triplet" ] || fail "libraries go to $libraries instead of lib/$triplet"
fi
[ "$(stat -c %a "$root/usr/share/man/man1/bulla.1" "$root/usr/bin/bulla" | tr '\n' ' ')" = '644 755 ' ] || fail 'modes'
! grep -rlF -e "$folder" -e "$build" "$root/${registrations#/}" "$root/usr/share" "$root/usr/lib/systemd" 2>/dev/null ||
    fail 'a file names the folder that it was built in'

# --- the module: where its registration leads, and what comes from there ---
named=$(sed -n 's/^module: *//p' "$root/${registrations#/}/bulla.module")
case $named in /*) ;; *) named=$(pkg-config --variable=p11_module_path p11-kit-1)/$named ;; esac
[ -f "$root$named" ] || fail "the registration leads to $named, where nothing is"
cat >"$folder/bulla.conf" <<CONF
[token installed]
path = $folder/token
release = passphrase
pin-cost = quick
CONF
export BULLA_CONF=$folder/bulla.conf
umask 077
printf 'user-pin' >"$folder/pin"
printf 'so-pin-12' >"$folder/so"
"$root/usr/bin/bulla" init --yes --module "$root$named" --label fresh --pin-file "$folder/pin" --so-pin-file "$folder/so" \
    >"$folder/out" 2>&1 || fail 'the installed program does not initialise a token of the installed module'
if command -v pkcs11-tool >/dev/null; then
    pkcs11-tool --module "$root$named" --list-slots >"$folder/out" 2>&1 || fail 'pkcs11-tool --list-slots'
    grep -q 'token label *: fresh' "$folder/out" || fail 'pkcs11-tool sees no token'
else
    lacks pkcs11-tool
fi

# A prefix other than the configured one would register a module that is not there.
! DESTDIR=$folder/elsewhere cmake --install "$folder/build" --prefix /opt/bulla >"$folder/out" 2>&1 ||
    fail 'another prefix is taken'
grep -q 'configure with -DCMAKE_INSTALL_PREFIX=/opt/bulla' "$folder/out" || fail 'what to do about another prefix'

# --- the verifier's library: a relying party is compiled as docs/evidence.md says, and runs ---
cat >"$folder/party.c" <<'END'
#include <bulla_verify.h>
#include <stdio.h>
int main(void)
{
    struct bulla_verifier *verifier = bulla_verifier_new();
    struct bulla_verify_question question = {.evidence = "x", .evidence_size = 1};
    struct bulla_verify_result *result = NULL;
    int status = bulla_verifier_judge(verifier, &question, &result);
    printf("%d %s %s\n", status, bulla_verifier_code(verifier), bulla_verify_status(result));
    bulla_verify_result_free(result);
    bulla_verifier_free(verifier);
    return 0;
}
END
if command -v cc >/dev/null && command -v pkg-config >/dev/null; then
    export PKG_CONFIG_SYSROOT_DIR=$root
    packages=$root/usr/$libraries/pkgconfig:$(pkg-config --variable pc_path pkg-config)
    # shellcheck disable=SC2046 # flags
    cc "$folder/party.c" -o "$folder/party" \
        $(PKG_CONFIG_PATH=$packages pkg-config --cflags --libs bulla-verify) >"$folder/out" 2>&1 ||
        fail 'a relying party does not compile with pkg-config bulla-verify'
    {
        printf '#include <bulla_verify.h>\n#include <stdio.h>\n'
        printf 'int judge(const void *bundle, size_t bundle_size, const uint8_t authority[65], const void *evidence,\n'
        printf '    size_t size)\n{\n'
        # shellcheck disable=SC2016 # Markdown's marks
        sed -n '/^```c$/,/^```$/{//!p}' "$source/docs/evidence.md"
        printf 'return 0;\n}\nint main(void) { return judge(0, 0, 0, 0, 0); }\n'
    } >"$folder/documented.c"
    grep -q bulla_verifier_judge "$folder/documented.c" || fail 'docs/evidence.md has no example of the library'
    # shellcheck disable=SC2046 # flags
    cc -Wall -Werror "$folder/documented.c" -o "$folder/documented" \
        $(PKG_CONFIG_PATH=$packages pkg-config --cflags --libs bulla-verify) >"$folder/out" 2>&1 ||
        fail 'the example in docs/evidence.md does not compile'
    unset PKG_CONFIG_SYSROOT_DIR
    answer=$(LD_LIBRARY_PATH=$root/usr/$libraries "$folder/party" 2>"$folder/out") || fail 'the relying party'
    [ "$answer" = '-1 evidence-kind contraindicated' ] || fail "the relying party says: $answer"
    [ "$(PKG_CONFIG_PATH=$packages pkg-config --modversion bulla-verify)" = "$(setting CMAKE_PROJECT_VERSION)" ] ||
        fail 'the version in bulla-verify.pc'
    LC_ALL=C readelf -d "$folder/party" >"$folder/out" 2>&1 || true
    grep -q 'NEEDED.*libbulla-verify\.so\.1' "$folder/out" ||
        fail 'the relying party does not need libbulla-verify.so.1'
else
    lacks 'cc or pkg-config'
fi

# --- bash's completion, as a shell without a terminal has it ---
completion=$root/usr/share/bash-completion/completions/bulla
# completes WORDS…: what is offered for the last word
completes() {
    bash --norc -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        specification=$(complete -p bulla) || exit 1
        function=${specification#* -F }; ${function%% *} bulla "${!#}" "${@: -2:1}"
        printf "%s\n" "${COMPREPLY[@]}"' - "$completion" bulla "$@"
}
[ "$(bash --norc -c '. "$1"; complete -p bulla' - "$completion")" = 'complete -o filenames -F _bulla bulla' ] ||
    fail 'complete -p bulla'
bash -n "$completion" || fail 'the completion is no script'
commands=$("$root/usr/bin/bulla" --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\( [a-z]*\)\{0,1\}\)  .*/\1/p')
[ "$(wc -l <<<"$commands")" -ge 15 ] || fail 'the help names hardly any commands'
while read -r first second; do
    grep -qx "$first" <<<"$(completes "")" || fail "$first is not offered"
    [ -z "$second" ] || grep -qx "$second" <<<"$(completes "$first" "")" || fail "$first $second is not offered"
    # shellcheck disable=SC2086 # two words, or one
    for option in $("$root/usr/bin/bulla" $first $second --help | sed -n '/^Options/,/^$/s/.* \(--[a-z-]*\) .*/\1/p'); do
        grep -qx -e "$option" <<<"$(completes $first $second --)" || fail "$option of $first $second is not offered"
    done
done <<<"$commands"
[ -z "$(completes nonsen)" ] || fail 'a command that there is not is offered'
[ "$(completes status --js)" = --json ] || fail 'bulla status --js'
touch "$folder/a-file"
[ "$(cd "$folder" && completes model inspect a-f)" = a-file ] || fail 'files are not offered'

# --- the manuals ---
for page in man1/bulla.1 man5/bulla.conf.5; do
    if command -v mandoc >/dev/null; then
        mandoc -Tlint "$root/usr/share/man/$page" 2>/dev/null | grep -v 'referenced manual not found' >"$folder/out" || true
        [ ! -s "$folder/out" ] || fail "mandoc -Tlint $page"
    else
        lacks mandoc
    fi
    if command -v man >/dev/null && [ "$(man --path 2>/dev/null)" ]; then
        MANPAGER=cat MANWIDTH=80 man -l "$root/usr/share/man/$page" >"$folder/out" 2>&1 || fail "man -l $page"
        [ "$(wc -l <"$folder/out")" -gt 50 ] || fail "man -l $page shows nothing"
    fi
done

[ "$failures" -eq 0 ] || exit 1
[ -z "$skipped" ] || { printf 'SKIPPED:%s is missing\n' "$skipped" >&2; exit 77; }
