#!/usr/bin/env bats
load ../lib/common

setup_file() {
  tare_setup_file; load_busybox
  tare run --name ten busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; done; echo last >&2'
}
teardown_file() { tare_teardown_file; }

@test "logs keep both streams apart" {
  [ "$(tare logs ten 2>/dev/null | wc -l)" -eq 10 ]
  [ "$(tare logs ten 2>&1 >/dev/null)" = last ]
}

@test "--tail N, 0, all, more than there are" {
  [ "$(tare logs --tail 3 ten 2>&1 | head -1)" = "line 9" ]
  [ -z "$(tare logs --tail 0 ten 2>&1)" ]
  [ "$(tare logs -n all ten 2>&1 | wc -l)" -eq 11 ]
  [ "$(tare logs -n 50 ten 2>&1 | wc -l)" -eq 11 ]
  [ "$(tare logs -n -1 ten 2>&1 | wc -l)" -eq 11 ]
  [ "$(tare logs --tail=-5 ten 2>&1 | wc -l)" -eq 11 ]
  run -1 tare logs --tail x ten
}

@test "-t, --since, --until" {
  [[ "$(tare logs -t ten 2>/dev/null | head -1)" =~ ^20[0-9-]+T[0-9:.]+Z\ line\ 1$ ]]
  [ "$(tare logs --since 1h ten 2>&1 | wc -l)" -eq 11 ]
  [ -z "$(tare logs --until 1h ten 2>&1)" ]
  at=$(tare logs -t ten 2>/dev/null | sed -n '5s/ .*//p')
  [ "$(tare logs --since "$at" ten 2>/dev/null | head -1)" = "line 5" ]
  run -1 tare logs --since yesterdayish ten
}

@test "--since, --until: every way Docker writes a time" {
  for t in 2020-01-01 2020-01-01Z 2020-01-01T00 2020-01-01T00:00 2020-01-01T00:00:00 2020-01-01T00:00Z 2020-01-01T00:00+02:00 \
    2020-01-01T00:00:00.5 2020-01-01T00:00:00.5-03:00 1577836800 1577836800.25; do
    [ "$(tare logs --since $t ten 2>&1 | wc -l)" -eq 11 ] || { echo "since $t"; return 1; }
    run -0 tare logs --until $t ten
    [ -z "$output" ]
  done
  # without a zone it is the reader's
  at=$(tare logs -t ten 2>/dev/null | sed -n '1s/ .*//p')
  local=$(TZ=XXX-5 date -d "$at" +%Y-%m-%dT%H:%M:%S)
  [ "$(TZ=XXX-5 tare logs --since "$local" ten 2>&1 | wc -l)" -eq 11 ]
  [ -z "$(TZ=XXX-5 tare logs --until "$local" ten 2>&1)" ]
  [ "$(TZ=XXX-4 tare logs --until "$local" ten 2>&1 | wc -l)" -eq 11 ]
  for t in 2020-13-01 2020-01-01T 2020-01-01T00:00:00Zjunk 2020-01-01x; do run -1 tare logs --since "$t" ten; done
}

@test "-t has nine digits, once a line; --details is a blank where there are none; bytes that are no text come back" {
  tare run --name odd busybox sh -c 'head -c 20000 /dev/zero | tr "\0" x; echo; printf "a\0b\tc\033\n"'
  [[ "$(tare logs -t odd | cut -c -50)" =~ ^20[0-9-]+T[0-9:]+\.[0-9]{9}Z\ xx* ]]
  [ "$(tare logs -t odd | head -1 | grep -o Z | wc -l)" -eq 1 ]
  [ "$(tare logs -n 1 odd | od -An -c | tr -d ' ')" = 'a\0b\tc033\n' ]
  [ "$(tare logs -n 2 --details ten 2>/dev/null)" = " line 10" ]
  tare rm odd
}

@test "-f follows to the end, over a rotation" {
  tare run -d --name rot --log-opt max-size=20k --log-opt max-file=3 busybox \
    sh -c 'i=0; while [ $i -lt 600 ]; do echo "record number $i"; i=$((i+1)); [ $((i % 100)) -ne 0 ] || sleep 0.2; done'
  timeout 20 "$TARE_BIN/tare" logs -f rot >"$BATS_TEST_TMPDIR/all"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -eq 600 ]
  [ "$(tail -1 "$BATS_TEST_TMPDIR/all")" = "record number 599" ]
  id=$(tare inspect rot | jq -r '.[0].Id')
  [ "$(find "$TARE_ROOT/containers/$id" -name '*-json.log*' | wc -l)" -gt 1 ]
  [ "$(tare logs --tail 250 rot | head -1)" = "record number 350" ]
  tare rm rot
}

@test "--log-driver none keeps nothing and says so" {
  tare run --name nolog --log-driver none busybox echo hello
  run -1 tare logs nolog
  [[ "$output" == *"keeps no log"* ]]
  tare rm nolog
}

@test "logs of a container that never ran are empty; a long line comes whole" {
  tare create --name never busybox true
  run -0 tare logs never
  [ -z "$output" ]
  tare rm never
  tare run --name long busybox sh -c 'head -c 100000 /dev/zero | tr "\0" x; echo'
  [ "$(tare logs long | wc -c)" -eq 100001 ]
  [ "$(tare logs long | wc -l)" -eq 1 ]
  tare rm long
}

@test "-f ends when the container is removed" {
  tare run -d --name gone busybox sleep 100
  timeout 10 "$TARE_BIN/tare" logs -f gone 3>&- &
  sleep 0.3
  tare rm -f gone
  wait $!
}
