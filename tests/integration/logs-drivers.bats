#!/usr/bin/env bats
# --log-driver and --log-opt. The journal's tests have systemd's own journald, in a /run of their own.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

log_of() { tare inspect -f '{{.LogPath}}' "$1"; }

@test "json-file: records carry labels, variables and a tag" {
  tare run --name attrs -l com.a=1 -l b=2 -l hidden=x -e E1=v1 -e F2='v 2' -e G=y --log-opt labels=com.a,none --log-opt labels-regex='^b$' \
    --log-opt env=E1 --log-opt env-regex='^F' --log-opt 'tag={{.Name}}/{{.ID}}' busybox echo hello
  id=$(tare inspect -f '{{.Id}}' attrs)
  [ "$(jq -c .attrs "$(log_of attrs)")" = "{\"E1\":\"v1\",\"F2\":\"v 2\",\"b\":\"2\",\"com.a\":\"1\",\"tag\":\"attrs/${id:0:12}\"}" ]
  [ "$(jq -r 'keys_unsorted | join(",")' "$(log_of attrs)")" = log,stream,attrs,time ]
  [ "$(tare logs attrs)" = hello ]
  [ "$(tare logs --details attrs)" = "E1=v1,F2=v+2,b=2,com.a=1,tag=attrs%2F${id:0:12} hello" ]
  [ "$(tare inspect -f '{{json .HostConfig.LogConfig}}' attrs)" = \
    '{"Type":"json-file","Config":{"labels":"com.a,none","labels-regex":"^b$","env":"E1","env-regex":"^F","tag":"{{.Name}}/{{.ID}}"}}' ]
  tare rm attrs
}

@test "a tag of the image's id" {
  tare run --name of-image --log-opt 'tag={{.ImageID}} {{.ImageFullID}} {{.ImageName}}' busybox echo x
  id=$(tare inspect -f '{{.Image}}' of-image)
  [ "$(jq -r .attrs.tag "$(log_of of-image)")" = "${id:0:12} $id busybox" ]
  tare rm of-image
}

@test "json-file: attributes stand where Docker's encoder has them" {
  tare run --name same -e A=1 --log-opt env=A busybox echo x
  [[ "$(cat "$(log_of same)")" =~ ^\{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":\{\"A\":\"1\"\},\"time\":\"[0-9TZ:.-]+\"\}$ ]]
  tare rm same
}

@test "k8s-file: CRI's lines, read back byte for byte, over a rotation" {
  tare run --name k8s --log-driver k8s-file --log-opt max-size=20k --log-opt max-file=3 busybox \
    sh -c 'echo err >&2; sleep 0.3; head -c 20000 /dev/zero | tr "\0" x; echo; i=0; while [ $i -lt 200 ]; do echo "record \"$i\""; i=$((i+1)); done; printf end'
  grep -Eqx '20[0-9-]+T[0-9:]+\.[0-9]{9}Z stdout F record "199"' "$(log_of k8s)"
  grep -Eqx '20[0-9-]+T[0-9:]+\.[0-9]{9}Z stdout P end' "$(log_of k8s)"
  [ -e "$(log_of k8s).1" ]
  [ "$(tare logs k8s 2>/dev/null | head -1 | wc -c)" -eq 20001 ]
  [ "$(tare logs k8s 2>/dev/null | tail -c 3)" = end ]
  [ "$(tare logs k8s 2>&1 >/dev/null)" = err ]
  [[ "$(tare logs -t --tail 2 k8s | head -1)" =~ ^20[0-9-]+T[0-9:.]+Z\ record\ \"199\"$ ]]
  tare rm k8s
}

@test "local: rotated without being told to" {
  tare run --name local --log-driver local busybox echo x
  [ "$(tare logs local)" = x ]
  jq -e '.log.maxSize == 20971520 and .log.maxFile == 5 and .log.compress' "$TARE_ROOT/containers/$(tare inspect -f '{{.Id}}' local)/config.json"
  [ "$(tare inspect -f '{{.HostConfig.LogConfig.Type}}' local)" = local ]
  tare rm local
}

@test "what a driver does not have is refused, and nothing is made" {
  refused() { # MESSAGE OPTION...
    local message=$1; shift
    run -125 tare run --name refused "$@" busybox true
    [[ "$output" == *"$message"* ]] || { echo "$output"; return 1; }
    run -1 tare inspect refused
  }
  refused "log driver k8s-file has no such option (it has max-size, max-file, mode, max-buffer-size)" --log-driver k8s-file --log-opt tag=x
  refused "has no such option (it has labels, labels-regex" --log-driver journald --log-opt max-size=1m
  refused "means nothing with --log-driver none" --log-driver none --log-opt max-size=1m
  refused "--log-driver syslog is not supported" --log-driver syslog
  refused "max-size=x: want a size" --log-opt max-size=x
  refused "max-file=0: want a number of files" --log-opt max-size=1m --log-opt max-file=0
  run -0 tare create --name one-file --log-opt max-file=2 busybox true
  [[ "$output" == *"max-file has no effect without max-size"* ]]
  tare rm one-file
  refused "compress=true needs max-size, and max-file of at least 2" --log-opt compress=true --log-opt max-size=1m
  refused "compress=true needs max-size, and max-file of at least 2" --log-driver local --log-opt compress=true --log-opt max-file=1
  refused "compress=yes: want true or false" --log-opt max-size=1m --log-opt max-file=2 --log-opt compress=yes
  refused "no such option" --log-driver k8s-file --log-opt compress=true
  refused "mode=fast: want blocking or non-blocking" --log-opt mode=fast
  refused "max-buffer-size needs mode=non-blocking" --log-opt max-buffer-size=1m
  refused "max-buffer-size=0: want a size" --log-opt mode=non-blocking --log-opt max-buffer-size=0
  refused "no regular expression" --log-opt 'env-regex=('
  refused "--log-opt tag={{.Nosuch}}" --log-opt 'tag={{.Nosuch}}'
  refused "--log-opt tag={{" --log-opt 'tag={{'
}

packed() { set -- "$(log_of "$1")".*; printf '%s\n' "${@##*.log.}" | sort -n | xargs; }
all_packed() { [ "$(packed "$1")" = "$2" ] && ! pgrep -f "^[^ ]*tare internal compress $(log_of "$1")" >/dev/null; }

@test "compress: files that are done are gzip's, and tare logs reads them as it reads the others" {
  tare run -d --name zip --log-opt max-size=20k --log-opt max-file=5 --log-opt compress=true busybox \
    sh -c 'i=0; while [ $i -lt 1500 ]; do i=$((i + 1)); echo "record $i"; [ $((i % 100)) -ne 0 ] || sleep 0.1; done'
  timeout 100 "$TARE_BIN/tare" logs -f zip | cmp - <(seq -f 'record %g' 1500)
  tare wait zip
  wait_until 10 all_packed zip "1.gz 2.gz 3.gz 4.gz"
  gzip -t "$(log_of zip)".*.gz
  [ "$(stat -c %a "$(log_of zip).1.gz")" = 640 ]
  gzip -dc "$(log_of zip).1.gz" | jq -r .log >/dev/null
  tare logs zip >"$BATS_TEST_TMPDIR/kept"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/kept")" -gt 900 ]
  cmp "$BATS_TEST_TMPDIR/kept" <(seq -f 'record %g' 1500 | tail -n "$(wc -l <"$BATS_TEST_TMPDIR/kept")")
  tare logs -n 700 zip | cmp - <(seq -f 'record %g' 801 1500)
  tare logs -n 1 zip | cmp - <(echo record 1500)
  # a packer that was killed at its end leaves both, one at its beginning the plain one: each line is there once
  gzip -dc "$(log_of zip).2.gz" >"$(log_of zip).2"
  gzip -dc "$(log_of zip).3.gz" >"$(log_of zip).3"; rm "$(log_of zip).3.gz"
  tare logs zip | cmp - "$BATS_TEST_TMPDIR/kept"
  tare start -a zip >/dev/null
  wait_until 10 all_packed zip "1.gz 2.gz 3.gz 4.gz"
  # damage is told of
  head -c 100 "$(log_of zip).4.gz" >"$BATS_TEST_TMPDIR/cut"; cat "$BATS_TEST_TMPDIR/cut" >"$(log_of zip).4.gz"
  run -1 tare logs zip
  [[ "$output" == *"unpack a rotated file of $(log_of zip)"* && "$output" == *"record 1500"* ]]
  tare rm zip
}

@test "compress: one that writes as fast as it can has a bounded disk, and nothing is lost between the lines that are kept" {
  tare run -d --name flood --log-opt max-size=1m --log-opt max-file=3 --log-opt compress=true busybox sh -c 'seq 1 100000000'
  dir=$TARE_ROOT/containers/$(tare inspect -f '{{.Id}}' flood)
  for _ in 1 2 3 4; do
    sleep 0.4
    [ "$(du -bc "$dir"/*-json.log* 2>/dev/null | awk 'END { print $1 }')" -lt 4000000 ]
  done
  kill -9 "$(jq .worker "$TARE_STATE/$(tare inspect -f '{{.Id}}' flood)/state.json")"
  sleep 0.5
  tare kill flood
  tare wait flood
  tare logs flood | sed '$d' >"$BATS_TEST_TMPDIR/kept"
  awk 'NR > 1 && $1 != last + 1 { bad = 1; print "after " last " came " $1 } { last = $1 } END { exit bad || last < 20000 }' "$BATS_TEST_TMPDIR/kept"
  tare rm flood
}

@test "mode=non-blocking: a log that does not get written holds nobody back; what was lost is counted, the newest of it" {
  local fs=$BATS_TEST_TMPDIR/fs name id log
  truncate -s 20M "$BATS_TEST_TMPDIR/disk"; mkfs.ext4 -q "$BATS_TEST_TMPDIR/disk"; mkdir "$fs" "$BATS_TEST_TMPDIR/said"
  mount -o loop "$BATS_TEST_TMPDIR/disk" "$fs" || skip "no loop devices here"
  for name in ring waits; do
    mode=(); [ $name = waits ] || mode=(--log-opt mode=non-blocking --log-opt max-buffer-size=64k)
    tare create --name $name "${mode[@]}" -v "$BATS_TEST_TMPDIR/said:/said" busybox \
      sh -c "until [ -e /said/go ]; do sleep 0.1; done; seq 50000; echo done >/said/$name; until [ -e /said/on ]; do sleep 0.1; done; echo last"
    log=$(log_of $name); truncate -s 0 "$log"; touch "$fs/$name"; mount --bind "$fs/$name" "$log"
    tare start $name
  done
  fsfreeze -f "$fs"
  touch "$BATS_TEST_TMPDIR/said/go"
  timeout 20 sh -c "until [ -e '$BATS_TEST_TMPDIR/said/ring' ]; do sleep 0.1; done" || { fsfreeze -u "$fs"; false; }
  [ ! -e "$BATS_TEST_TMPDIR/said/waits" ] || { fsfreeze -u "$fs"; false; }
  id=$(tare inspect -f '{{.Id}}' ring)
  # the buffer is bounded: 300 kB of output came
  worker=$(jq .worker "$TARE_STATE/$id/state.json")
  rss=$(awk '/^RssAnon/ { print $2 }' "/proc/$worker/status")
  fsfreeze -u "$fs"
  [ "$rss" -lt 1000 ]
  sleep 1
  touch "$BATS_TEST_TMPDIR/said/on"
  tare wait ring waits
  cp "$fs/ring" "$fs/waits" "$BATS_TEST_TMPDIR"
  for name in ring waits; do umount "$(log_of $name)"; done
  umount "$fs"
  [ "$(jq -rj .log "$BATS_TEST_TMPDIR/waits" | cksum)" = "$( (seq 50000; echo last) | cksum)" ]
  jq -rj 'select(.stream == "stdout") | .log' "$BATS_TEST_TMPDIR/ring" >"$BATS_TEST_TMPDIR/kept"
  lost=$(jq -rj 'select(.stream == "stderr") | .log' "$BATS_TEST_TMPDIR/ring" | sed -n 's/^tare: \([0-9]*\) lines of output could not be written to this log: No buffer space available$/\1/p')
  [ "$lost" -gt 10000 ] && [ "$(wc -l <"$BATS_TEST_TMPDIR/kept")" = $((50001 - lost)) ]
  # the oldest are kept, and what came when there was room again
  [ "$(tail -1 "$BATS_TEST_TMPDIR/kept")" = last ]
  head -n 5000 "$BATS_TEST_TMPDIR/kept" | cmp - <(seq 5000)
  tare rm ring waits
}

@test "mode=non-blocking: nothing is lost of what the log keeps up with, over rotations; the end is waited for" {
  tare run --name keeps --log-opt mode=non-blocking --log-opt max-buffer-size=4m --log-opt max-size=100k --log-opt max-file=100 busybox \
    sh -c 'seq 20000; head -c 40000 /dev/zero | tr "\0" x; echo; printf end' >/dev/null
  tare logs keeps | cmp - <(seq 20000; head -c 40000 /dev/zero | tr '\0' x; echo; printf end)
  [ -e "$(log_of keeps).1" ]
  [ "$(tare inspect -f '{{index .HostConfig.LogConfig.Config "mode"}} {{index .HostConfig.LogConfig.Config "max-buffer-size"}}' keeps)" = "non-blocking 4m" ]
  # a worker that is killed has a successor that goes on
  tare run -d --name again --log-opt mode=non-blocking busybox sh -c 'echo before; until [ -e /go ]; do sleep 0.1; done; echo after'
  until [ "$(tare logs again)" = before ]; do sleep 0.1; done
  kill -9 "$(jq .worker "$TARE_STATE/$(tare inspect -f '{{.Id}}' again)/state.json")"
  tare exec again touch /go
  [ "$(tare wait again)" = 0 ]
  [ "$(tare logs again | xargs)" = "before after" ]
  tare rm keeps again
}

# in_journal SCRIPT: bash, with a journald that nobody else sees; tare is the program
in_journal() {
  cat >"$BATS_TEST_TMPDIR/inside" <<'X'
mount -t tmpfs x /run; mkdir -p /run/systemd/journal
/lib/systemd/systemd-journald >/run/journald.out 2>&1 &
journald=$!
end() { [ -z "$(tare ps -aq)" ] || tare rm -f $(tare ps -aq) >/dev/null; kill $journald; wait $journald; }
trap end EXIT
until [ -S /run/systemd/journal/socket ]; do kill -0 $journald; sleep 0.05; done # one that has ended is a failure, not a wait for ever
tare() { "$TARE_BIN/tare" --root "$TARE_ROOT" --state "$TARE_STATE" "$@"; }
X
  echo "$1" >>"$BATS_TEST_TMPDIR/inside"
  # pids of its own, so that a journald that stays ends with it
  unshare -m --propagation private bash -eu "$BATS_TEST_TMPDIR/inside" 3>&-
}

@test "journald: Docker's fields, and tare logs reads them back" {
  run -0 in_journal '
    tare run --name web -l com.a=1 -e V=2 --log-driver journald --log-opt labels=com.a --log-opt env=V --log-opt "tag={{.Name}}" busybox \
      sh -c "echo one; sleep 0.2; echo two >&2; sleep 0.2; printf \"a\\001b\\n\"; sleep 0.2; head -c 17000 /dev/zero | tr \"\\0\" x; echo; printf end" >/dev/null 2>&1
    journalctl --sync
    id=$(tare inspect -f "{{.Id}}" web)
    journalctl -q -o json CONTAINER_NAME=web | head -1 | jq -c "[.MESSAGE, .PRIORITY, .CONTAINER_ID == \"${id:0:12}\", .CONTAINER_ID_FULL == \"$id\", .CONTAINER_TAG, .SYSLOG_IDENTIFIER, .IMAGE_NAME, .COM_A, .V]"
    tare logs web 2>/dev/null | head -1
    tare logs web 2>&1 >/dev/null
    tare logs web 2>/dev/null | sed -n 2p | od -An -c
    tare logs web 2>/dev/null | sed -n 3p | wc -c
    tare logs web 2>/dev/null | tail -c 3; echo
    tare logs -n 1 web; echo
    tare logs --details web 2>/dev/null | head -1
    tare logs -t web 2>/dev/null | head -1
    tare logs --until 1h web | wc -l
    tare logs --since 1h web 2>/dev/null | wc -l
    from=$(tare logs -t web 2>&1 | sed -n "s/ two$//p")
    tare logs --since "$from" web 2>&1 | head -1
    tare logs --until "$from" web 2>&1 | tail -1
    tare inspect -f "[{{.LogPath}}]" web'
  echo "$output"
  [ "${lines[0]}" = '["one","6",true,true,"web","web","busybox","1","2"]' ]
  [ "${lines[1]}" = one ]
  [ "${lines[2]}" = two ]
  [ "${lines[3]}" = "   a 001   b  \\n" ]
  [ "${lines[4]}" = 17001 ]
  [ "${lines[5]}" = end ]
  [ "${lines[6]}" = end ]
  [ "${lines[7]}" = "COM_A=1,V=2 one" ]
  [[ "${lines[8]}" =~ ^20[0-9-]+T[0-9:]+\.[0-9]{9}Z\ one$ ]]
  [ "${lines[9]}" = 0 ]
  [ "${lines[10]}" = 3 ]
  [ "${lines[11]}" = two ]
  [ "${lines[12]}" = two ]
  [ "${lines[13]}" = "[]" ]
}

@test "journald: -f has every line to the end, and a journal that is not there costs no output" {
  run -0 in_journal '
    tare run -d --name foll --log-driver journald busybox sh -c "i=0; while [ \$i -lt 50 ]; do echo line \$i; i=\$((i+1)); [ \$((i % 10)) -ne 0 ] || sleep 0.2; done" >/dev/null
    timeout 30 "$TARE_BIN/tare" --root "$TARE_ROOT" --state "$TARE_STATE" logs -f foll | cksum
    i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done | cksum
    tare run --name gone --log-driver journald busybox sh -c "echo up; while [ ! -e /go ]; do sleep 0.05; done; echo still; exit 3" >/run/said || echo "code $?" >>/run/said &
    until grep -q up /run/said; do sleep 0.05; done
    rm /run/systemd/journal/socket
    tare exec gone touch /go
    wait $!
    cat /run/said'
  echo "$output"
  [ "${lines[0]}" = "${lines[1]}" ]
  [ "${lines[2]}" = up ]
  [ "${lines[3]}" = still ]
  [ "${lines[4]}" = "code 3" ]
}

@test "journald: without a journal a start is refused, and says why" {
  refuses() {
    unshare -m --propagation private sh -c 'mount -t tmpfs x /run; exec "$@"' sh "$TARE_BIN/tare" --root "$TARE_ROOT" --state "$TARE_STATE" "$@" 3>&-
  }
  run -125 refuses run --rm --network none --log-driver journald busybox echo lost
  [[ "$output" == "tare: --log-driver journald: no journal listens on this machine"*"another --log-driver" ]]
  refuses create --name later --network none --log-driver journald busybox true
  run -1 refuses start later
  [[ "$output" == *"no journal listens"* ]]
  run -0 in_journal 'tare start later; tare wait later'
  [ "${lines[1]}" = 0 ]
}

@test "journald, mode=non-blocking: a journal without room holds the container back no more, nor for long its end" {
  run -0 in_journal '
    kill $journald; wait $journald || true; rm -f /run/systemd/journal/socket
    python3 -c "import socket,time; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(\"/run/systemd/journal/socket\"); time.sleep(60)" & journald=$!
    until [ -S /run/systemd/journal/socket ]; do sleep 0.05; done
    from=$(date +%s)
    timeout 30 "$TARE_BIN/tare" --root "$TARE_ROOT" --state "$TARE_STATE" run --rm --log-driver journald --log-opt mode=non-blocking busybox sh -c "seq 3000 | tail -1"
    timeout 30 "$TARE_BIN/tare" --root "$TARE_ROOT" --state "$TARE_STATE" run --rm --log-driver journald --log-opt mode=non-blocking --log-opt max-buffer-size=10k busybox sh -c "seq 5000" | tail -1
    [ $(($(date +%s) - from)) -lt 25 ]
    trap - EXIT; kill $journald'
  echo "$output"
  [ "${lines[0]}" = 3000 ]
  [ "${lines[1]}" = 5000 ]
}

@test "journald: without journalctl tare logs says so" {
  tare create --name nojc --log-driver journald busybox true
  mkdir "$BATS_TEST_TMPDIR/empty"
  run -1 env PATH="$BATS_TEST_TMPDIR/empty" "$TARE_BIN/tare" --root "$TARE_ROOT" --state "$TARE_STATE" logs nojc
  [[ "$output" == *"journalctl, which reads it, is not installed"* ]]
  tare rm nojc
}

# A journalctl that ends while it should follow: what it leaves is readable for ever.
@test "journald: logs -f says that journalctl ended, and behind --until it ends, too" {
  local bin=$BATS_TEST_TMPDIR/bin
  mkdir "$bin"
  printf '#!/bin/sh\nexit 1\n' >"$bin/journalctl"
  chmod +x "$bin/journalctl"
  in_journal "trap - EXIT; tare run -d --name ended --network none --log-driver journald busybox sleep 1000; kill \$journald"
  PATH=$bin:$PATH run timeout 5 "$TARE_BIN/tare" logs -f ended
  [ "$status" = 1 ]
  [[ "$output" == *"journalctl failed"* ]]
  PATH=$bin:$PATH run -0 timeout 5 "$TARE_BIN/tare" logs -f --until 0s ended
  tare rm -f ended
}

# The word of the end is faster than journalctl.
@test "journald: -f -n has all that comes, though it comes with the end" {
  run -0 in_journal '
    tare run -d --name n0 --network none --log-driver journald busybox sh -c "sleep 1; seq 10" >/dev/null
    tare logs -f -n 0 n0 | wc -l
    tare run -d --name n3 --network none --log-driver journald busybox sh -c "sleep 1; seq 10" >/dev/null
    tare logs -f -n 3 n3 | wc -l'
  echo "$output"
  [ "${lines[0]}" = 10 ]
  [ "${lines[1]}" = 10 ]
}
