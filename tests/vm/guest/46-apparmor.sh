# AppArmor, which Debian's kernel has on: process.apparmorProfile, exec's, and what is said of one that nobody loaded.
# shellcheck shell=sh
[ -x /usr/local/bin/tare-oci ] || return 0

aa() { timeout 60 /usr/local/bin/tare-oci --root /run/oci-aa "$@"; }
aa_bundle() { # PROFILE ARGS MORE-OF-PROCESS
  mkdir -p /root/aa/rootfs/bin /root/aa/rootfs/proc && cp /bin/busybox /root/aa/rootfs/bin/ || return 1
  for a in sh sleep cat; do ln -sf busybox "/root/aa/rootfs/bin/$a"; done
  echo secret >/root/aa/rootfs/secret
  cat >/root/aa/config.json <<JSON
{ "ociVersion": "1.0.2", "root": { "path": "rootfs" },
  "process": { "cwd": "/", "env": ["PATH=/bin"], "user": { "uid": 0, "gid": 0 }, "args": $2, "apparmorProfile": "$1" ${3:-} },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" } ],
  "linux": { "namespaces": [ { "type": "pid" }, { "type": "mount" } ] } }
JSON
}
aa_loads() {
  [ -e /sys/kernel/security/apparmor ] || mount -t securityfs securityfs /sys/kernel/security || return 1
  cat /tests/apparmor.bin >/sys/kernel/security/apparmor/.load && grep -x 'tare-guest (enforce)' /sys/kernel/security/apparmor/profiles
}
aa_look='["/bin/sh", "-c", "cat /proc/self/attr/apparmor/current; cat /secret; true"]'
aa_confines() { # MORE-OF-PROCESS
  aa_bundle tare-guest "$aa_look" "${1:-}" && aa run -b /root/aa aa </dev/null >/root/aa/out 2>&1
  cat /root/aa/out
  grep -x 'tare-guest (enforce)' /root/aa/out && grep -i 'permission denied' /root/aa/out && ! grep -x secret /root/aa/out
}
aa_unconfined() {
  aa_bundle unconfined "$aa_look" && aa run -b /root/aa aa </dev/null >/root/aa/out 2>&1
  cat /root/aa/out
  grep -x unconfined /root/aa/out && grep -x secret /root/aa/out
}
aa_exec() {
  aa_bundle "" '["/bin/sleep", "1000"]' && aa run -d -b /root/aa aa </dev/null >/dev/null || return 1
  aa exec aa cat /secret || return 1
  aa exec --apparmor tare-guest aa cat /proc/self/attr/apparmor/current >/root/aa/out && grep -x 'tare-guest (enforce)' /root/aa/out &&
    ! aa exec --apparmor tare-guest aa cat /secret && aa delete -f aa
}
aa_unknown() {
  aa_bundle nobody-loaded-it '["/bin/sh"]'
  ! aa run -b /root/aa aa </dev/null >/root/aa/out 2>&1 || return 1
  cat /root/aa/out
  grep -F 'process.apparmorProfile' /root/aa/out && grep -F 'nobody-loaded-it' /root/aa/out && [ ! -e /run/oci-aa/aa ]
}

check "AppArmor: a profile is loaded" aa_loads
check "AppArmor: process.apparmorProfile" aa_confines
check "AppArmor: with no_new_privs" aa_confines ', "noNewPrivileges": true'
check "AppArmor: unconfined" aa_unconfined
check "AppArmor: exec --apparmor" aa_exec
check "AppArmor: a profile that is not loaded" aa_unknown
