#!/usr/bin/env bats
# tare-oci events: statistics beside runc's, and what is told when, until the container ends.
load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() {
  [ -z "${WATCHER:-}" ] || kill "$WATCHER" 2>/dev/null || true
  bundle_teardown
}

BUSY='dd if=/bin/busybox of=/dev/null bs=4k count=8 iflag=direct; head -c 300000 /dev/zero >/tmp/f; exec sleep 1000'
LIMITS='.root.readonly = false | .linux.resources.memory = {limit: 67108864, swap: 67108864} | .linux.resources.pids.limit = 20 |
  .linux.resources.cpu = {quota: 50000, period: 100000}'

# Every path of names in a JSON text, numbers of arrays taken out. Which devices were read, and numbers that are left out
# while they are 0, differ from one container to the next; on v2 runc 1.1 does not tell the highest use of memory.
names() {
  jq -r '.data |= del(.blkio, .hugetlb, .memory.cache, .memory.kernelTCP.usage, .memory.kernelTCP.max, .cpu.throttling,
      .memory.psi, .cpu.psi) |
    paths | map(if type == "number" then "[]" else . end) | join(".")' | sort -u
}

# The tables of block I/O that there are, with their kinds of request. Pressure, which v2 measures, is new since runc 1.1.
blkio() { jq -S '.data.blkio | del(.psi) | map_values(map(.op) | unique)'; }

watch() { # ARGS...: events in the background, lines in $OUT
  OUT=$BATS_TEST_TMPDIR/events
  oci events "$@" >"$OUT" 2>"$OUT.err" 3>&- &
  WATCHER=$!
}
ended() { ! kill -0 "$WATCHER" 2>/dev/null; }
told() { [ "$(jq -r .type "$OUT" | grep -cx "$1")" -ge "$2" ]; }

@test "events --stats: one line with the names and limits of runc's" {
  command -v runc >/dev/null || skip "needs runc"
  OCI_COMMAND=$BUSY bundle "$BATS_TEST_TMPDIR/e" "$LIMITS"
  oci run -d -b "$BATS_TEST_TMPDIR/e" e </dev/null >/dev/null
  OCI_COMMAND=$BUSY bundle "$BATS_TEST_TMPDIR/r" "$LIMITS | .linux.cgroupsPath = \"$OCI_CGROUP-runc\""
  runc --root "$RUNC_ROOT" run -d -b "$BATS_TEST_TMPDIR/r" e </dev/null >/dev/null 2>&1
  both() {
    oci events --stats e >"$BATS_TEST_TMPDIR/ours"
    runc --root "$RUNC_ROOT" events --stats e >"$BATS_TEST_TMPDIR/theirs"
  }
  both
  [ "$(wc -l <"$BATS_TEST_TMPDIR/ours")" -eq 1 ]
  new_on_v2=
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] || new_on_v2=data.memory.usage.max
  diff <(names <"$BATS_TEST_TMPDIR/theirs") <(names <"$BATS_TEST_TMPDIR/ours" | grep -vxF "${new_on_v2:-none}")
  same='[.type, .id, .data.cpuset, .data.pids.limit, .data.memory.usage.limit, .data.memory.swap.limit, .data.intel_rdt,
    .data.network_interfaces]'
  diff <(jq -S "$same" "$BATS_TEST_TMPDIR/theirs") <(jq -S "$same" "$BATS_TEST_TMPDIR/ours")
  # block I/O, where the folder of this test is on a block device, and once both have written
  same_blkio() { both; diff <(blkio <"$BATS_TEST_TMPDIR/theirs") <(blkio <"$BATS_TEST_TMPDIR/ours"); }
  wait_until 10 same_blkio
  jq -e '.data | .cpu.usage.total > 0 and .pids.current == 1 and .memory.usage.usage > 0 and .memory.cache > 0' \
    "$BATS_TEST_TMPDIR/ours"
  runc --root "$RUNC_ROOT" delete -f e
}

@test "events --stats: numbers are the cgroup's" {
  sleeper num "$LIMITS"
  oci events --stats num >"$BATS_TEST_TMPDIR/n"
  for d in /sys/fs/cgroup/memory"$OCI_CGROUP" /sys/fs/cgroup"$OCI_CGROUP"; do
    [ -e "$d/memory.stat" ] || continue
    diff <(awk '{ print $1 }' "$d/memory.stat" | sort) <(jq -r '.data.memory.raw | keys[]' "$BATS_TEST_TMPDIR/n" | sort)
  done
  for d in /sys/fs/cgroup/cpu"$OCI_CGROUP" /sys/fs/cgroup"$OCI_CGROUP"; do
    [ -e "$d/cpu.stat" ] || continue
    [ "$(awk '$1 == "nr_periods" { print $2 }' "$d/cpu.stat")" -ge "$(jq '.data.cpu.throttling.periods // 0' "$BATS_TEST_TMPDIR/n")" ]
  done
}

@test "events: also of a created and of a paused container" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/c"
  oci create -b "$BATS_TEST_TMPDIR/c" c </dev/null >/dev/null
  oci events --stats c | jq -e '.data.pids.current == 1'
  oci start c
  oci pause c
  oci events --stats c | jq -e '.data.pids.current == 1'
  oci resume c
}

@test "events: a bundle that is no more costs no number" {
  sleeper b
  mv "$BATS_TEST_TMPDIR/b" "$BATS_TEST_TMPDIR/away"
  oci events --stats b 2>/dev/null | jq -e '.data.pids.current == 1 and .data.intel_rdt == {}'
}

@test "events: a line every interval until the container ends" {
  sleeper i
  watch --interval 100ms i
  wait_until 10 told stats 3
  kill -0 "$WATCHER"
  oci kill i KILL
  wait_until 10 ended
  wait "$WATCHER"
  jq -es 'map(.type) | unique == ["stats"]' "$OUT"
  jq -es 'map(.id) | unique == ["i"]' "$OUT"
  # numbers of a cgroup that is no more would be all 0
  jq -es 'map(.data.pids.current) | unique == [1]' "$OUT"
  [ ! -s "$OUT.err" ]
}

@test "events: the first line comes after the interval, not before" {
  sleeper f
  watch --interval 1m30s f
  sleep 0.5
  [ ! -s "$OUT" ]
  oci delete -f f
  wait_until 10 ended
  wait "$WATCHER"
  [ ! -s "$OUT" ]
}

@test "events: out of memory, in a process of the container and in its last" {
  OCI_COMMAND='until [ -e /go ]; do sleep 0.1; done; busybox tail /dev/zero; sleep 1000' \
    bundle "$BATS_TEST_TMPDIR/o" '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
  rm -f "$OCI_ROOTFS/go"
  oci run -d -b "$BATS_TEST_TMPDIR/o" o </dev/null >/dev/null
  watch --interval 1h o
  sleep 0.3
  [ ! -s "$OUT" ]
  touch "$OCI_ROOTFS/go"
  wait_until 20 told oom 1
  [ "$(sort -u "$OUT")" = '{"type":"oom","id":"o"}' ]
  kill -0 "$WATCHER"
  oci exec o busybox tail /dev/zero || true
  wait_until 20 told oom 2
  oci delete -f o
  wait_until 10 ended
  wait "$WATCHER"
  [ "$(sort -u "$OUT")" = '{"type":"oom","id":"o"}' ]

  rm "$OCI_ROOTFS/go"
  OCI_COMMAND='until [ -e /go ]; do sleep 0.1; done; exec busybox tail /dev/zero' \
    bundle "$BATS_TEST_TMPDIR/l" '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
  oci run -d -b "$BATS_TEST_TMPDIR/l" l </dev/null >/dev/null
  watch --interval 1h l
  sleep 0.3
  touch "$OCI_ROOTFS/go"
  wait_until 20 ended
  wait "$WATCHER"
  [ "$(sort -u "$OUT")" = '{"type":"oom","id":"l"}' ]
}

@test "events: a container that has ended, none, and bad intervals, as runc" {
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/s"
  oci run -d -b "$BATS_TEST_TMPDIR/s" s </dev/null >/dev/null
  wait_until 10 is_oci_status s stopped
  for args in --stats "--interval 100ms"; do
    # shellcheck disable=SC2086
    run oci events $args s
    [ "$status" -eq 1 ]
    says "container with id s is not running"
  done
  run oci events --stats nothere
  [ "$status" -eq 1 ]
  says "does not exist"
  for bad in 0 0s -1s; do
    run oci events --interval="$bad" s
    [ "$status" -eq 1 ]
    says "must be greater than 0"
  done
  for bad in soon 5x "" 1s2; do
    run oci events --interval "$bad" s
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    says interval
  done
  run oci events
  [ "$status" -eq 1 ]
}

@test "events: who reads no longer ends it" {
  sleeper p
  timeout 20 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" events --interval 50ms p | head -n 1 | jq -e '.type == "stats"'
}
