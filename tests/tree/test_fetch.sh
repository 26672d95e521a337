#!/usr/bin/env bash
# scripts/fetch-package with an archive of our own: what nobody signed is refused, and so is what was altered.
#   usage: test_fetch.sh SOURCE
set -euo pipefail

source=$(readlink -f "$1")
for tool in apt-get dpkg-deb; do
    command -v $tool >/dev/null || { echo "SKIPPED: $tool is missing" >&2; exit 77; }
done
# shellcheck source=/dev/null
. /etc/os-release
[ "${ID:-}" = debian ] || { echo 'SKIPPED: this is no Debian' >&2; exit 77; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-fetch-XXXXXX")
trap 'rm -rf "$folder"' EXIT
fail() { printf 'FAILED: %s\n' "$*" >&2; cat "$folder/out" >&2; exit 1; }

# --- an archive with one package, in every suite that is read, and no signature ---
architecture=$(dpkg --print-architecture)
archive=$folder/archive
mkdir -p "$folder/package/DEBIAN" "$folder/package/usr/share/sample" "$archive/pool" "$folder/scripts/lib"
echo 'a sample' >"$folder/package/usr/share/sample/file"
printf '%s\n' 'Package: bulla-sample' 'Version: 1' 'Architecture: all' 'Maintainer: tests <tests@example.org>' \
    'Description: a sample' >"$folder/package/DEBIAN/control"
dpkg-deb --build --root-owner-group "$folder/package" "$archive/pool/bulla-sample_1_all.deb" >/dev/null
for suite in "$VERSION_CODENAME" "$VERSION_CODENAME-security" trixie trixie-security; do
    lists=main/binary-$architecture
    mkdir -p "$archive/dists/$suite/$lists"
    cd "$archive/dists/$suite"
    {
        cat "$folder/package/DEBIAN/control"
        printf 'Filename: pool/bulla-sample_1_all.deb\nSize: %d\nSHA256: %s\n' \
            "$(stat -c %s "$archive/pool/bulla-sample_1_all.deb")" "$(sha256sum <"$archive/pool/bulla-sample_1_all.deb" | cut -d' ' -f1)"
    } >$lists/Packages
    printf 'Suite: %s\nCodename: %s\nDate: %s\nArchitectures: %s\nComponents: main\nSHA256:\n %s %d %s\n' "$suite" "$suite" \
        "$(date -Ru)" "$architecture" "$(sha256sum <$lists/Packages | cut -d' ' -f1)" "$(stat -c %s $lists/Packages)" \
        $lists/Packages >Release
done
cd "$folder"
# fetch: from that archive, into a tree of its own
cp "$source/scripts/fetch-package" scripts/
cp "$source/scripts/lib/help" scripts/lib/
fetch() { env APT_MIRROR="file:$archive" APT_SECURITY_MIRROR="file:$archive" scripts/fetch-package "$@" >out 2>&1; }

! fetch bulla-sample || fail 'an archive that nobody signed is taken'
grep -q 'is not signed' out || fail 'another reason than the missing signature'
[ ! -e build/packages/bulla-sample ] || fail 'something was unpacked'

# The same archive as one that is trusted, which shows that nothing but the signature was missing.
sed -i "s|signed='signed-by=[^']*'|signed=trusted=yes|" scripts/fetch-package
fetch bulla-sample || fail 'the archive itself'
[ "$(tail -n 1 out)" = "$folder/build/packages/bulla-sample" ] || fail 'the folder is not told'
fetch bulla-sample || fail 'what is there already'
[ "$(cat build/packages/bulla-sample/usr/share/sample/file)" = 'a sample' ] || fail 'the package is not unpacked'
! fetch bulla-other || fail 'a package that is not there'
fetch --trixie bulla-sample || fail 'a package of the next release'
[ "$(tail -n 1 out)" = "$folder/build/packages/trixie/bulla-sample" ] || fail 'it does not lie in a folder of its own'

rm -rf build/packages/bulla-sample
printf 'x' >>"$archive/pool/bulla-sample_1_all.deb"
! fetch bulla-sample || fail 'an altered package is taken'
[ ! -e build/packages/bulla-sample ] || fail 'an altered package is unpacked'
