#!/usr/bin/env bats
# tare update: limits of containers that exist.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() { remove_all; }

host() { tare inspect "$1" | jq -r ".[0].HostConfig.$2"; }
# file V1 V2 NAME: what the container's cgroup says, by the version that this machine has
file() {
  local id; id=$(tare inspect "$3" | jq -r '.[0].Id')
  cat /sys/fs/cgroup/*/tare/"$id/$1" 2>/dev/null || cat "/sys/fs/cgroup/tare/$id/$2"
}

@test "update: limits at once, in inspect, and at the next start" {
  tare run -d --name up --memory 64m --pids-limit 50 --cpus 0.5 busybox sleep 1000
  tare update --memory 128m --memory-swap -1 --memory-reservation 32m --pids-limit 70 --cpus 0.25 --cpu-shares 512 --cpuset-cpus 0 up
  check_limits up
  [ "$(host up Memory)" = 134217728 ]
  [ "$(host up NanoCpus)" = 250000000 ]
  [ "$(host up PidsLimit)" = 70 ]
  [ "$(host up CpusetCpus)" = 0 ]
  [ "$(host up ShmSize)" = 67108864 ] # the rest is as it was
  tare restart -t 0 up
  check_limits up
  tare update --memory 128m up
  [ "$(file pids.max pids.max up)" = 70 ]
  tare update --pids-limit -1 --cpus 0 up
  [ "$(file pids.max pids.max up)" = max ]
  [[ "$(file cpu.cfs_quota_us cpu.max up)" =~ ^(-1|max) ]]
  [ "$(host up PidsLimit)" = 0 ] # as with docker: null is one that never had a limit
  [ "$(host up NanoCpus)" = 0 ]
  for m in 120m 128m; do # what is not spoken of stays
    tare update --memory $m up
    [ "$(file pids.max pids.max up) $(host up PidsLimit)" = "max 0" ]
  done
  tare restart -t 0 up
  [ "$(file pids.max pids.max up)" = max ]
  [[ "$(file cpu.cfs_quota_us cpu.max up)" =~ ^(-1|max) ]]
}
check_limits() {
  [ "$(file memory.limit_in_bytes memory.max "$1")" = 134217728 ]
  [ "$(file memory.soft_limit_in_bytes memory.low "$1")" = 33554432 ]
  [ "$(file pids.max pids.max "$1")" = 70 ]
  [[ "$(file cpu.cfs_quota_us cpu.max "$1")" =~ ^25000 ]]
  [ "$(file cpuset.cpus cpuset.cpus "$1")" = 0 ]
}

@test "update of one that does not run, and of several" {
  tare create --name one busybox sleep 1000
  tare create --name two busybox sleep 1000
  run -0 tare update -m 96m --restart on-failure:3 one two
  [ "$output" = $'one\ntwo' ]
  [ "$(host two Memory)" = 100663296 ]
  [ "$(host two RestartPolicy.MaximumRetryCount)" = 3 ]
  tare start one
  [ "$(file memory.limit_in_bytes memory.max one)" = 100663296 ]
}

@test "update: what is refused changes nothing" {
  tare run -d --name no --memory 64m busybox sh -c 'head -c 40m /dev/zero | tail -c 40m | sleep 1000'
  for o in --memory=1k --memory=x --cpus=1000 --cpuset-cpus=9999 --cpu-shares=1 '--memory-swap=1m' '--memory-reservation=1g' \
    --memory=0 --memory-reservation=0 --cpu-quota=0 --cpuset-cpus=; do
    run -1 tare update --pids-limit 33 "$o" no
    [[ "$output" == *"${o%%=*}"* ]] || { echo "$o: $output"; return 1; }
  done
  [ "$(host no Memory)" = 67108864 ]
  [ "$(file pids.max pids.max no)" = 4096 ]
  [ "$(file memory.limit_in_bytes memory.max no)" = 67108864 ]
  run -1 tare update no
  [[ "$output" == *"what is to be changed"* ]]
  run -1 tare update --memory 64m nobody
}
