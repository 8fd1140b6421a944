# The same resources given to runc and to tare-oci must leave the same values in the kernel's files.
# runc is the oracle on machines with cgroup v1; what its Debian version does not know is left out here and is in
# tests/unit/test_sys_cgroup.c.

load ../lib/common

setup_file() {
  command -v runc >/dev/null || skip "runc is not installed"
  [ -d /sys/fs/cgroup/memory ] || skip "the memory controller is not on cgroup v1"
  local bundle=$BATS_FILE_TMPDIR/bundle
  mkdir -p "$bundle/rootfs/bin"
  cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
  (cd "$bundle" && runc spec)
  cp "$bundle/config.json" "$bundle/plain.json"
}

teardown() {
  runc --root "$BATS_TEST_TMPDIR/runc" delete -f tare-peer-runc >/dev/null 2>&1 || true
  "$TARE_BIN/tare-oci" --root "$BATS_TEST_TMPDIR/tare" delete -f tare-peer-tare >/dev/null 2>&1 || true
  find /sys/fs/cgroup -depth -type d -name 'tare-peer-*' -exec rmdir {} + 2>/dev/null || true
}

# values CGROUP: every limit that is set on it, and its device list in order of name.
values() {
  local f
  for f in cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpuset/cpuset.cpus cpuset/cpuset.mems \
    memory/memory.{limit_in_bytes,soft_limit_in_bytes,memsw.limit_in_bytes,swappiness,oom_control} pids/pids.max \
    blkio/blkio.throttle.{read_bps,write_bps,read_iops,write_iops}_device; do
    h=/sys/fs/cgroup/${f%%/*}
    [ ! -e "$h/$1/${f##*/}" ] || echo "${f##*/}: $(head -2 "$h/$1/${f##*/}" | grep -v under_oom | tr '\n' ' ')"
  done
  sort "/sys/fs/cgroup/devices/$1/devices.list"
}

# compare RESOURCES: a container with these linux.resources by each runtime.
compare() {
  local bundle=$BATS_FILE_TMPDIR/bundle who out
  for who in runc tare; do
    jq --argjson r "$1" --arg p "/tare-peer-$who" \
      '.process.terminal = false | .process.args = ["/bin/busybox", "true"] | .linux.cgroupsPath = $p | .linux.resources = $r' \
      "$bundle/plain.json" >"$bundle/config.json"
    out=$BATS_TEST_TMPDIR/$who.values
    if [ $who = runc ]; then
      runc --root "$BATS_TEST_TMPDIR/runc" create --bundle "$bundle" tare-peer-runc </dev/null >"$out.log" 2>&1 3>&- || { cat "$out.log"; return 1; }
    else
      "$TARE_BIN/tare-oci" --root "$BATS_TEST_TMPDIR/tare" create --bundle "$bundle" tare-peer-tare </dev/null >"$out.log" 2>&1 3>&- || { cat "$out.log"; return 1; }
    fi
    values "tare-peer-$who" >"$out"
  done
  diff "$BATS_TEST_TMPDIR/runc.values" "$BATS_TEST_TMPDIR/tare.values"
}

@test "no resources" { compare '{}'; }

@test "cpu, cpuset, pids" {
  compare '{"cpu":{"shares":512,"quota":25000,"period":50000,"cpus":"0","mems":"0"},"pids":{"limit":77}}'
  teardown
  compare '{"cpu":{"quota":30000},"pids":{"limit":-1}}'
}

@test "memory" {
  compare '{"memory":{"limit":67108864,"reservation":33554432,"swap":134217728,"swappiness":10}}'
  teardown
  compare '{"memory":{"limit":67108864,"disableOOMKiller":true}}'
  teardown
  compare '{"memory":{"limit":-1}}'
}

@test "block I/O" {
  local dev
  dev=$(mountpoint -d /)
  [ "${dev%%:*}" != 0 ] || skip "/ is on no disk"
  compare "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":${dev%%:*},\"minor\":${dev##*:},\"rate\":1048576}],
    \"throttleWriteIOPSDevice\":[{\"major\":${dev%%:*},\"minor\":${dev##*:},\"rate\":100}]}}"
}

@test "device rules" {
  compare '{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":200,"access":"rw"},
    {"allow":true,"type":"b","major":8,"access":"r"},{"allow":false,"type":"c","major":10,"minor":229,"access":"rwm"}]}'
  teardown
  compare '{"devices":[{"allow":true,"access":"rwm"}]}'
}
