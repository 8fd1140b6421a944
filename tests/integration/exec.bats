#!/usr/bin/env bats
load ../lib/common

setup_file() {
  tare_setup_file; load_busybox
  tare run -d --name box -e FROM=run -w /tmp busybox sleep 1000
}
teardown_file() { tare_teardown_file; }

@test "a process that cannot be written down is ended, and the error told" {
  local id
  tare run -d --name full --network none busybox sleep 100
  id=$(tare inspect -f '{{.Id}}' full)
  mount -t tmpfs -o ro none "$TARE_STATE/$id/exec"
  run timeout 20 "$TARE_BIN/tare" exec full sleep 77
  umount "$TARE_STATE/$id/exec"
  [ "$status" != 0 ]
  [[ "$output" == *"Read-only file system"* ]]
  wait_until 5 bash -c "! '$TARE_BIN/tare' top full | grep -q 'sleep 77'"
  tare rm -f full
}

@test "exec: streams, exit code, 126 and 127" {
  [ "$(tare exec box echo hello)" = hello ]
  [ "$(tare exec box sh -c 'echo e >&2' 2>&1 >/dev/null)" = e ]
  [ "$(echo piped | tare exec -i box cat)" = piped ]
  [ -z "$(echo piped | tare exec box cat)" ]
  run -42 tare exec box sh -c 'exit 42'
  run -126 tare exec box /etc
  run -127 tare exec box nosuch
}

@test "exec: -e -w -u, and what it takes from the container" {
  [ "$(tare exec box pwd)" = /tmp ]
  [ "$(tare exec -w /etc box pwd)" = /etc ]
  [[ "$(tare exec box env)" == *FROM=run* ]]
  [[ "$(tare exec -e FROM=exec box env)" == *FROM=exec* ]]
  [ "$(tare exec -u 12:34 box id -u)" = 12 ]
  [ "$(tare exec -u nobody box id -u)" = 65534 ]
  [[ "$(tare exec -u nobody box env)" == *HOME=/$'\n'* || "$(tare exec -u nobody box env)" == *HOME=/ ]]
  run -126 tare exec -u nosuch box true
  [ "$(tare exec -u nobody box grep CapEff /proc/self/status | cut -f2)" = 0000000000000000 ]
}

@test "exec -w of a folder that is missing is refused and makes nothing" {
  run -126 tare exec -w /nosuch box pwd
  [[ "$output" == *"working folder /nosuch"*"no such file or directory"* ]]
  [ "${#lines[@]}" = 1 ]
  run -1 tare exec box test -e /nosuch
  run -126 tare exec -w /etc/passwd box pwd
  [[ "$output" == *"Not a directory"* ]]
}

@test "exec is in the container: same namespaces, cgroup, seccomp, no_new_privs" {
  for ns in user pid mnt net ipc uts cgroup; do
    [ "$(tare exec box readlink /proc/self/ns/$ns)" = "$(tare exec box readlink /proc/1/ns/$ns)" ]
  done
  [ "$(tare exec box grep -c 'Seccomp:.2' /proc/self/status)" = 1 ]
  [ "$(tare exec box grep -c 'NoNewPrivs:.1' /proc/self/status)" = 1 ]
  [ "$(tare exec box cat /proc/self/cgroup)" = "$(tare exec box cat /proc/1/cgroup)" ]
}

@test "exec -d leaves it running; -t gives a terminal" {
  tare exec -d box sh -c 'sleep 0.3; touch /tmp/later'
  wait_until 5 tare exec box test -e /tmp/later
  [[ "$(tare exec -t box tty)" == /dev/pts/* ]]
  out=$( (sleep 1; printf 'stty size\nexit 5\n') | script -qec "stty rows 20 cols 90; '$TARE_BIN/tare' exec -it box sh; echo code=\$?" /dev/null)
  [[ "$out" == *"20 90"* && "$out" == *"code=5"* ]]
}

@test "exec in what does not run is one clear line" {
  tare create --name still busybox true
  run -1 tare exec still true
  [[ "$output" == *"not running"* ]]
  run -1 tare exec nosuch true
  tare rm still
}

@test "--privileged gives what run --privileged gives, no more than this machine has" {
  all=$(tare run --rm --privileged busybox grep CapEff /proc/self/status)
  [ "$(tare exec --privileged box grep CapEff /proc/self/status)" = "$all" ]
  # a program that lacks one has none to give, although the container's user namespace would have it
  run -0 setpriv --bounding-set -sys_time "$TARE_BIN/tare" exec --privileged box grep CapEff /proc/self/status
  [ $((0x${output##*[[:space:]]} >> 25 & 1)) -eq 0 ]
}

@test "many at once" {
  pids=()
  for i in $(seq 12); do tare exec box sh -c "exit $i" 3>&- & pids+=($!); done
  i=0
  for p in "${pids[@]}"; do i=$((i + 1)); rc=0; wait "$p" || rc=$?; [ "$rc" -eq "$i" ]; done
}

@test "attach: output, input, exit code; -i of a start" {
  tare run -d -i --name att busybox sh -c 'while read -r l; do echo "got $l"; [ "$l" != end ] || exit 8; done'
  rc=0; out=$(printf 'one\nend\n' | tare attach att) || rc=$?
  [ "$rc" -eq 8 ]
  [[ "$out" == *"got one"*"got end"* ]]
  rc=0; out=$(printf 'two\nend\n' | tare start -ai att) || rc=$?
  [ "$rc" -eq 8 ]
  [[ "$out" == *"got two"* ]]
  run -1 tare attach att
  tare rm att
}
