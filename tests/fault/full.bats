#!/usr/bin/env bats
# A store whose disk is full, at every amount of room there may be: a command fails with one line that says so, leaves
# nothing half made, and works again once there is room.
load ../lib/common

setup_file() {
  tare_setup_file
  mount -t tmpfs -o size=8m tmpfs "$TARE_ROOT"
  load_busybox
}

teardown() {
  local ids
  rm -f "$TARE_ROOT/filler"
  ids=$(tare ps -aq)
  # shellcheck disable=SC2086
  [ -z "$ids" ] || tare rm -f $ids >/dev/null
}

teardown_file() {
  umount -l "$TARE_ROOT"
  tare_teardown_file
}

# leave N: takes all of the disk but N pages of 4 KiB.
leave() {
  cat /dev/zero >"$TARE_ROOT/filler" 2>/dev/null || true
  [ "$1" = 0 ] || truncate -s "-$(($1 * 4096))" "$TARE_ROOT/filler"
}

says_full() { # in one line
  [ "${#lines[@]}" = 1 ] || { echo "not one line: $output"; return 1; }
  [[ $output == "tare: "*"file system is full"* || $output == "tare: "*"No space left on device"* ]] || { echo "does not say it: $output"; return 1; }
}

# With room again: no container, no folder, and the name can be used.
nothing_is_left() {
  rm -f "$TARE_ROOT/filler"
  [ -z "$(tare ps -aq)" ] || { tare ps -a; return 1; }
  [ -z "$(ls "$TARE_ROOT/containers")" ] || { find "$TARE_ROOT/containers"; return 1; }
  [ -z "$(ls -I '*.lock' -I healer.sock -I events -I events.1 -I leaving "$TARE_STATE")" ] || { find "$TARE_STATE"; return 1; }
  [ "$(sqlite3 "$TARE_ROOT/catalog.db" 'SELECT count(*) FROM id_ranges; SELECT count(*) FROM endpoints; PRAGMA integrity_check' | xargs)" = "0 0 ok" ]
}

# with_ever_more_room STATUS STEP COMMAND...: until it succeeds; STATUS is what it fails with.
with_ever_more_room() {
  local want=$1 step=$2 pages failures=0; shift 2
  : >"$BATS_TEST_TMPDIR/said"
  for ((pages = 0; pages < 1000; pages += step)); do
    leave "$pages"
    run "$@"
    [ "$status" != 0 ] || break
    echo "$output" >>"$BATS_TEST_TMPDIR/said"
    [ "$status" = "$want" ] || { echo "$pages pages: status $status: $output"; return 1; }
    says_full || { echo "with $pages pages"; return 1; }
    nothing_is_left || { echo "with $pages pages: $output"; return 1; }
    failures=$((failures + 1))
  done
  rm -f "$TARE_ROOT/filler"
  echo "# $failures failures, $(sort -u "$BATS_TEST_TMPDIR/said" | wc -l) kinds" >&3
  [ "$status" = 0 ] && [ "$failures" -gt 3 ]
}

@test "tare create" {
  with_ever_more_room 1 1 tare create --name full busybox true
  [ "$(tare start -a full)" = "" ]
}

@test "tare create with a volume of its own, which is filled from the image" {
  with_ever_more_room 1 80 tare create --name full -v /bin busybox true
  tare start -a full
}

@test "tare run, in front and behind" {
  with_ever_more_room 125 4 tare run --name full busybox echo ran
  [ "$output" = ran ]
  tare rm full
  with_ever_more_room 125 5 tare run -d --name full busybox true
  tare wait full
}

@test "tare start: an error, and the container stays as it was" {
  tare create --name full busybox sh -c 'echo out; exit 3'
  leave 0
  run tare start -a full
  [ "$status" = 1 ]
  says_full
  rm "$TARE_ROOT/filler"
  is_state full created
  run -3 --separate-stderr tare start -a full
  [ "$output" = out ]
}

@test "an end that the catalog has no room for is known when there is" {
  local keeper
  tare run -d --name full busybox sh -c 'sleep 1000; exit 0'
  leave 0
  keeper=$(live full keeper)
  kill -9 "$(live full pid)"
  wait_until 10 bash -c "! kill -0 $keeper 2>/dev/null || grep -q '^State:.Z' /proc/$keeper/status"
  rm "$TARE_ROOT/filler"
  wait_until 10 is_state full exited
  [ "$(tare inspect full | jq -c '.[0].State | [.ExitKnown, .ExitCode]')" = '[true,137]' ]
}

@test "lines of the log that find no room are counted; the command goes on" {
  tare create --name full busybox sh -c 'seq 20000; exit 3'
  leave 20
  run tare start -a full
  [ "$status" = 3 ]
  [ "${#lines[@]}" = 20000 ]
  rm "$TARE_ROOT/filler"
  wait_until 10 is_state full exited
  [ "$(tare inspect full | jq '.[0].State.ExitCode')" = 3 ]
  [ "$(tare logs full | wc -l)" -lt 20000 ]
}

# Half a batch is written, seen, and cut off again.
@test "a log that is followed when its disk is full: what is in it in the end was shown" {
  local follower
  tare create --name full --network none busybox sh -c 'trap "go=1" USR1; seq 20000; while [ -z "$go" ]; do sleep 0.1; done; seq 30001 30100'
  leave 20
  tare start full
  "$TARE_BIN/tare" logs -f full >"$BATS_TEST_TMPDIR/shown" 2>&1 3>&- & follower=$!
  wait_until 20 test -s "$BATS_TEST_TMPDIR/shown"
  sleep 1
  rm "$TARE_ROOT/filler"
  tare kill -s USR1 full
  tare wait full
  wait "$follower"
  tare logs full 2>&1 | sort -u >"$BATS_TEST_TMPDIR/kept"
  grep -qx 30100 "$BATS_TEST_TMPDIR/kept"
  # but how many lines were lost, which is said when there is room and may be cut off and said again, with more
  run -0 bash -c "sort -u '$BATS_TEST_TMPDIR/shown' | comm -23 '$BATS_TEST_TMPDIR/kept' - | grep -v 'lines of output could not be written' || true"
  # and but the end of a line whose first part, a record of its own, was cut off: that was shown in one
  { [ "$(wc -w <<<"$output")" -le 1 ] && grep -q "$output\$" "$BATS_TEST_TMPDIR/shown"; } || { echo "not shown: $output"; return 1; }
}

ends() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

@test "tare stop: what has no policy is ended though the catalog has no room for it" {
  local pages pid ended=0
  tare create --name full --network none busybox sleep 1000
  for ((pages = 0; pages < 40; pages++)); do
    is_state full running || tare start full
    pid=$(live full pid)
    sqlite3 "$TARE_ROOT/catalog.db" 'PRAGMA wal_checkpoint(TRUNCATE)'
    leave "$pages"
    run timeout 60 "$TARE_BIN/tare" stop -t 0 full
    rm -f "$TARE_ROOT/filler"
    [ "$status" != 0 ] || break
    [[ "$output" == *"file system is full"* || "$output" == *"No space left on device"* ]] || { echo "$pages pages: $status: $output"; return 1; }
    ! ends "$pid" || ended=$((ended + 1))
  done
  [ "$status" = 0 ]
  [ "$ended" -gt 0 ]
  is_state full exited
}

@test "tare rm needs no room" {
  tare create --name full busybox true
  tare run -d --name runs busybox sleep 1000
  leave 0
  tare rm full
  tare rm -f runs
  nothing_is_left
}

@test "tare update of published ports: they are as they were, at once" {
  local pages failures=0
  tare run -d --name full -p 8080:80 -p 9000-9003:9000-9003 busybox nc -ll -p 80 -e echo answer
  wait_until 5 tare exec full sh -c "netstat -ltn | grep -q ':80 '"
  for ((pages = 0; pages < 200; pages++)); do
    rm -f "$TARE_ROOT/filler"
    sqlite3 "$TARE_ROOT/catalog.db" 'PRAGMA wal_checkpoint(TRUNCATE)'
    leave "$pages"
    run tare update --publish-rm 8080 --publish-rm 9001 --publish-add 8081:80 full
    [ "$status" != 0 ] || break
    says_full
    [[ "$(timeout 3 busybox nc -w 2 127.0.0.1 8080 </dev/null)" == answer ]]
    [[ "$(timeout 3 busybox nc -w 2 ::1 8080 </dev/null)" == answer ]]
    [ -z "$(find "$TARE_STATE" -name ports)" ]
    failures=$((failures + 1))
  done
  echo "# $failures failures" >&3
  [ "$status" = 0 ] && [ "$failures" -gt 3 ]
  [[ "$(timeout 3 busybox nc -w 2 127.0.0.1 8081 </dev/null)" == answer ]]
}

@test "a state folder that takes no more names: nobody stays in a network for it" {
  local i=0
  mount -t tmpfs -o nr_inodes=200 tmpfs "$TARE_STATE"
  tare network create one
  tare run -d --name full --network one busybox sleep 1000
  while true >"$TARE_STATE/filler$i"; do i=$((i + 1)); done 2>/dev/null || true
  run tare network disconnect one full
  rm -f "$TARE_STATE"/filler*
  tare rm -f full
  tare network rm one
  wait_until 10 eval '[ ! -e "$TARE_STATE/healer.sock" ]'
  umount -l "$TARE_STATE"
  echo "$output"
  [ "$status" = 0 ]
}

@test "a catalog that cannot be opened for want of room" {
  sqlite3 "$TARE_ROOT/catalog.db" 'PRAGMA wal_checkpoint(TRUNCATE)' # and no log and no index of it stay
  leave 0
  run tare ps
  [ "$status" = 1 ]
  says_full
  nothing_is_left
}

# What a command leaves that is killed, or could not even take back what it had written.
@test "a container whose making was cut short is no container" {
  local what id
  for what in config.json .; do
    cut_short() { tare create --name cut busybox true; id=$(tare inspect cut | jq -r '.[0].Id'); remove_part; }
    remove_part() { if [ "$what" = . ]; then rm -r "${TARE_ROOT:?}/containers/$id"; else rm "$TARE_ROOT/containers/$id/$what"; fi; }
    cut_short
    [ -z "$(tare ps -aq)" ]
    cut_short
    [ "$(tare run --name cut busybox echo again)" = again ]
    tare rm cut
    cut_short
    tare rm cut
    cut_short
    run tare start cut
    [ "$status" = 1 ]
    [[ $output == *"was interrupted; it has been removed"* ]]
    nothing_is_left
  done
}

# file V1 V2 CONTAINER: of its cgroup.
limit_of() {
  local c
  c=$(tare inspect -f '{{.Cgroup}}' "$3")
  cat /sys/fs/cgroup/memory"$c/$1" /sys/fs/cgroup"$c/$2" /sys/fs/cgroup/pids"$c/$1" 2>/dev/null | head -n 1
}

@test "update whose row cannot be written: the limits, and those of the next start, are as they were" {
  local id before had pids call n
  tare run -d --name lim --network none --pids-limit 60 busybox sleep 100
  id=$(tare inspect -f '{{.Id}}' lim)
  before=$(sha256sum <"$TARE_ROOT/containers/$id/config.json")
  had=$(limit_of memory.limit_in_bytes memory.max lim) pids=$(limit_of pids.max pids.max lim)
  [ -n "$had" ]
  [ "$pids" = 60 ]
  # from each of its writes into the catalog, and syncs, on
  for call in pwrite64 fdatasync,fsync; do
    for ((n = 1; n < 40; n++)); do
      run timeout 20 strace -qq -o /dev/null -e trace="$call" -e inject="$call:error=ENOSPC:when=$n+" "$TARE_BIN/tare" update --memory 50m --pids-limit 33 lim
      [ "$status" != 0 ] || break
      [ "$(sha256sum <"$TARE_ROOT/containers/$id/config.json")" = "$before" ] || { echo "$call $n: $output"; return 1; }
      [ "$(limit_of memory.limit_in_bytes memory.max lim)" = "$had" ]
      [ "$(limit_of pids.max pids.max lim)" = 60 ]
      [ "$(tare inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' lim)" = "0 60" ]
    done
    echo "$call: $n" >&2
    [ "$status" = 0 ]
    tare rm -f lim
    tare run -d --name lim --network none --pids-limit 60 busybox sleep 100
    id=$(tare inspect -f '{{.Id}}' lim)
    before=$(sha256sum <"$TARE_ROOT/containers/$id/config.json")
  done
  tare update --memory 50m --pids-limit 33 lim
  [ "$(limit_of pids.max pids.max lim)" = 33 ]
  tare rm -f lim
}
