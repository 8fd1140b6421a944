# SELinux, in a boot of its own (security=selinux) with tests/vm/selinux.cil enforced: process.selinuxLabel, linux.mountLabel,
# exec's label, and what is said of one that the policy does not know.
# shellcheck shell=sh
se() { timeout 60 /usr/local/bin/tare-oci --root /run/oci-se "$@"; }
se_label=system_u:system_r:container_t
se_bundle() { # LABEL ARGS MORE-OF-LINUX
  mkdir -p /root/se/rootfs/bin /root/se/rootfs/proc /root/se/rootfs/tmp /root/se/rootfs/secret && cp /bin/busybox /root/se/rootfs/bin/ || return 1
  for a in sh sleep cat grep; do ln -sf busybox "/root/se/rootfs/bin/$a"; done
  cat >/root/se/config.json <<JSON
{ "ociVersion": "1.0.2", "root": { "path": "rootfs" },
  "process": { "cwd": "/", "env": ["PATH=/bin"], "user": { "uid": 0, "gid": 0 }, "args": $2, "selinuxLabel": "$1" },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" }, { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs" },
              { "destination": "/secret", "type": "bind", "source": "/root/se-secret", "options": ["bind"] } ],
  "linux": { "namespaces": [ { "type": "pid" }, { "type": "mount" } ] ${3:-} } }
JSON
}
se_loads() {
  mount -t selinuxfs selinuxfs /sys/fs/selinux && cat /tests/selinux.policy >/sys/fs/selinux/load && echo 1 >/sys/fs/selinux/enforce &&
    [ "$(cat /sys/fs/selinux/enforce)" = 1 ] && mkdir -p /root/se-secret &&
    mount -t tmpfs -o context=system_u:object_r:secret_t tmpfs /root/se-secret && echo secret >/root/se-secret/file
}
se_confines() {
  se_bundle "$se_label" '["/bin/sh", "-c", "cat /proc/self/attr/current; echo; cat /secret/file; true"]' &&
    se run -b /root/se se </dev/null >/root/se/out 2>&1
  cat /root/se/out
  tr -d '\0' </root/se/out | grep -x $se_label && grep -i 'permission denied' /root/se/out && ! grep -x secret /root/se/out
}
se_without() {
  se_bundle "" '["/bin/sh", "-c", "cat /secret/file"]' && [ "$(se run -b /root/se se </dev/null)" = secret ]
}
se_mount_label() {
  se_bundle "$se_label" '["/bin/sh", "-c", "echo x >/tmp/f; grep /tmp /proc/self/mountinfo"]' ', "mountLabel": "system_u:object_r:secret_t"' &&
    se run -b /root/se se </dev/null >/root/se/out 2>&1
  cat /root/se/out
  grep -E 'context="?system_u:object_r:secret_t' /root/se/out && grep -i 'permission denied' /root/se/out || return 1
  se_bundle "$se_label" '["/bin/sh", "-c", "echo x >/tmp/f && cat /tmp/f"]' ', "mountLabel": "system_u:object_r:container_t"' &&
    [ "$(se run -b /root/se se </dev/null)" = x ]
}
se_context_type() {
  for type in context fscontext rootcontext; do # tmpfs takes no defcontext
    se_bundle "" '["/bin/grep", " /tmp ", "/proc/self/mountinfo"]' ", \"mountLabel\": \"system_u:object_r:container_t\" },
      \"annotations\": { \"run.oci.mount_context_type\": \"$type\"" && se run -b /root/se se </dev/null >/root/se/out 2>&1
    cat /root/se/out
    grep -E "[ ,]$type=\"?system_u:object_r:container_t" /root/se/out || return 1
  done
}
se_exec() {
  se_bundle "" '["/bin/sleep", "1000"]' && se run -d -b /root/se se </dev/null >/dev/null || return 1
  [ "$(se exec se cat /secret/file)" = secret ] &&
    [ "$(se exec --process-label $se_label se cat /proc/self/attr/current | tr -d '\0')" = $se_label ] &&
    ! se exec --process-label $se_label se cat /secret/file && se delete -f se
}
se_unknown() {
  se_bundle system_u:system_r:no_such_t '["/bin/sh"]'
  ! se run -b /root/se se </dev/null >/root/se/out 2>&1 || return 1
  cat /root/se/out
  grep -F 'process.selinuxLabel' /root/se/out && grep -F no_such_t /root/se/out && [ ! -e /run/oci-se/se ]
}
# No label is ever set, so what asks for one is refused.
se_tare() {
  mkdir -p /root/se-tare && for word in label=type:container_t label:level:s0; do
    ! timeout 60 tare --root /root/se-tare/r --state /root/se-tare/s create --rootfs /root/se/rootfs --security-opt $word /bin/sh 2>/root/se/out || return 1
    cat /root/se/out; grep -F "$word is not supported" /root/se/out || return 1
  done
  ! timeout 60 tare --root /root/se-tare/r --state /root/se-tare/s create --rootfs /root/se/rootfs -v /root/se:/x:z /bin/sh 2>/root/se/out || return 1
  cat /root/se/out; grep -F '"z" is not supported' /root/se/out || return 1
  timeout 60 tare --root /root/se-tare/r --state /root/se-tare/s create --rootfs /root/se/rootfs --network none --security-opt label:disable /bin/sh
}

check "SELinux: a policy is loaded, and enforced" se_loads
check "SELinux: process.selinuxLabel" se_confines
check "SELinux: without a label" se_without
check "SELinux: linux.mountLabel" se_mount_label
check "SELinux: linux.mountLabel as another option" se_context_type
check "SELinux: exec --process-label" se_exec
check "SELinux: a label that the policy does not know" se_unknown
check "SELinux: tare sets no labels, and says so" se_tare
