#!/usr/bin/env bats
# tare-oci update: the same options to a container of ours and one of runc's, then their cgroups are compared.
load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

# not cpu.weight of v2, which runc 1.1 still makes linearly of shares: see its own test
LIMITS="memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes cpu.shares cpu.cfs_quota_us
  cpu.cfs_period_us cpuset.cpus cpuset.mems pids.max devices.list memory.max memory.swap.max memory.low cpu.max"

runc_sleeper() { # ID
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/$1-runc" ".linux.cgroupsPath = \"$OCI_CGROUP-runc\""
  runc --root "$RUNC_ROOT" run -d -b "$BATS_TEST_TMPDIR/$1-runc" "$1" </dev/null >/dev/null 2>&1
}

limits() { # CGROUP: every limit there is, by name
  local f d
  for f in $LIMITS; do
    for d in /sys/fs/cgroup/*"$1" /sys/fs/cgroup"$1"; do
      [ ! -e "$d/$f" ] || echo "$f $(sort "$d/$f" | sed 's/^max .*/max/' | tr "\n" " ")" # no quota: its period says nothing
    done
  done | sort -u
}

same_limits() {
  diff <(limits "$OCI_CGROUP-runc") <(limits "$OCI_CGROUP")
  limits "$OCI_CGROUP" | grep -q . # something was compared
}

update_both() {
  oci update "$@" u
  runc --root "$RUNC_ROOT" update "$@" u
  same_limits
}

@test "update: each option does what runc's does, and only that" {
  sleeper u
  runc_sleeper u
  same_limits
  update_both --memory 64m
  update_both --memory 64m --memory-swap 128m # both, for on v2 runc 1.1 wants the one with the other
  update_both --memory-reservation 33554432
  update_both --memory 96M --memory-swap 96M
  update_both --cpu-quota 50000
  update_both --cpu-period 50000
  update_both --cpu-share 512
  update_both --cpuset-cpus 0
  update_both --pids-limit 20
  update_both --pids-limit -1
  update_both --cpu-quota -1
  update_both --memory 96m --memory-swap -1
  update_both --memory -1
  runc --root "$RUNC_ROOT" delete -f u
}

# runc's formula since 1.3.2, and crun's
@test "update: on v2 the weight is shares on a curve through 1, 100 and 10000" {
  local weight=/sys/fs/cgroup$OCI_CGROUP/cpu.weight
  [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "needs pure cgroup v2: it runs in the VM guest"
  sleeper u
  [ "$(cat "$weight")" = 100 ]
  for pair in 2:1 512:59 1024:100 262144:10000; do
    oci update --cpu-share "${pair%:*}" u
    [ "$(cat "$weight")" = "${pair#*:}" ] || { echo "$pair: $(cat "$weight")"; return 1; }
  done
}

# there, too, where runc 1.1 wants the limit of memory named again
@test "update: the limit of memory and swap alone" {
  sleeper u '.linux.resources.memory = {limit: 67108864}'
  oci update --memory-swap 128m u
  limits "$OCI_CGROUP" | grep -xE 'memory.memsw.limit_in_bytes 134217728 |memory.swap.max 67108864 '
  oci update --memory-swap -1 u
  limits "$OCI_CGROUP" | grep -xE 'memory.memsw.limit_in_bytes 9223372036854771712 |memory.swap.max max '
}

@test "update -r: limits from a file and from standard input" {
  sleeper u
  runc_sleeper u
  echo '{"memory":{"limit":50331648},"cpu":{"shares":200,"quota":30000,"period":100000},"pids":{"limit":9}}' >"$BATS_TEST_TMPDIR/r.json"
  update_both -r "$BATS_TEST_TMPDIR/r.json"
  echo '{"pids":{"limit":11}}' | oci update -r - u
  echo '{"pids":{"limit":11}}' | runc --root "$RUNC_ROOT" update -r - u
  same_limits
  runc --root "$RUNC_ROOT" delete -f u
}

@test "update: bad values are named and change nothing" {
  sleeper u
  limits "$OCI_CGROUP" >"$BATS_TEST_TMPDIR/before"
  for bad in "--memory 64q" "--cpu-share -3" "--cpu-idle 2" "--blkio-weight 5" "--pids-limit many"; do
    # shellcheck disable=SC2086
    run oci update $bad u
    [ "$status" -eq 1 ]
    says "${bad%% *}"
  done
  run oci update -r /nowhere u
  [ "$status" -eq 1 ]
  says "/nowhere"
  echo '{"pids":{"limit":"x"}}' >"$BATS_TEST_TMPDIR/r.json"
  run oci update -r "$BATS_TEST_TMPDIR/r.json" u
  [ "$status" -eq 1 ]
  says "pids.limit"
  diff "$BATS_TEST_TMPDIR/before" <(limits "$OCI_CGROUP")
}

@test "update: a container that has ended, and none" {
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/e"
  oci create -b "$BATS_TEST_TMPDIR/e" e </dev/null >/dev/null 2>&1
  oci start e
  wait_until 5 is_oci_status e stopped
  run oci update --pids-limit 5 e
  [ "$status" -eq 1 ]
  says "container not running"
  run oci update --pids-limit 5 none
  [ "$status" -eq 1 ]
  says "container does not exist"
}
