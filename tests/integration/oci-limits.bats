#!/usr/bin/env bats
# Limits that are too small to start with: a message that says so, no hang, nothing left.
load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

# `run` with FILTER fails with one line that says WHAT, within seconds, and leaves neither container nor cgroup.
too_small() { # WHAT FILTER
  bundle "$BATS_TEST_TMPDIR/b" "$2"
  run timeout -k 1 20 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" run -b "$BATS_TEST_TMPDIR/b" small </dev/null
  [ "$status" -eq 1 ] || { echo "exit $status: $output"; return 1; }
  says "$1"
  [ "$(wc -l <<<"$output")" -eq 1 ]
  [ ! -e "$OCI_ROOT/small" ]
  [ -z "$(find /sys/fs/cgroup -type d -path "*$OCI_CGROUP*")" ]
}

# The same by create and start, as engines do it: whichever fails says it, and the container has ended.
too_small_to_start() { # WHAT FILTER
  bundle "$BATS_TEST_TMPDIR/b" "$2"
  # shellcheck disable=SC2016
  run timeout -k 1 20 sh -c '"$1" --root "$2" create -b "$3" small </dev/null >"$3/out" 2>&1 && "$1" --root "$2" start small; r=$?; cat "$3/out"; exit $r' \
    x "$TARE_BIN/tare-oci" "$OCI_ROOT" "$BATS_TEST_TMPDIR/b"
  [ "$status" -eq 1 ] || { echo "exit $status: $output"; return 1; }
  says "$1"
  if [ -e "$OCI_ROOT/small" ]; then
    wait_until 5 is_oci_status small stopped
    oci delete small
  fi
  [ -z "$(find /sys/fs/cgroup -type d -path "*$OCI_CGROUP*")" ]
}

@test "limits: too little memory" {
  for bytes in 4096 16384 49152; do
    too_small "the memory limit of $bytes bytes (linux.resources.memory.limit) is too small" ".linux.resources.memory = {limit: $bytes}"
    too_small_to_start "the memory limit of $bytes bytes (linux.resources.memory.limit) is too small" ".linux.resources.memory = {limit: $bytes}"
  done
}

@test "limits: too little memory without an OOM killer does not hang" {
  [ -e /sys/fs/cgroup/memory/memory.oom_control ] || [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] || skip "v2 has no such setting"
  for bytes in 4096 16384 49152; do
    too_small "the memory limit of $bytes bytes (linux.resources.memory.limit) is too small" \
      ".linux.resources.memory = {limit: $bytes, disableOOMKiller: true}"
    too_small_to_start "the memory limit of $bytes bytes (linux.resources.memory.limit) is too small" \
      ".linux.resources.memory = {limit: $bytes, disableOOMKiller: true}"
  done
}

@test "limits: a program that runs into its memory limit later ends as before" {
  OCI_COMMAND='sleep 0.3; x=x; while :; do x=$x$x; done' bundle "$BATS_TEST_TMPDIR/b" '.linux.resources.memory = {limit: 2097152, swap: 2097152}'
  run -137 oci run -b "$BATS_TEST_TMPDIR/b" late </dev/null
  [ -z "$output" ]
  # and one that only exits with the codes that failures have
  OCI_COMMAND='exit 127' bundle "$BATS_TEST_TMPDIR/b" '.linux.resources.memory = {limit: 262144}'
  run -127 oci run -b "$BATS_TEST_TMPDIR/b" late </dev/null
  [ -z "$output" ]
}

@test "limits: the smallest that starts /bin/true is no more than 256 KiB, 512 on v2" {
  limit=262144
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] || limit=524288
  bundle "$BATS_TEST_TMPDIR/b" ".process.args = [\"/bin/true\"] | .linux.resources.memory = {limit: $limit}"
  # what is on its way from the kernel's other caches (64 pages a CPU) may be in the way once
  came_through=0
  for ((i = 0; i < 5; i++)); do ! oci run -b "$BATS_TEST_TMPDIR/b" true </dev/null || came_through=$((came_through + 1)); done
  [ "$came_through" -ge 3 ]
}

@test "limits: too few processes for what start needs" {
  too_small "the limit of 1 processes (linux.resources.pids.limit) is too small: error running startContainer hook #0" \
    '.linux.resources.pids = {limit: 1} | .hooks.startContainer = [{path: "/bin/true"}]'
}

@test "limits: CPU times that the kernel does not take" {
  too_small "cpu quota: 500 microseconds are too small, at least 1000 are needed" '.linux.resources.cpu = {quota: 500}'
  too_small "cpu period: 999 microseconds are not between 1000 and 1000000" '.linux.resources.cpu = {period: 999}'
  too_small "cpu period: 1000001 microseconds" '.linux.resources.cpu = {period: 1000001, quota: 5000}'
  sleeper u
  run oci update --cpu-quota 999 u
  [ "$status" -eq 1 ]
  says "cpu quota: 999 microseconds are too small"
}

@test "limits: address space" {
  too_small "process.rlimits: RLIMIT_AS: 4096 bytes are too small" '.process.rlimits = [{type: "RLIMIT_AS", soft: 4096, hard: 4096}]'
}
