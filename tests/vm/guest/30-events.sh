# tare-oci events on pure v2: what the controllers tell, and memory that runs out.
# shellcheck shell=sh
[ -x /usr/local/bin/tare-oci ] || return 0

ev() { timeout 60 /usr/local/bin/tare-oci --root /run/oci-events "$@"; }
ev_bundle() {
  mkdir -p /root/ev/rootfs/bin && cp /bin/busybox /root/ev/rootfs/bin/ || return 1
  for a in sh sleep tail; do ln -sf busybox "/root/ev/rootfs/bin/$a"; done
  cat >/root/ev/config.json <<JSON
{ "ociVersion": "1.0.2", "root": { "path": "rootfs" },
  "process": { "cwd": "/", "env": ["PATH=/bin"], "user": { "uid": 0, "gid": 0 },
    "args": ["/bin/sh", "-c", "until [ -e /go ]; do sleep 0.2; done; tail /dev/zero; exec sleep 1000"] },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
              { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" } ],
  "linux": { "cgroupsPath": "/tare-events", "namespaces": [ { "type": "pid" }, { "type": "mount" } ],
    "resources": { "memory": { "limit": 16777216, "swap": 16777216 }, "pids": { "limit": 20 } } } }
JSON
}
ev_lines() { # TYPE: until one is told
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q "\"type\":\"$1\"" /root/ev/lines && return 0
    sleep 0.5
  done
  fail "no $1: $(cat /root/ev/lines)"
}
ev_stats() {
  ev_bundle && ev run -d -b /root/ev ev </dev/null >/dev/null || return 1
  ev events --stats ev >/root/ev/stats || return 1
  cat /root/ev/stats
  for part in '"type":"stats","id":"ev"' '"usage":{"total":' '"usage":{"limit":16777216,"usage":' '"raw":{"anon":' \
    '"swap":{"limit":16777216,' '"limit":20' '"blkio":{' '"network_interfaces":null'; do
    grep -qF "$part" /root/ev/stats || fail "not told: $part" || return 1
  done
  # pressure is told where the kernel measures it
  [ ! -e /sys/fs/cgroup/tare-events/cpu.pressure ] || ! cat /sys/fs/cgroup/tare-events/cpu.pressure ||
    grep -qF '"psi":{"some":{"avg10":' /root/ev/stats
}
ev_oom() {
  : >/root/ev/lines
  ev events --interval 500ms ev >/root/ev/lines &
  watcher=$!
  ev_lines stats || return 1
  ! grep '"oom"' /root/ev/lines || return 1
  touch /root/ev/rootfs/go
  ev_lines oom && grep -x '{"type":"oom","id":"ev"}' /root/ev/lines && kill -0 $watcher
}
ev_ends() {
  ev kill ev KILL
  wait "$watcher" || fail "exit code $?" || return 1
  ev events --stats ev 2>&1 | grep 'is not running' || return 1
  ev delete ev && [ ! -e /sys/fs/cgroup/tare-events ]
}

check "tare-oci events --stats" ev_stats
check "tare-oci events tells that memory ran out" ev_oom
check "tare-oci events ends with the container" ev_ends
