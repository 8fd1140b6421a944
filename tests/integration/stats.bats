#!/usr/bin/env bats
# tare stats: what containers use, once and for as long as one looks.
load ../lib/common

setup_file() {
  tare_setup_file
  load_busybox
  tare run -d --name busy --network none -m 64m --cpus 0.5 busybox sh -c 'dd if=/dev/zero of=/dev/shm/f bs=1M count=8 2>/dev/null; sleep 1000 & while :; do :; done' >/dev/null
  tare run -d --name idle --cap-add NET_RAW busybox sleep 1000 >/dev/null
  tare create --name made busybox true >/dev/null
}
teardown_file() { tare rm -f busy idle made gone >/dev/null 2>&1; tare_teardown_file; }
once() { tare stats --no-stream "$@"; }
# between NUMBER LOW HIGH
between() { awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(n >= a && n <= b) }' || { echo "$1 is not between $2 and $3"; false; }; }

@test "once: docker's columns, those that run, the newest first; with -a also those that do not" {
  run -0 once
  [ "$(tr -s ' ' <<<"${lines[0]}")" = "CONTAINER ID NAME CPU % MEM USAGE / LIMIT MEM % NET I/O BLOCK I/O PIDS" ]
  [ "${#lines[@]}" = 3 ]
  [ "$(awk 'NR > 1 { print $2 }' <<<"$output" | xargs)" = "idle busy" ]
  [ "$(once -a --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' | head -n 1)" = "made 0B / 0B 0" ]
  [ "$(once --format '{{.ID}}' busy)" = "$(tare ps -q --filter name=busy)" ]
}

@test "named: in the order they were named, also one that does not run; one that is none is an error" {
  [ "$(once --format '{{.Name}}' made busy idle | xargs)" = "made busy idle" ]
  [ "$(once --no-trunc --format '{{.ID}} {{.Container}}' busy)" = "$(tare ps -q --no-trunc --filter name=busy) busy" ]
  [ "$(once --format 'table {{.Container}}\t{{.PIDs}}' made)" = "$(printf 'CONTAINER   PIDS\nmade        0')" ]
  run -1 tare stats nope busy
  [[ "$output" == *nope* ]]
  [ "${#lines[@]}" = 1 ]
  run ! tare stats --no-stream --format bad
}

@test "the numbers are those of the cgroup: CPU, memory and its limit, processes" {
  run -0 once --format json busy
  [ "$(jq -r 'keys | join(" ")' <<<"$output")" = "BlockIO CPUPerc Container ID MemPerc MemUsage Name NetIO PIDs" ]
  [ "$(jq -r '[.Name, .NetIO, .PIDs] | join(" ")' <<<"$output")" = "busy 0B / 0B 2" ]
  [[ "$(jq -r .MemUsage <<<"$output")" == *MiB\ /\ 64MiB ]]
  between "$(jq -r '.MemUsage | split("MiB")[0]' <<<"$output")" 8 16
  between "$(jq -r '.MemPerc | rtrimstr("%")' <<<"$output")" 12 25
  between "$(jq -r '.CPUPerc | rtrimstr("%")' <<<"$output")" 1 75
  [ "$(once --format '{{.CPUPerc}}' idle)" = "0.00%" ]
}

@test "network: bytes in and out of the devices of its own, and none of the machine's" {
  tare exec idle sh -c 'ping -c 3 -s 1000 "$(ip route | sed -n "s/^default via \([^ ]*\).*/\1/p")"' >/dev/null
  run -0 once --format '{{.NetIO}}' idle
  [[ "$output" =~ ^[0-9.]+kB\ /\ [0-9.]+kB$ ]]
  between "${output%%k*}" 3 30
  tare run -d --rm --name gone --network host --userns host busybox sleep 1000 >/dev/null
  [ "$(once --format '{{.NetIO}}' gone)" = "0B / 0B" ]
  tare rm -f gone >/dev/null
}

@test "elsewhere than on a terminal: titles once, then rows; it ends when all that were named are gone" {
  tare run -d --name gone --network none busybox sleep 1000 >/dev/null
  tare stats gone >"$BATS_TEST_TMPDIR/out" & pid=$!
  wait_until 10 sh -c "[ \$(wc -l <'$BATS_TEST_TMPDIR/out') -ge 3 ]"
  tare rm -f gone >/dev/null
  wait_until 10 sh -c "! kill -0 $pid 2>/dev/null"
  wait $pid
  [ "$(grep -c 'CONTAINER ID' "$BATS_TEST_TMPDIR/out")" = 1 ]
  run ! grep -q $'\033' "$BATS_TEST_TMPDIR/out"
}

@test "on a terminal it is written over" {
  timeout -s INT 4 script -qefc "$TARE_BIN/tare stats busy" "$BATS_TEST_TMPDIR/out" >/dev/null || true
  [ "$(grep -c $'\033\[H.*CONTAINER ID.*\033\[K' "$BATS_TEST_TMPDIR/out")" -ge 2 ]
  grep -q $'^\033\[J' "$BATS_TEST_TMPDIR/out"
}
