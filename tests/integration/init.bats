#!/usr/bin/env bats
# tare-init as a process of its own (as PID 1 it is tested with tare run --init).
bats_require_minimum_version 1.5.0
init() { "$TARE_BIN/tare-init" "$@"; }

@test "the exit code of the command is passed on, signals as 128 + n" {
  run init -- sh -c 'exit 42'
  [ "$status" -eq 42 ]
  run init sh -c 'kill -9 $$'
  [ "$status" -eq 137 ]
}

@test "no command, an unknown option: one line and 125" {
  for args in "" "--bad" "-x true"; do
    run init $args
    [ "$status" -eq 125 ]
    [ "${#lines[@]}" -eq 1 ]
  done
}

@test "a command that is missing is 127, one that cannot run 126" {
  run -127 init /no/such/command
  run -126 init /etc/passwd
}

@test "signals are passed on" {
  "$TARE_BIN/tare-init" -- sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done' >"$BATS_TEST_TMPDIR/out" 3>&- &
  local pid=$! rc=0
  until grep -q ready "$BATS_TEST_TMPDIR/out"; do sleep 0.02; done
  kill -TERM "$pid"
  wait "$pid" || rc=$?
  [ "$rc" -eq 7 ]
}

@test "orphans are adopted and reaped" {
  run init sh -c '(sleep 0.1 & ) ; (sh -c "sleep 0.05; exit 3" &); sleep 0.4; ps -o stat,ppid | awk -v p=$PPID "\$2 == p && \$1 ~ /Z/" | wc -l'
  [ "$status" -eq 0 ]
  [ "$output" -eq 0 ]
}
