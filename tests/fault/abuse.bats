#!/usr/bin/env bats
# Containers that take all they can get, and fifty commands at one instant: the machine keeps what limits say, and every command answers.
load ../lib/common
load ../lib/faults

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() { remove_all; }

# within SECONDS COMMAND…: it ends in that time, and well.
within() { timeout -k 1 "$@" || { echo "within $1 s: status $?: ${*:2}"; return 1; }; }
folder_of() { echo "$TARE_ROOT/containers/$(tare inspect -f '{{.Id}}' "$1")"; }
# What of a process is its own, in kB.
own_memory() { awk '/^Private/ { n += $2 } END { print n }' "/proc/$1/smaps_rollup"; }
# What a container's files take on the disk, in kB.
log_size() { du -sk "$(folder_of "$1")" | cut -f1; }

# flood DRIVER OPTION…: a container that writes as fast as it can, on both streams; for some seconds its disk and its monitor's memory are looked at.
flood() {
  tare run -d --name flood --network none "$@" busybox sh -c 'yes "$(seq -s. 40)" >&2 & exec yes "$(seq -s, 40)"' >/dev/null
  for _ in 1 2 3 4 5 6; do
    sleep 0.5
    [ "$(log_size flood)" -le 4500 ] || { du -ak "$(folder_of flood)"; return 1; } # two of 2 MB, and what goes just then
    [ "$(own_memory "$(half flood worker)")" -le 2048 ] || { echo "the worker takes $(own_memory "$(half flood worker)") kB"; return 1; }
    [ "$(own_memory "$(half flood keeper)")" -le 512 ]
  done
}

@test "a container that floods its log: the disk takes what max-size says, and every command answers" {
  local driver n
  for driver in json-file local k8s-file; do
    flood --log-driver "$driver" --log-opt max-size=1m --log-opt max-file=2
    n=$(within 20 "$TARE_BIN/tare" logs flood 2>/dev/null | wc -l)
    [ "$n" -gt 100 ]
    # as many as were asked for, however fast more comes
    for _ in 1 2 3 4 5 6 7 8; do [ "$(within 10 "$TARE_BIN/tare" logs -n 5 flood 2>&1 | wc -l)" = 5 ]; done
    within 10 "$TARE_BIN/tare" exec flood true
    within 10 "$TARE_BIN/tare" stop -t 0 flood >/dev/null
    [ "$(tare inspect -f '{{.State.ExitCode}}' flood)" = 137 ]
    # what is kept is whole lines, the last ones
    tare logs flood 2>/dev/null | grep -vxc "$(seq -s, 40)" | grep -qx '[01]'
    within 10 "$TARE_BIN/tare" rm flood
  done
}

@test "a flooded log that is followed: who follows gets whole lines, and ends with the container" {
  local follower rc=0
  flood --log-opt max-size=1m --log-opt max-file=2
  "$TARE_BIN/tare" logs -f flood 2>/dev/null >"$BATS_TEST_TMPDIR/out" 3>&- & follower=$!
  sleep 1
  within 20 "$TARE_BIN/tare" kill flood >/dev/null
  within 30 tail --pid="$follower" -f /dev/null
  wait "$follower" || rc=$?
  [ "$rc" = 0 ]
  [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -gt 100 ]
  grep -vxc "$(seq -s, 40)" "$BATS_TEST_TMPDIR/out" | grep -qx '[01]'
}

@test "a line without an end: neither memory nor disk grows with it" {
  tare run -d --name flood --network none --log-opt max-size=1m --log-opt max-file=2 busybox sh -c 'exec tr "\0" x </dev/zero' >/dev/null
  for _ in 1 2 3 4; do
    sleep 0.5
    [ "$(log_size flood)" -le 4500 ]
    [ "$(own_memory "$(half flood worker)")" -le 2048 ]
  done
  within 10 "$TARE_BIN/tare" logs -n 1 flood | head -c 100000 >/dev/null
  within 10 "$TARE_BIN/tare" rm -f flood
}

@test "a container that forks for ever under --pids-limit: it has so many processes, and stops" {
  tare run -d --name bomb --network none --pids-limit 60 busybox awk 'BEGIN { while (1) system("sleep 1000 &") }' >/dev/null
  wait_until 60 eval '[ "$(tare top bomb | wc -l)" -gt 50 ]'
  for _ in 1 2 3; do
    [ "$(tare top bomb | wc -l)" -le 61 ]
    within 10 "$TARE_BIN/tare" ps >/dev/null
    within 10 "$TARE_BIN/tare" stats --no-stream >/dev/null
  done
  within 10 "$TARE_BIN/tare" stop -t 1 bomb >/dev/null
  within 10 "$TARE_BIN/tare" rm bomb
}

# full NAME OPTION…: a container with as many processes as --pids-limit 10 lets it have.
full() {
  tare run -d --network none --pids-limit 10 --name "$@" busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait' >/dev/null
  wait_until 10 eval "[ \"\$(tare top $1 | tail -n +2 | wc -l)\" = 10 ]"
}

# On cgroup v1 a process that comes from outside is let in above the limit, and can make no other there; on v2 it is kept out.
@test "exec where there is no process left: an error in a line, no waiting, and stop works" {
  full crowded
  run timeout 10 "$TARE_BIN/tare" exec crowded true
  [ "$status" = 0 ] || { [ "$status" = 1 ] && [ "${#lines[@]}" = 1 ] && [[ "$output" == *pids* ]]; } || { echo "$status: $output"; return 1; }
  run timeout 10 "$TARE_BIN/tare" exec crowded sh -c 'true | true'
  [ "$status" != 0 ] && [ "$status" != 124 ] || { echo "$status: $output"; return 1; }
  is_state crowded running
  within 10 "$TARE_BIN/tare" stop -t 1 crowded >/dev/null
  [ "$(tare inspect -f '{{.State.ExitCode}}' crowded)" = 137 ]
}

@test "a health check where there is no process left is a failed one, and the container goes on" {
  full crowded --health-cmd 'true | true' --health-interval 300ms --health-retries 2
  wait_until 30 eval '[ "$(tare inspect -f "{{.State.Health.Status}}" crowded)" = unhealthy ]'
  is_state crowded running
  tare update --pids-limit 30 crowded
  wait_until 30 eval '[ "$(tare inspect -f "{{.State.Health.Status}}" crowded)" = healthy ]'
}

@test "a container that eats its memory is killed, by its own limit alone, and it is told why" {
  local rc=0
  tare run --name eater --network none -m 24m busybox sh -c 'exec tail /dev/zero' || rc=$?
  [ "$rc" = 137 ]
  [ "$(tare inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}} {{.State.Status}}' eater)" = "true 137 exited" ]
  [ "$(tare events --since 1m --until 0s --filter container=eater --format '{{.Action}}' | grep -c '^oom$\|^die$')" = 2 ]
  # one that is started again and again for it
  tare run -d --name again --network none -m 24m --restart on-failure:2 busybox sh -c 'exec tail /dev/zero' >/dev/null
  wait_until 30 is_state again exited
  [ "$(tare inspect -f '{{.State.OOMKilled}} {{.RestartCount}}' again)" = "true 2" ]
  [ "$(tare events --since 1m --until 0s --filter container=again --filter event=oom --format '{{.Action}}' | wc -l)" = 3 ]
}

# Memory that files in memory take is the container's, too: it is killed, and what they took is given back.
@test "memory filled by way of /dev/shm and a tmpfs stays within the limit" {
  tare run -d --name shm --network none -m 32m --shm-size 1g --tmpfs /t busybox \
    sh -c 'cat /dev/zero >/dev/shm/a & cat /dev/zero >/t/b & wait; sleep 1000' >/dev/null
  wait_until 30 eval '[ "$(tare top shm | wc -l)" -le 2 ] || ! is_state shm running' # a cat or init, whom the kernel takes
  within 10 "$TARE_BIN/tare" rm -f shm
}

# ---- fifty at one instant ----

# at_once N COMMAND…: N of them at the same instant, {} is the number; what any of them says is in said, and the number that failed in failures.
at_once() {
  local n=$1 i pids=() gate=$BATS_TEST_TMPDIR/gate; shift
  rm -f "$gate" "$BATS_TEST_TMPDIR"/said.*; mkfifo "$gate"
  for ((i = 0; i < n; i++)); do
    { read -r <"$gate" || true; timeout 120 "${@//\{\}/$i}"; } >"$BATS_TEST_TMPDIR/said.$i" 2>&1 3>&- & pids+=($!)
  done
  sleep 1
  : >"$gate" # all of them see its end
  failures=0
  for i in "${pids[@]}"; do wait "$i" || failures=$((failures + 1)); done
  said=$(cat "$BATS_TEST_TMPDIR"/said.*)
}

@test "fifty of run, then of rm -f, at one instant" {
  local said failures
  at_once 50 "$TARE_BIN/tare" run -d --name 'n{}' -v '/data' -p 80 busybox sleep 1000
  [ "$failures" = 0 ] || { echo "$said"; return 1; }
  [ "$(tare ps -q | wc -l)" = 50 ]
  [ "$(tare inspect -f '{{.NetworkSettings.IPAddress}}' $(tare ps -q) | sort -u | wc -l)" = 50 ]
  [ "$(tare ps --format '{{.Ports}}' | sort -u | wc -l)" = 50 ]
  [ "$(tare volume ls -q | wc -l)" = 50 ]
  at_once 50 "$TARE_BIN/tare" exec 'n{}' sh -c 'exit 0'
  [ "$failures" = 0 ] || { echo "$said"; return 1; }
  at_once 50 "$TARE_BIN/tare" rm -f -v 'n{}'
  [ "$failures" = 0 ] || { echo "$said"; return 1; }
  [ -z "$(tare ps -aq)" ]
  [ -z "$(tare volume ls -q)" ]
}

@test "fifty that run the same name: one does" {
  local said failures
  at_once 50 "$TARE_BIN/tare" run -d --name one --network none busybox sleep 1000
  [ "$failures" = 49 ]
  [ "$(grep -c 'one.*is in use' <<<"$said")" = 49 ] || { echo "$said"; return 1; }
  [ "$(tare ps -aq | wc -l)" = 1 ]
  at_once 50 "$TARE_BIN/tare" rm -f one
  [ -z "$(tare ps -aq)" ]
  [ "$(grep -vc '^one$\|no such container' <<<"$said")" = 0 ] || { echo "$said"; return 1; }
}

@test "run, rm, prune, gc and lists racing: each does its work, and nothing of a living one goes" {
  local said failures
  tare run -d --name stays -v kept:/kept busybox sh -c 'echo word >/kept/word; sleep 1000' >/dev/null
  cat >"$BATS_TEST_TMPDIR/one" <<'S'
#!/bin/bash
# N: what one of fifty does
set -e
case $(($1 % 5)) in
  0) for i in 1 2 3; do tare run --rm -v /data busybox sh -c 'echo x >/data/x'; done ;;
  1) tare run -d --name "r$1" -v "v$1:/data" busybox sleep 1000; tare exec "r$1" sh -c 'echo x >/data/x'; tare rm -f "r$1" ;;
  2) for i in 1 2 3; do tare volume prune -f; tare image prune -f; done ;;
  3) tare create --name "r$1" busybox true; tare start -a "r$1"; tare rm -f "r$1" ;;
  4) for i in 1 2 3; do tare system gc; tare ps -a; tare system df; tare container prune -f --filter label=nobody; done ;;
esac
S
  chmod +x "$BATS_TEST_TMPDIR/one"
  PATH=$TARE_BIN:$PATH at_once 50 "$BATS_TEST_TMPDIR/one" '{}'
  [ "$failures" = 0 ] || { grep -v '^[0-9a-f]*$' <<<"$said"; return 1; }
  run ! grep -iE 'locked|warning|error' <<<"$said"
  [ "$(tare ps -aq | wc -l)" = 1 ]
  [ "$(tare exec stays cat /kept/word)" = word ]
  store_consistent
}
