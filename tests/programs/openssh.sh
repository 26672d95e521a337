#!/usr/bin/env bash
# OpenSSH: an sshd of our own on the loopback, and ssh, ssh-keygen and ssh-agent with keys in the token: the commands of
# docs/openssh.md, then each type of key by itself, and what must be refused.
# sshd runs as an ordinary user, who can log in as nobody but himself; libnss-wrapper gives him a name and a shell.
#   usage: openssh.sh MODULE SOURCE
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
begin "$@"
need ssh=openssh-client ssh-agent=openssh-client ssh-keygen=openssh-client
wrapper=$(find /usr/lib -name 'libnss_wrapper.so*' -print -quit)
[ -n "$wrapper" ] || skip 'libnss_wrapper.so (package libnss-wrapper)'
token
sshd=$(PATH=$PATH:/usr/sbin command -v sshd || true)
libraries=''
if [ -z "$sshd" ]; then # installing it would start it
    package libwrap0
    libraries=$(dirname "$(find "$unpacked" -name 'libwrap.so.0' -print -quit)")
    package openssh-server
    mkdir -p lib bin
    cp -r "$libraries/." lib/
    find "$unpacked/usr" -type f -perm -100 \( -name sshd -o -name sshd-session -o -name sshd-auth \) -exec cp {} bin/ \;
    sshd=$folder/bin/sshd libraries=$folder/lib
fi
# ssh takes what is in ~/.ssh from the account's home, not from $HOME.
mkdir -p .ssh
printf '#!/bin/sh\nprintf "%%s\\n" "$BULLA_PIN"\n' >askpass
chmod 700 askpass
ordinary_user
export SSH_ASKPASS=$folder/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=none
uid=65534
[ "$(id -u)" -eq 0 ] || uid=$(id -u)
export ACCOUNT=keeper
printf 'keeper:x:%d:%d::%s:/bin/sh\nsshd:x:65533:65533::/:/bin/false\n' "$uid" "$uid" "$folder" >passwd
printf 'keeper:x:%d:\n' "$uid" >group
as=("${user[@]}" env NSS_WRAPPER_PASSWD="$folder/passwd" NSS_WRAPPER_GROUP="$folder/group" LD_PRELOAD="$wrapper")

run 'a host key' "${user[@]}" ssh-keygen -q -t ed25519 -N '' -f host_key
cat >sshd_config <<END
ListenAddress 127.0.0.1
HostKey $folder/host_key
AuthorizedKeysFile $folder/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
END
for part in session auth; do # OpenSSH 10 is three programs
    [ ! -e "bin/sshd-$part" ] || printf 'Sshd%sPath %s\n' "${part^}" "$folder/bin/sshd-$part" >>sshd_config
done
printf 'localhost %s\n' "$(cut -d' ' -f1,2 host_key.pub)" | sed 's/^localhost/*/' >known_hosts
cat >ssh_config <<END
UserKnownHostsFile $folder/known_hosts
GlobalKnownHostsFile none
StrictHostKeyChecking yes
IdentityFile none
END
export SSHD="env LD_LIBRARY_PATH=$libraries $sshd -f $folder/sshd_config"

# The page says "ssh": here it reads our configuration instead of the account's.
mkdir -p bin
printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(command -v ssh)" "$folder/ssh_config" >bin/ssh
chmod 755 bin/ssh
export PATH=$folder/bin:$PATH
user=("${as[@]}")
page openssh
cp out page
grep -qx 'it is me' page || fail 'ssh of the page'
grep -qx 'the agent spoke' page || fail 'ssh-agent of the page'
grep -q '(ECDSA)' page || fail 'no ECDSA key in authorized_keys'

# --- each type of key ---
key rsa:2048 rsa 02
key EC:secp384r1 p384 03
key EC:secp521r1 p521 04
run 'ssh-keygen -D' "${user[@]}" ssh-keygen -D "$MODULE" -e
cp out keys
free_port
serve sshd "${user[@]}" env LD_LIBRARY_PATH="$libraries" "$sshd" -f "$folder/sshd_config" -D -e -p "$port"
wait_for sshd listens
there=("${user[@]}" ssh -p "$port" -o PKCS11Provider="$MODULE" keeper@localhost)
for type in ssh-rsa ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521; do
    grep "^$type " keys >authorized_keys || fail "ssh-keygen -D shows no $type"
    run "ssh with $type" "${there[@]}" echo "by $type"
    says "^by $type\$"
done
! grep -q 'Accepted password' sshd.log || fail 'a password was taken'
[ "$(grep -c 'Accepted publickey for keeper' sshd.log)" -eq 4 ] || fail 'not four logins by a key'

# --- what must be refused ---
ssh-keygen -q -t ecdsa -N '' -f stranger
cp stranger.pub authorized_keys
refused 'a key that is not authorized' "${there[@]}" echo never
says 'Permission denied'
grep '^ssh-rsa ' keys >authorized_keys # one key, one try
refused 'a wrong PIN' env BULLA_PIN=wrong-pin "${there[@]}" echo never
says 'Permission denied'
run 'the right one' "${there[@]}" echo again

# --- the agent's list of modules ---
"${user[@]}" ssh-agent -D -a "$folder/agent" -P '/nowhere/*' >agent.log 2>&1 &
server=$!
servers+=("$server")
wait_for agent test -S agent
refused 'a module that the agent may not load' env SSH_AUTH_SOCK="$folder/agent" "${user[@]}" ssh-add -s "$MODULE"
