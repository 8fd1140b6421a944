#!/usr/bin/env bats
# SIGKILL of the monitor's halves, one or both, with output flowing, with a terminal, during start and at the exit:
# no line is lost, the exit code is right or honestly unknown, nothing is left.

load ../lib/monitor

setup_file() { monitor_setup_file; }
teardown_file() { monitor_teardown_file; }
setup() { monitor_setup; }
teardown() { monitor_teardown; }

# COUNT numbered lines in bursts, then exit 17; with a second argument not before `go`.
talker() {
  echo "i=0; while [ \$i -lt $1 ]; do i=\$((i+1)); echo line \$i; [ \$((i % 300)) = 0 ] && sleep 0.02; done"
  [ -z "${2:-}" ] || until_go
  echo "exit 17"
}

# kill_half keeper|worker: by the pid in state.json; waits until it is gone.
kill_half() {
  local p
  p=$(half "$1")
  kill -9 "$p" 2>/dev/null || return 0
  wait_until 5 gone "$p"
}
gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

random_ms() { sleep "0.0$((RANDOM % 9 + 1))"; }

# The log holds lines 1 to COUNT, in order. $2: at most so many are there twice.
log_complete() {
  log_text | tr -d '\r' | sed 's/line //' >"$BATS_TEST_TMPDIR/lines"
  sort -un "$BATS_TEST_TMPDIR/lines" | cmp - <(seq 1 "$1")
  [ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" -le "$(($1 + ${2:-0}))" ]
}

known_code_is() { [ "$(field exitKnown)" = false ] || [ "$(field exitCode)" = "$1" ]; }

@test "the worker killed again and again, output flowing" {
  start -- sh -c "$(talker 12000)"
  for _ in 1 2 3 4 5; do random_ms; kill_half worker; done
  ended
  [ "$(field exitCode) $(field exitKnown)" = "17 true" ]
  log_complete 12000
  nothing_left
}

@test "the worker killed again and again, with a terminal" {
  start --tty -- sh -c "$(talker 12000)"
  for _ in 1 2 3 4 5; do random_ms; kill_half worker; done
  ended
  [ "$(field exitCode) $(field exitKnown)" = "17 true" ]
  log_complete 12000
  nothing_left
}

@test "the worker killed: the client the monitor was started with stays, and misses nothing" {
  client run "$D" --id "$ID" --cgroup "$CG" --attach 6 -- sh -c "$(talker 6000)" >"$D/out" & c=$!
  wait_until 10 log_has 'line 300'
  for _ in 1 2 3; do random_ms; kill_half worker; done
  rc=0; wait "$c" || rc=$?
  [ "$rc" = 17 ]
  grep -aoE 'line [0-9]+$' "$D/out" | sed 's/line //' | sort -un | cmp - <(seq 1 6000)
}

@test "the worker killed: stdin that was open stays open, clients attach again" {
  start --open-stdin --stdin-once -- sh -c 'read x; echo "got $x"; exit 3'
  old=$(field worker)
  kill_half worker
  wait_until 5 half_is_up worker "$old"
  run -3 client attach "$D" --attach 2 --stdin <<<word
  [ "$output" = "got word" ]
}

@test "the keeper killed, output flowing: the worker goes on and learns the exit code" {
  start -- sh -c "$(talker 12000)"
  random_ms; kill_half keeper
  ended
  known_code_is 17
  log_complete 12000
  nothing_left
}

@test "the keeper killed, with a terminal: the container notices nothing" {
  start --tty --open-stdin -- sh -c 'trap "echo hung up" HUP; read x; echo "got $x"; exit 17'
  kill_half keeper
  keeper_is_0() { [ "$(field keeper)" = 0 ]; }
  wait_until 5 keeper_is_0
  run client attach "$D" --attach 2 --stdin <<<word
  ended
  known_code_is 17
  log_has 'got word'
  run ! log_has 'hung up'
  nothing_left
}

# What a container leaves in its pipe dies with its last process when no monitor holds the other end: so it stays.
@test "both killed, output flowing: the container waits, an adopting monitor loses no line" {
  start -- sh -c "$(talker 12000 wait)"
  for _ in 1 2 3; do
    random_ms
    kill -9 "$(half keeper)" "$(half worker)"
    wait_until 5 no_monitor
    client adopt "$D" >/dev/null
  done
  go
  ended
  known_code_is 17
  log_complete 12000 2500
  nothing_left
}

@test "both killed: stdin that had ended stays ended, stdin that was open is opened again" {
  start --open-stdin --stdin-once -- sh -c "$(until_go); cat; exit 3"
  kill -9 "$(half keeper)" "$(half worker)"
  wait_until 5 no_monitor
  client adopt "$D" >/dev/null
  go
  run -3 client attach "$D" --attach 2 --stdin <<<word
  [ "$output" = word ]
}

@test "both killed with a terminal: the container is hung up, its end is recorded" {
  start --tty -- sh -c 'trap "exit 5" HUP; sleep 30 & wait'
  kill -9 "$(half keeper)" "$(half worker)"
  wait_until 5 no_monitor
  client adopt "$D" >/dev/null
  ended
  known_code_is 5
  nothing_left
}

@test "both killed and the container ended unattended: recorded, the program executed, nothing left" {
  start --exited "/bin/touch $D/exited" -- sh -c "$(until_go); exit 17"
  pid=$(field pid)
  kill -9 "$(half keeper)" "$(half worker)"
  go
  wait_until 5 gone "$pid"
  client adopt "$D" >/dev/null
  ended
  known_code_is 17
  [ -e "$D/exited" ]
  nothing_left
}

@test "one half after the other: adopt takes over what is left of the monitor" {
  start -- sh -c "$(talker 12000 wait)"
  kill_half keeper
  keeper_is_0() { [ "$(field keeper)" = 0 ]; }
  wait_until 5 keeper_is_0
  kill_half worker
  client adopt "$D" >/dev/null
  go
  ended
  known_code_is 17
  log_complete 12000 2500
  nothing_left
}

@test "a container whose monitor lives is not adopted" {
  start -- sleep 30
  run -125 client adopt "$D" --attach 6
  [[ "$output" == *"has a monitor already"* ]]
  kill_half keeper
  keeper_is_0() { [ "$(field keeper)" = 0 ]; }
  wait_until 5 keeper_is_0
  run -125 client adopt "$D" --attach 6
  [[ "$output" == *"has a monitor already"* ]]
}

@test "a half killed at the instant of exit" {
  for half in worker keeper worker keeper worker keeper; do
    start --exited "/bin/touch $D/exited" -- sh -c 'echo last words; sleep 0.05; echo bye; exit 17'
    sleep "0.0$((RANDOM % 4 + 4))"
    ! half_named "$half" || kill -9 "$(field "$half")" 2>/dev/null || true
    ended
    known_code_is 17
    [ "$(log_text | tail -n 1)" = bye ]
    wait_until 5 test -e "$D/exited"
    rm -rf "$D/exited" "$D/c" "$D/s"
  done
  wait_until 5 no_cgroup
}
no_cgroup() { [ -z "$(find /sys/fs/cgroup -type d -path "*$CG*" -print -quit)" ]; }

# Whoever removes it (a store that is thrown away) would leave two processes and a cgroup for ever.
@test "the state folder removed under a container whose end no worker survives: the keeper gives up" {
  printf '#!/bin/sh\nsleep 1.2\nkill -9 $PPID\n' >"$D/kill-worker"; chmod +x "$D/kill-worker"
  start --exited "$D/kill-worker" -- sh -c "$(until_go)"
  wait_until 5 rm -rf "$D/s" # the monitor may be writing there
  go
  wait_until 15 no_monitor
}

# The first process of `run` is killed at a moment between its exec and some time after the container runs.
@test "the monitor killed during start: adopt leaves nothing" {
  for ms in 1 2 4 6 8 10 12 15 20 30; do
    start --kill-after "$ms" -- sh -c 'sleep 0.2' >/dev/null || true
    [ ! -e "$D/s/state.json" ] || client adopt "$D" >/dev/null || true
    [ ! -e "$D/s/state.json" ] || ended
    wait_until 5 no_cgroup
    rm -rf "$D/c" "$D/s"
  done
}

@test "everything in the starter's cgroup killed: container and monitor go on" {
  starter=/sys/fs/cgroup/memory/monitor-test-starter-$$
  [ -d /sys/fs/cgroup/memory ] || starter=/sys/fs/cgroup/monitor-test-starter-$$
  mkdir "$starter"
  bash -c "echo \$\$ >$starter/cgroup.procs; exec $BATS_TEST_DIRNAME/../lib/monitor-client run $D --id $ID --cgroup $CG -- sh -c 'echo up; $(until_go); echo after; exit 17'" >/dev/null
  wait_until 5 log_has up
  # shellcheck disable=SC2046
  kill -9 $(cat "$starter/cgroup.procs") 2>/dev/null || true
  wait_until 5 rmdir "$starter" 2>/dev/null
  go
  ended
  [ "$(field exitCode) $(field exitKnown)" = "17 true" ]
  log_has after
}
