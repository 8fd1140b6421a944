#!/usr/bin/env bats
# tare-monitor, driven directly: a description on descriptor 3, frames on descriptor 4 and attach.sock.

load ../lib/monitor

setup_file() { monitor_setup_file; }
teardown_file() { monitor_teardown_file; }
setup() { monitor_setup; }
teardown() { monitor_teardown; }

@test "a detached container: state, log in Docker's format, exit code, nothing left" {
  pid=$(start -- sh -c 'echo out; printf "\t<&>\"\\\\\033" >&2;'"$(until_go); exit 7")
  [ "$(field status)" = running ]
  [ "$(field pid)" = "$pid" ]
  [ "$(field startTime)" = "$(start_of "$pid")" ]
  [ "$(field bootId)" = "$(cat /proc/sys/kernel/random/boot_id)" ]
  go
  ended
  [ "$(field exitCode) $(field exitKnown) $(field oomKilled)" = "7 true false" ]
  [ "$(jq -c 'keys_unsorted' "$D/c/log.json" | sort -u)" = '["log","stream","time"]' ]
  grep -qF '{"log":"out\n","stream":"stdout","time":"20' "$D/c/log.json"
  grep -qF '{"log":"\u0009\u003c\u0026\u003e\"\\\u001b","stream":"stderr"' "$D/c/log.json"
  nothing_left
}

@test "an attached container: output on its streams, the exit code at the end" {
  run --separate-stderr -5 start --attach 6 -- sh -c 'echo out; echo err >&2; exit 5'
  [ "$output" = out ] && [ "$stderr" = err ]
  nothing_left
}

@test "stdin reaches the container, its end too; three megabytes come back whole" {
  head -c 3000000 /dev/zero | tr '\0' 'x' >"$BATS_TEST_TMPDIR/in"
  start --attach 6 --stdin --stdin-once --no-log -- cat <"$BATS_TEST_TMPDIR/in" | cmp - "$BATS_TEST_TMPDIR/in"
}

@test "without an open stdin the container reads /dev/null" {
  run -0 start --attach 6 -- sh -c 'cat; echo done'
  [ "$output" = done ]
}

@test "stdin stays open between clients unless it is for one" {
  start --open-stdin -- cat
  echo one | client attach "$D" --stdin --attach 2 --sleep 0 >/dev/null & c=$!
  wait_until 5 log_has one
  kill "$c"; wait "$c" || true
  [ "$(field status)" = running ]
  echo two | client attach "$D" --stdin --attach 2 >/dev/null & c=$!
  wait_until 5 log_has two
  kill "$c"; wait "$c" || true
  [ "$(field status)" = running ]
}

@test "a terminal: size, one stream, the log keeps its line ends" {
  run -4 start --attach 6 --tty --size 33x77 -- sh -c 'until [ "$(stty size 2>/dev/null)" = "33 77" ]; do :; done; tty; exit 4'
  [ "$output" = $'/dev/pts/0\r' ]
  grep -qF '{"log":"/dev/pts/0\r\n","stream":"stdout"' "$D/c/log.json"
}

@test "with a user namespace: streams belong to the container's user" {
  run --separate-stderr -3 start --userns --user 33 --attach 6 -- sh -c 'id -u; echo o >/proc/self/fd/1; echo e >/proc/self/fd/2; exit 3'
  [ "$output" = $'33\no' ] && [ "$stderr" = e ]
}

@test "several clients see the same output and the same end" {
  start --open-stdin --stdin-once -- sh -c 'read x; echo "got $x"; exit 9'
  worker_is_up() { half_is_up worker 0; }
  wait_until 5 worker_is_up
  n=$(sockets)
  client attach "$D" --attach 6 >"$D/one" & one=$!
  client attach "$D" --attach 6 >"$D/two" & two=$!
  wait_until 10 sockets_are "$((n + 2))"
  run -9 client attach "$D" --attach 6 --stdin <<<word
  [ "$output" = "got word" ]
  rc=0; wait "$one" || rc=$?; [ "$rc" = 9 ]
  rc=0; wait "$two" || rc=$?; [ "$rc" = 9 ]
  [ "$(cat "$D/one" "$D/two")" = $'got word\ngot word' ]
}

@test "garbage from a client ends its connection and nothing else" {
  start -- sleep 30
  # no frame; unknown flags; stdin before hello; a payload too long; a monitor's frame
  for bytes in ffffffffffffffff 0100000001000000ff 0200000001000000ff 0100000000000002 4000000000000000; do
    run -99 client attach "$D" --attach 6 --send "$bytes"
  done
  [ "$(field status)" = running ]
  half_is_up worker 0
}

@test "a client that does not read is dropped; the container and its log do not wait" {
  start --open-stdin -- sh -c 'read x; seq 1 300000; echo end; sleep 30'
  worker_is_up() { half_is_up worker 0; }
  wait_until 5 worker_is_up
  n=$(sockets)
  client attach "$D" --attach 6 --sleep 60 >/dev/null & slow=$!
  wait_until 10 sockets_are "$((n + 1))"
  echo go | client attach "$D" --stdin >/dev/null & go=$!
  wait_until 20 log_has '"end\n"'
  kill "$slow" "$go"; wait "$slow" "$go" || true
  [ "$(log_text | wc -l)" = 300001 ]
}

@test "the log rotates at its size and keeps its number of files" {
  start --log-size 10000 --log-files 3 -- sh -c 'seq -w 1 1000'
  ended
  [ "$(cd "$D/c" && echo log.json*)" = "log.json log.json.1 log.json.2" ]
  for f in log.json.1 log.json.2; do
    size=$(stat -c %s "$D/c/$f")
    [ "$size" -ge 10000 ] && [ "$size" -lt 10200 ]
  done
  cat "$D"/c/log.json.2 "$D"/c/log.json.1 "$D"/c/log.json | jq -j .log >"$D/text"
  seq -w 1 1000 | tail -n "$(wc -l <"$D/text")" | cmp - "$D/text"
}

@test "a line over 16 KiB is split as Docker splits it" {
  start -- sh -c 'printf %040000d 0; echo' # whole pages: a pipe full of crumbs holds less than a record, which is split earlier then
  ended
  [ "$(jq '.log | length' "$D/c/log.json" | tr '\n' ' ')" = "16384 16384 7233 " ]
  [ "$(jq -r .time "$D/c/log.json" | sort -u | wc -l)" = 1 ]
}

@test "a full disk: lines are dropped and counted, the container goes on" {
  mkdir -p "$D/c"
  mount -t tmpfs -o size=64k tmpfs "$D/c"
  run -6 start --attach 2 -- sh -c 'seq 1 5000; exit 6'
  [ "$(tail -n 1 <<<"$output")" = 5000 ]
  jq -e . "$D/c/log.json" >/dev/null
}

@test "after a full disk the log says what is missing" {
  mkdir -p "$D/c"
  mount -t tmpfs -o size=64k tmpfs "$D/c"
  start --open-stdin -- sh -c 'seq 1 2000; read x; echo "after $x"; exit 6'
  disk_is_full() { [ "$(stat -c %s "$D/c/log.json")" -gt 50000 ]; }
  wait_until 10 disk_is_full
  sleep 1
  mount -o remount,size=1m "$D/c"
  echo room | client attach "$D" --stdin --attach 2 >/dev/null || true
  ended
  grep -qE '"tare: [0-9]+ lines of output could not be written to this log: No space left' "$D/c/log.json"
  log_has 'after room'
}

@test "memory: oomKilled is told" {
  [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "no memory controller"
  run start --memory 8000000 --attach 6 -- sh -c 'tail /dev/zero'
  [ "$(field oomKilled)" = true ]
}

@test "after the exit: poststop hooks and the program to execute, before the last frame" {
  cat >"$D/exited" <<END
#!/bin/sh
jq -r .status $D/s/state.json >>$D/order
sleep 0.3
echo exited >>$D/order
END
  chmod +x "$D/exited"
  run -2 start --attach 6 --poststop "echo poststop >>$D/order" --exited "$D/exited $ID" -- sh -c 'exit 2'
  [ "$(cat "$D/order")" = $'poststop\nexited\nexited' ]
  nothing_left
}

@test "a command that is not there: the client is told, nothing is left, the state says why" {
  run -125 start --attach 6 -- nonesuch
  [[ "$output" == *nonesuch* ]]
  [ "$(field status) $(field exitCode)" = "exited 127" ]
  [[ "$(field error)" == *nonesuch* ]]
  nothing_left
}

@test "signals to the caller's group and a hang-up do not reach the monitor" {
  start -- sleep 30
  for sig in HUP INT QUIT TERM PIPE USR1 USR2 ALRM; do
    kill -"$sig" "$(half keeper)" "$(half worker)"
  done
  sleep 0.3
  half_is_up keeper 0
  half_is_up worker 0
  [ "$(field status)" = running ]
}

@test "the monitor is in the monitors' cgroup, the container in its own" {
  pid=$(start -- sleep 30)
  for p in "$(field keeper)" "$(field worker)"; do
    grep -q ":/tare/monitor$" "/proc/$p/cgroup"
    [ "$(grep -E ':(pids|memory|freezer):|^0::' "/proc/$p/cgroup" | grep -cv ":/tare/monitor$")" = 0 ]
  done
  grep -q "$CG$" "/proc/$pid/cgroup"
}

@test "keeper and worker together have at most 240 kB of their own, idle and after a million lines" {
  [ -z "${TARE_SANITIZED:-}" ] || skip "a sanitizer's shadow memory"
  start -- sh -c 'echo up; sleep 2; seq 1 1000000; echo down; sleep 30'
  wait_until 5 log_has '"up\n"'
  idle=$(uss)
  wait_until 20 log_has '"down\n"'
  busy=$(uss)
  echo "# private memory: $idle kB idle, $busy kB after a million lines" >&3
  [ "$idle" -le 240 ] && [ "$busy" -le 240 ]
}

# Their own: pages of the program's file are everybody's that runs one, also when there is but this one now.
uss() { cat "/proc/$(field keeper)/smaps_rollup" "/proc/$(field worker)/smaps_rollup" | awk '/^Private_Dirty/ { n += $2 } END { print n }'; }

@test "exec: streams, exit code, no record where a client stayed; with a terminal; stdin" {
  start -- sleep 30
  run --separate-stderr -5 client exec "$D" one --attach 6 -- sh -c 'echo out; echo err >&2; exit 5'
  [ "$output" = out ] && [ "$stderr" = err ]
  no_record() { [ ! -e "$D/s/exec/one.json" ]; }
  wait_until 5 no_record
  run -6 client exec "$D" two --attach 6 --tty -- sh -c 'tty; exit 6'
  [ "$output" = $'/dev/pts/0\r' ]
  run -0 client exec "$D" three --attach 6 --stdin -- cat <<<words
  [ "$output" = words ]
  run -125 client exec "$D" four --attach 6 -- nonesuch
  [[ "$output" == *nonesuch* ]]
}

@test "a detached exec goes on without a client, its output is dropped" {
  start -- sleep 30
  client exec "$D" one -- sh -c 'seq 1 100000; exit 8'
  exec_ended() { [ "$(jq -r .status "$D/s/exec/one.json")" = exited ]; }
  wait_until 10 exec_ended
  [ "$(jq -r .exitCode "$D/s/exec/one.json")" = 8 ]
}

@test "an exec in a container that ended is refused" {
  start -- true
  ended
  run -125 client exec "$D" one --attach 6 -- true
  [[ "$output" == *"not running"* ]]
}

@test "a bad description is one line that names what is wrong" {
  run -125 start --attach 6 --id short -- true
  [ "${#lines[@]}" = 1 ]
  [[ "$output" == *"id is not 64 hex digits"* ]]
  run -125 start --attach 6 --cgroup relative -- true
  [[ "$output" == *"cgroup: \"relative\" is no absolute path"* ]]
}

@test "the same container started again at once waits for the monitor that ends" {
  printf '#!/bin/sh\nsleep 0.4\n' >"$D/exited"
  chmod +x "$D/exited"
  start --exited "$D/exited" -- true
  wait_until 5 is_exited
  run -3 start --attach 6 -- sh -c 'exit 3'
  nothing_left
}
