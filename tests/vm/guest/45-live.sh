# Changes to a running container on Debian's kernel and pure v2: mounts, device rules (an eBPF program), Landlock of an older
# version, limits that are too small.
# shellcheck shell=sh
[ -x /usr/local/bin/tare-oci ] || return 0

lv() { timeout 60 /usr/local/bin/tare-oci --root /run/oci-live "$@"; }
# NAMESPACES and MORE are pieces of JSON that begin with a comma, or nothing
lv_bundle() { # ARGS MORE-OF-LINUX ANNOTATIONS NAMESPACES
  mkdir -p /root/lv/rootfs/bin /root/lv/rootfs/dev /root/lv/rootfs/proc /root/lv/rootfs/tmp && cp /bin/busybox /root/lv/rootfs/bin/ || return 1
  for a in sh sleep cat stat true mknod grep; do ln -sf busybox "/root/lv/rootfs/bin/$a"; done
  cat >/root/lv/config.json <<JSON
{ "ociVersion": "1.0.2", "root": { "path": "rootfs" }, "annotations": { ${3:-} },
  "process": { "cwd": "/", "env": ["PATH=/bin"], "user": { "uid": 0, "gid": 0 }, "args": $1,
    "capabilities": { "bounding": ["CAP_MKNOD"], "effective": ["CAP_MKNOD"], "permitted": ["CAP_MKNOD"] } },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
              { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"] } ],
  "linux": { "cgroupsPath": "/tare-live", "namespaces": [ { "type": "pid" }, { "type": "mount" } ${4:-} ] ${2:-} } }
JSON
}
lv_start() { lv_bundle '["/bin/sleep", "1000"]' "$@" && lv run -d -b /root/lv lv </dev/null >/dev/null; }
lv_user=', "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}], "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]'
opens() { lv exec lv sh -c "[ -c $1 ] && : >$1"; }

lv_devices() { # [MORE-OF-LINUX NAMESPACES]
  lv_start "${1:-}" "" "${2:-}" || return 1
  [ -e /root/klog ] || mknod -m 0666 /root/klog c 1 11 && chmod 666 /root/klog || return 1
  lv update --device-add /root/klog:/dev/klog lv && opens /dev/klog || fail "added, and cannot be opened" || return 1
  lv update --pids-limit 50 lv && opens /dev/klog || fail "not after update" || return 1
  echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]}' |
    lv update -r - lv && opens /dev/klog || fail "not after update -r" || return 1
  ! opens /dev/zero || fail "update -r did nothing" || return 1
  lv exec lv stat -c '%t:%T %a %u' /dev/klog | grep -x '1:b 666 0' || return 1
  lv update --device-rm /dev/klog lv && ! lv exec lv sh -c '[ -e /dev/klog ]' || fail "still there" || return 1
  [ -n "${1:-}" ] || { lv exec lv mknod /dev/mine c 1 11; ! opens /dev/mine; } || fail "still allowed" || return 1
  lv delete -f lv && [ ! -e /sys/fs/cgroup/tare-live ]
}
lv_mounts() { # [MORE-OF-LINUX NAMESPACES]
  lv_start "${1:-}" "" "${2:-}" && mkdir -p /root/data && echo data >/root/data/f || return 1
  echo '[{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/new", "source": "/root/data", "type": "bind", "options": ["bind", "ro", "idmap"]}]' >/root/lv/list
  lv mounts add lv /root/lv/list || return 1
  lv exec lv sh -c 'stat -c %u /new/f; cat /new/f; echo x >/tmp/x && cat /tmp/x' >/root/lv/out
  printf '0\ndata\nx\n' | cmp - /root/lv/out || return 1
  lv mounts remove lv /root/lv/list && ! lv exec lv cat /proc/self/mountinfo | grep ' /new ' && lv delete -f lv
}
lv_landlock() {
  rules='"org.tare.landlock.exec": "/bin", "org.tare.landlock.rw": "/dev"'
  lv_bundle '["/bin/sh", "-c", "cat /etc-passwd; cat /bin/sh >/dev/null && echo read"]' "" "$rules" || return 1
  echo secret >/root/lv/rootfs/etc-passwd
  # 6.1 has version 2
  lv run -b /root/lv ll </dev/null 2>&1 | tee /root/lv/out
  grep -F 'org.tare.landlock.rw: needs version 3 of Landlock (Linux 6.2), this kernel' /root/lv/out || return 1
  lv_bundle '["/bin/sh", "-c", "cat /etc-passwd; cat /bin/sh >/dev/null && echo read"]' "" "$rules, \"org.tare.landlock.best-effort\": \"true\""
  lv run -b /root/lv ll </dev/null >/root/lv/out 2>&1
  cat /root/lv/out
  grep -x read /root/lv/out && ! grep secret /root/lv/out
}
lv_small() { # WHAT RESOURCES
  lv_bundle '["/bin/true"]' ", \"resources\": { $2 }" || return 1
  lv run -b /root/lv small </dev/null >/root/lv/out 2>&1
  code=$?
  cat /root/lv/out
  [ $code -eq 1 ] && grep -F "$1" /root/lv/out && [ ! -e /run/oci-live/small ] && [ ! -e /sys/fs/cgroup/tare-live ]
}
lv_smallest() {
  lv_bundle '["/bin/true"]' ', "resources": { "memory": { "limit": 524288 } }' && lv run -b /root/lv small </dev/null
}

check "tare-oci update --device-add on v2" lv_devices
check "tare-oci update --device-add on v2 with a user namespace" lv_devices "$lv_user" ', { "type": "user" }'
check "tare-oci mounts add and remove" lv_mounts
check "tare-oci mounts add and remove with a user namespace" lv_mounts "$lv_user" ', { "type": "user" }'
check "tare-oci and Landlock of version 2" lv_landlock
check "tare-oci: too little memory on v2" lv_small "(linux.resources.memory.limit) is too small" '"memory": {"limit": 16384}'
check "tare-oci: too small a CPU quota on v2" lv_small "cpu quota: 500 microseconds are too small" '"cpu": {"quota": 500}'
check "tare-oci: 512 KiB of memory are enough on v2" lv_smallest
