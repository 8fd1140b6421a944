#!/usr/bin/env bats
# tare wait: several containers, what is waited for, whoever is killed meanwhile
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() { remove_all; }

# waiting FILE OPTION…: in the background; it has begun to listen when this returns.
waiting() {
  local out=$1; shift
  timeout 60 "$TARE_BIN/tare" wait "$@" >"$out" 2>"$out.err" 3>&- &
  WAITER=$!
  wait_until 5 bash -c "grep -q poll /proc/\$(pgrep -P $WAITER)/wchan 2>/dev/null"
}
still_waits() { sleep 0.3; kill -0 "$WAITER"; }
gave() { wait "$WAITER"; [ "$(paste -sd' ' "$1")" = "$2" ] || { cat "$1" "$1.err"; return 1; }; }

@test "not-running: at once what does not run, and the end of what does; in the order of the arguments" {
  tare create --name w0 busybox true
  [ "$(timeout 5 "$TARE_BIN/tare" wait w0)" = 0 ]
  run -7 tare run --name w7 --network none busybox sh -c 'exit 7'
  tare run -d --name w3 --network none busybox sh -c 'sleep 1; exit 3'
  tare run -d --name w4 --network none busybox sh -c 'sleep 0.2; exit 4'
  [ "$(timeout 20 "$TARE_BIN/tare" wait --condition not-running w3 w4 w7 w0 | paste -sd' ')" = "3 4 7 0" ]
}

@test "one that is not there is told, the others are waited for; a condition that is none" {
  tare run -d --name w5 --network none busybox sh -c 'sleep 0.3; exit 5'
  run -1 timeout 20 "$TARE_BIN/tare" wait nobody w5
  [[ "$output" == *nobody* ]]
  [ "${lines[-1]}" = 5 ]
  run -125 tare wait --condition started w5
  [[ "$output" == *next-exit* ]]
}

@test "next-exit: of one that runs, of one that does not yet, however short it runs" {
  tare create --name n1 --network none busybox sh -c 'exit 9'
  waiting "$BATS_TEST_TMPDIR/a" --condition next-exit n1
  still_waits
  tare start n1
  gave "$BATS_TEST_TMPDIR/a" 9
  # what ended before does not count
  waiting "$BATS_TEST_TMPDIR/b" --condition next-exit n1
  still_waits
  tare start n1
  gave "$BATS_TEST_TMPDIR/b" 9
  tare run -d --name n2 --network none busybox sh -c 'trap "exit 6" TERM; echo ready; while sleep 0.05; do :; done'
  wait_until 5 bash -c "'$TARE_BIN/tare' logs n2 | grep -q ready"
  waiting "$BATS_TEST_TMPDIR/c" --condition next-exit n2 n1
  tare start n1
  still_waits
  tare stop n2
  gave "$BATS_TEST_TMPDIR/c" "6 9"
}

@test "next-exit: an end that is told once more is none" {
  run -9 tare run --name n3 --network none busybox sh -c 'exit 9'
  waiting "$BATS_TEST_TMPDIR/a" --condition next-exit n3
  # who told it was killed before it was recorded, and so the next one did
  grep '"die"' "$TARE_STATE/events" | tail -n 1 >"$BATS_TEST_TMPDIR/line"
  cat "$BATS_TEST_TMPDIR/line" >>"$TARE_STATE/events"
  still_waits
  tare start n3
  still_waits || true
  gave "$BATS_TEST_TMPDIR/a" 9
  [ "$(tare events --since 1h --until 0s --filter container=n3 --filter event=die | wc -l)" = 2 ]
}

@test "next-exit of one with --rm, and of one that is removed instead" {
  tare create --rm --name r1 --network none busybox sh -c 'exit 8'
  waiting "$BATS_TEST_TMPDIR/a" --condition next-exit r1
  tare start r1
  gave "$BATS_TEST_TMPDIR/a" 8
  tare create --name r2 --network none busybox true
  waiting "$BATS_TEST_TMPDIR/b" --condition next-exit r2
  tare rm r2
  rc=0; wait "$WAITER" || rc=$?
  [ "$rc" = 1 ]
  [ ! -s "$BATS_TEST_TMPDIR/b" ]
  grep -q 'r2 was removed before' "$BATS_TEST_TMPDIR/b.err"
}

@test "removed: with the exit code of its last end, by rm and by --rm" {
  tare run -d --name d1 --network none busybox sh -c 'sleep 0.5; exit 4'
  waiting "$BATS_TEST_TMPDIR/a" --condition removed d1
  wait_until 5 bash -c "[ \"\$('$TARE_BIN/tare' inspect -f '{{.State.Status}}' d1)\" = exited ]"
  still_waits
  tare rm d1
  gave "$BATS_TEST_TMPDIR/a" 4
  tare run -d --rm --name d2 --network none busybox sh -c 'sleep 0.5; exit 5'
  tare run -d --name d3 --network none busybox sleep 100
  waiting "$BATS_TEST_TMPDIR/b" --condition removed d2 d3
  still_waits
  tare rm -f d3
  gave "$BATS_TEST_TMPDIR/b" "5 137"
}

@test "both halves of the monitor are killed: who waits sees the end" {
  local c id
  tare run -d --name k1 --network none busybox sleep 100
  tare run -d --name k2 --network none busybox sleep 100
  waiting "$BATS_TEST_TMPDIR/a" k1; one=$WAITER
  waiting "$BATS_TEST_TMPDIR/b" --condition next-exit k2
  for c in k1 k2; do
    id=$(tare inspect -f '{{.Id}}' "$c")
    # shellcheck disable=SC2046
    kill -9 $(jq -r '.keeper, .worker, .pid' "$TARE_STATE/$id/state.json")
  done
  wait "$one"; wait "$WAITER"
  [[ "$(cat "$BATS_TEST_TMPDIR/a")" =~ ^(255|137)$ ]]
  [[ "$(cat "$BATS_TEST_TMPDIR/b")" =~ ^(255|137)$ ]]
}

@test "removed: the code of one that begins, ends and goes before anybody has looked" {
  for i in 0 1 2 3 4 5 6 7; do
    tare create --rm --name "q$i" --network none busybox sh -c "exit $((30 + i))"
    waiting "$BATS_TEST_TMPDIR/$i" --condition removed "q$i"
    tare start "q$i"
    gave "$BATS_TEST_TMPDIR/$i" $((30 + i))
  done
}

@test "with a restart policy each end is one; removed waits for the last" {
  tare run -d --name p1 --restart on-failure:2 --network none busybox sh -c 'sleep 0.5; exit 3'
  waiting "$BATS_TEST_TMPDIR/b" --condition removed p1; removed=$WAITER
  [ "$(timeout 20 "$TARE_BIN/tare" wait p1)" = 3 ]
  wait_until 20 bash -c "[ \"\$('$TARE_BIN/tare' inspect -f '{{.State.Status}}' p1)\" = exited ]"
  [ "$(timeout 20 "$TARE_BIN/tare" wait p1)" = 3 ]
  [ "$(tare events --since 1m --until 0s --filter container=p1 --format '{{.Action}}' | paste -sd' ')" = "create start die start die start die" ]
  tare rm p1
  WAITER=$removed gave "$BATS_TEST_TMPDIR/b" 3
}

@test "who waits for a start or an end takes none of the inotify instances that a user's programs share" {
  tare create --name c0 busybox true >/dev/null
  tare run -d --name c1 busybox sleep 1000 >/dev/null
  waiting "$BATS_TEST_TMPDIR/a" --condition next-exit c0 c1; local one=$WAITER
  waiting "$BATS_TEST_TMPDIR/b" --condition removed c0; local other=$WAITER
  for w in "$one" "$other"; do
    [ -z "$(find "/proc/$(pgrep -P "$w")/fd" -lname 'anon_inode:inotify')" ]
  done
  tare start c0 >/dev/null
  tare kill c1 >/dev/null
  WAITER=$one gave "$BATS_TEST_TMPDIR/a" "0 137"
  tare rm c0 >/dev/null
  WAITER=$other gave "$BATS_TEST_TMPDIR/b" 0
  tare rm c1 >/dev/null
}
