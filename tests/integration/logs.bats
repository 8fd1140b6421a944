#!/usr/bin/env bats
load ../lib/common

setup_file() {
  tare_setup_file; load_busybox
  tare run --name ten busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; done; echo last >&2'
}
teardown_file() { tare_teardown_file; }
# what the full disk's test mounted, when it failed
teardown() {
  [ ! -e "$BATS_TEST_TMPDIR/full" ] || awk '/-json\.log |\/full / { print $5 }' /proc/self/mountinfo | grep -e "^$TARE_ROOT/" -e "^$BATS_TEST_TMPDIR/" |
    while read -r m; do umount "$m"; done
}

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
  tare run -d --name gone busybox sh -c 'echo here; exec sleep 100'
  timeout 20 "$TARE_BIN/tare" logs -f gone >"$BATS_TEST_TMPDIR/read" 3>&- &
  wait_until 10 grep -q here "$BATS_TEST_TMPDIR/read"
  tare rm -f gone
  wait $!
}

sockets_of() { find "/proc/$1/fd" -lname 'socket:*' | wc -l; }

@test "several readers and an attached client at once have every line" {
  local worker before
  tare run -d --name shared busybox sh -c 'until [ -e /go ]; do sleep 0.1; done; i=0; while [ $i -lt 2000 ]; do echo "line number $i"; i=$((i+1)); done'
  worker=$(half shared worker) before=$(sockets_of "$worker")
  for i in 1 2 3; do timeout 60 "$TARE_BIN/tare" logs -f shared >"$BATS_TEST_TMPDIR/read.$i" 3>&- & done
  timeout 60 "$TARE_BIN/tare" attach --no-stdin shared >"$BATS_TEST_TMPDIR/read.4" 3>&- &
  wait_until 10 eval '[ "$(sockets_of "$worker")" = $((before + 4)) ]' # who attaches later has missed lines
  tare exec shared touch /go
  wait
  i=0; while [ $i -lt 2000 ]; do echo "line number $i"; i=$((i+1)); done >"$BATS_TEST_TMPDIR/want"
  for i in 1 2 3 4; do cmp "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/read.$i"; done
  tare rm shared
}

@test "one that writes as fast as it can: its disk is bounded, others go on, the kept lines follow each other" {
  tare run -d --name flood --log-opt max-size=1m --log-opt max-file=3 busybox sh -c 'seq 1 100000000'
  dir=$TARE_ROOT/containers/$(tare inspect -f '{{.Id}}' flood)
  for _ in 1 2 3 4 5 6; do
    sleep 0.3
    [ "$(du -bc "$dir"/*-json.log* 2>/dev/null | awk 'END { print $1 }')" -lt 4000000 ]
    [ "$(timeout 20 "$TARE_BIN/tare" run --rm busybox echo fine)" = fine ]
  done
  tare kill flood
  tare wait flood
  # it got somewhere, and of what it wrote the end is there, no line missing: the last may be cut off
  tare logs flood | sed '$d' >"$BATS_TEST_TMPDIR/kept"
  awk 'NR > 1 && $1 != last + 1 { bad = 1; print "after " last " came " $1 } { last = $1 } END { exit bad || last < 100000 }' "$BATS_TEST_TMPDIR/kept"
  tare rm flood
}

# More than twenty lines a file: it is behind by many of them, and they are renamed while it looks for the next.
@test "a follower of files that are rotated all the time has every line once" {
  tare run -d --name many --network none --log-opt max-size=2k --log-opt max-file=1000 busybox \
    sh -c 'i=0; while [ $i -lt 15000 ]; do i=$((i + 1)); echo $i; done'
  tare logs -f many | cmp - <(seq 15000)
  tare rm many
}

# ticks PID...: the processor's time of all of them
ticks() { local p n=0 f; for p; do read -ra f <"/proc/$p/stat"; n=$((n + f[13] + f[14])); done; echo "$n"; }

# quiet LESS PID...: they take less than so much in two seconds. At first they may all still be starting.
quiet() {
  local less=$1 before; shift
  before=$(ticks "$@"); sleep 2
  [ $(($(ticks "$@") - before)) -lt "$less" ]
}

@test "more followers and waiters than a monitor takes clients: they come again later, and not at once" {
  local i pids=() waiting=()
  tare run -d --name crowd --network none busybox sh -c 'while [ ! -e /go ]; do sleep 0.1; done; echo end; exit 3'
  for i in $(seq 66); do "$TARE_BIN/tare" logs -f crowd >"$BATS_TEST_TMPDIR/f$i" 3>&- & pids+=($!); done
  sleep 1
  for i in $(seq 4); do "$TARE_BIN/tare" wait crowd >"$BATS_TEST_TMPDIR/w$i" 3>&- & waiting+=($!); done
  wait_until 20 quiet 80 "${pids[@]}" "${waiting[@]}"
  tare exec crowd touch /go
  wait "${pids[@]}" "${waiting[@]}"
  [ "$(cat "$BATS_TEST_TMPDIR"/f* | grep -c '^end$')" = 66 ]
  [ "$(cat "$BATS_TEST_TMPDIR"/w* | grep -c '^3$')" = 4 ]
  tare rm crowd
}

@test "a follower whose monitor cannot be asked does not ask all the time" {
  local id follower
  tare run -d --name mute --network none busybox sleep 1000
  id=$(tare inspect -f '{{.Id}}' mute)
  mv "$TARE_STATE/$id/attach.sock" "$TARE_STATE/$id/away"
  "$TARE_BIN/tare" logs -f mute 3>&- & follower=$!
  wait_until 10 quiet 60 "$follower"
  mv "$TARE_STATE/$id/away" "$TARE_STATE/$id/attach.sock"
  tare rm -f mute
  wait "$follower"
}

@test "a follower of one file that is rotated has every line, too" {
  tare run -d --name onefile --log-opt max-size=20k busybox \
    sh -c 'i=0; while [ $i -lt 900 ]; do echo "record number $i"; i=$((i+1)); [ $((i % 50)) -ne 0 ] || sleep 0.2; done'
  timeout 60 "$TARE_BIN/tare" logs -f onefile >"$BATS_TEST_TMPDIR/all"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -eq 900 ]
  tare rm onefile
}

@test "a full disk under the log: the container goes on, what is lost is counted when there is room again" {
  mkdir "$BATS_TEST_TMPDIR/full"
  tare create --name full busybox sh -c 'i=0; while [ $i -lt 3000 ]; do echo "a line of some length, number $i"; i=$((i+1)); done; touch /written; until [ -e /go ]; do sleep 0.1; done; echo last; exit 4'
  id=$(tare inspect -f '{{.Id}}' full)
  log=$(tare inspect -f '{{.LogPath}}' full)
  truncate -s 0 "$log"; chmod 640 "$log"
  mount -t tmpfs -o size=64k small "$BATS_TEST_TMPDIR/full"
  touch "$BATS_TEST_TMPDIR/full/log"
  mount --bind "$BATS_TEST_TMPDIR/full/log" "$log"
  tare start full
  until tare exec full test -e /written; do sleep 0.2; done
  mount -o remount,size=1m "$BATS_TEST_TMPDIR/full"
  tare exec full touch /go
  [ "$(tare wait full)" = 4 ]
  cp "$BATS_TEST_TMPDIR/full/log" "$BATS_TEST_TMPDIR/copy"
  umount "$log"; umount "$BATS_TEST_TMPDIR/full"
  jq -r .log "$BATS_TEST_TMPDIR/copy" >/dev/null # whole records alone
  [ "$(jq -rj .log "$BATS_TEST_TMPDIR/copy" | tail -1)" = last ]
  jq -rj 'select(.stream == "stderr") | .log' "$BATS_TEST_TMPDIR/copy" | grep -Eq '^tare: [0-9]+ lines of output could not be written to this log: No space left on device$'
  lost=$(jq -rj 'select(.stream == "stderr") | .log' "$BATS_TEST_TMPDIR/copy" | awk '{ n += $2 } END { print n }')
  [ "$(jq -rj 'select(.stream == "stdout") | .log' "$BATS_TEST_TMPDIR/copy" | wc -l)" -eq $((3001 - lost)) ]
  tare rm full
}
