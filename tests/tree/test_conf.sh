#!/usr/bin/env bash
# The units and the AppArmor abstraction, read by the programs that will read them, and each of these readings is shown
# to refuse. AppArmor is not installed for this, for it would come into force: CI unpacks the package's files instead.
#   usage: test_conf.sh SOURCE UNITS        UNITS: the folder of what the build makes of conf/
set -euo pipefail

source=$1 units=$2
folder=$(mktemp -d "${TMPDIR:-/tmp}/bulla-conf-XXXXXX")
trap 'rm -rf "$folder"' EXIT
skipped='' failures=0
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    [ ! -s "$folder/out" ] || sed 's/^/    /' "$folder/out" >&2
    failures=$((failures + 1))
}

unit=bulla-p11-kit-server
put() { # NAME: a copy of both units in a folder of their own
    mkdir "$folder/$1"
    cp "$source/conf/systemd/$unit.socket" "$units/$unit@.service" "$folder/$1/"
}
# systemd-analyze warns and is content; what it says of the machine's own units is not our matter.
verify() {
    systemd-analyze verify --man=no "$1/$unit.socket" "$1/$unit@.service" >"$folder/said" 2>&1 || true
    ! grep -F "$unit" "$folder/said" >"$folder/out"
}
exposed() { ! systemd-analyze security --offline=true --threshold=15 "$1/$unit@.service" >"$folder/out" 2>&1; }

check_units() {
    put good
    verify "$folder/good" || fail 'systemd-analyze verify'
    ! exposed "$folder/good" || fail 'the sandbox is weaker than 1.5'
    put misspelt
    sed -i 's/^LimitCORE=/LimitCORRE=/' "$folder/misspelt/$unit@.service"
    ! verify "$folder/misspelt" || fail 'verify takes a setting that there is not'
    put open
    sed -i '/^SystemCallFilter=/d;/^Protect/d;/^CapabilityBoundingSet=/d' "$folder/open/$unit@.service"
    exposed "$folder/open" || fail 'a unit without half of its sandbox counts as closed'
}

# The program need not be installed where this is run.
check_kes_unit() {
    mkdir "$folder/kes"
    sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$units/bulla-kes@.service" >"$folder/kes/bulla-kes@.service"
    systemd-analyze verify --man=no "$folder/kes/bulla-kes@.service" >"$folder/said" 2>&1 || true
    ! grep -F bulla-kes "$folder/said" >"$folder/out" || fail 'systemd-analyze verify of the KES unit'
    systemd-analyze security --offline=true --threshold=15 "$folder/kes/bulla-kes@.service" >"$folder/out" 2>&1 ||
        fail 'the sandbox of the KES unit is weaker than 1.5'
    sed -i 's/^LimitCORE=/LimitCORRE=/' "$folder/kes/bulla-kes@.service"
    systemd-analyze verify --man=no "$folder/kes/bulla-kes@.service" >"$folder/said" 2>&1 || true
    grep -qF bulla-kes "$folder/said" || fail 'verify takes a setting that there is not'
}

# Accept=yes needs a template with its socket for input; a limit of locked memory, or no model opens; no core files.
check_settings() {
    local setting
    while IFS= read -r setting; do
        grep -qxF -- "$setting" "$units/$unit@.service" "$source/conf/systemd/$unit.socket" ||
            fail "no unit says $setting"
    done <<'SETTINGS'
Accept=yes
StandardInput=socket
StandardOutput=socket
SocketMode=0660
LimitMEMLOCK=1G
LimitCORE=0
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
SETTINGS
}

parse() { # the abstraction, in a profile
    mkdir -p "$folder/$1/abstractions"
    cat >"$folder/$1/abstractions/bulla"
    "$parser" --base "$base" --skip-kernel-load --skip-cache --Include "$folder/$1" >"$folder/out" 2>&1 <<'PROFILE'
abi <abi/3.0>,
include <tunables/global>
profile example /usr/bin/example {
  include <abstractions/base>
  include <abstractions/bulla>
}
PROFILE
}
check_profile() {
    parse taken <"$source/conf/apparmor/bulla" || fail 'apparmor_parser'
    ! sed 's/ rwk,/ rwq,/' "$source/conf/apparmor/bulla" | parse refused ||
        fail 'a permission that there is not is taken'
}

check_settings
if command -v systemd-analyze >/dev/null; then check_units; check_kes_unit; else skipped+=' systemd-analyze (package systemd)'; fi
parser=$(PATH=$PATH:/sbin:/usr/sbin command -v apparmor_parser || true) base=/etc/apparmor.d
if [ -z "$parser" ] && [ "${CI:-}" = true ] &&
    (cd "$folder" && apt-get download -q apparmor && dpkg -x apparmor_*.deb unpacked) >"$folder/out" 2>&1; then
    parser=$folder/unpacked/sbin/apparmor_parser base=$folder/unpacked/etc/apparmor.d
fi
if [ -n "$parser" ] && [ -e "$base/abstractions/p11-kit" ]; then
    check_profile
else
    skipped+=' apparmor_parser (package apparmor)'
fi
[ "$failures" -eq 0 ] || exit 1
[ -n "$skipped" ] || exit 0
[ "${CI:-}" != true ] || fail "$skipped is missing"
[ "$failures" -eq 0 ] || exit 1
printf 'SKIPPED:%s is missing\n' "$skipped" >&2
exit 77
